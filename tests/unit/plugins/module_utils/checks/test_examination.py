"""What one check raises keeps no other from being made."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.examination import Examination
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import STOP, WARNING, finding
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, ApiUnreachable, MonqError


def broken(error):
    def check():
        raise error

    return check


def brief(made):
    return [(one["id"], one["severity"], one["object"]) for one in made.findings]


def test_an_expected_error_is_a_finding_of_its_check():
    made = Examination()
    made.make("status", broken(MonqError("no", "the registry", "healthy", "Failed", "look")))
    [one] = made.findings
    assert (one["id"], one["object"], one["seen"], one["next"]) == ("MONQ-055", "the registry", "no: Failed", "look")


def test_an_unexpected_error_names_check_and_object_and_shows_no_secret():
    made = Examination(["hunter2-canary"])
    made.make("status", broken(KeyError("hunter2-canary")), subject="the registry")
    made.make("status", lambda: [finding("status", STOP, "o", "e", "s", "n")])
    first, second = made.findings
    assert (first["id"], first["severity"]) == ("MONQ-001", STOP) and second["id"] == "MONQ-055"
    assert first["object"] == "check status, the registry" and first["seen"].startswith("KeyError: ")
    assert "canary" not in str(made.findings) and "Traceback" not in first["seen"]


def test_a_check_that_can_only_warn_does_not_stop_because_it_fails():
    made = Examination()
    made.make("health.unhealthy", broken(ValueError("x")))
    made.make("health.unhealthy", broken(MonqError("y", "o")))
    assert [one["severity"] for one in made.findings] == [WARNING, WARNING]


@pytest.mark.parametrize("error", [MonqError("no answer", "/apis"), ValueError("x")], ids=["expected", "unexpected"])
def test_what_several_checks_read_is_read_once_and_reported_once(error):
    made, reads = Examination(), []

    def read():
        reads.append(1)
        raise error

    value = made.once(read, subject="Deployments")
    made.make("modules.absent", lambda: [value()])
    made.make("health.unhealthy", lambda: [value()])
    made.make("status", lambda: [finding("status", STOP, "o", "e", "s", "n")])
    assert len(reads) == 1 and len(made.findings) == 2
    assert made.findings[0]["parameters"]["unchecked"] == ["modules.absent", "health.unhealthy"]


def test_what_is_read_well_is_read_once_too():
    made, reads = Examination(), []
    value = made.once(lambda: reads.append(1) or [7])
    assert value() == value() == [7] and len(reads) == 1


@pytest.mark.parametrize(
    ("error", "obj"),
    [
        (ApiUnreachable("no answer", "https://api"), "https://api"),
        (ApiError(429, "TooManyRequests", "later", "GET", "/version"), "/version"),
    ],
    ids=["no answer", "only throttles"],
)
def test_a_server_that_has_stopped_responding_is_asked_no_more(error, obj):
    made, asked = Examination(one_server=True), []
    made.make("kubernetes.version", broken(error))
    made.make("modules.absent", lambda: asked.append(1))
    assert asked == [] and brief(made) == [("MONQ-013", STOP, obj)]
    assert made.findings[0]["parameters"]["unchecked"] == ["modules.absent"]


def test_a_read_that_is_refused_is_no_news_where_the_permission_is_a_finding():
    refused = ApiError(403, "Forbidden", "no", "GET", "/x")
    made = Examination()
    made.make("modules.absent", broken(refused))
    assert [one["id"] for one in made.findings] == ["MONQ-025"]
    made = Examination()
    [made.denied] = made.make("permissions", lambda: [finding("permissions", STOP, "list x", "e", "s", "n")])
    value = made.once(broken(refused))
    made.make("modules.absent", broken(refused))
    made.make("tls.secret", value)
    assert [one["id"] for one in made.findings] == ["MONQ-019"]
    assert made.findings[0]["parameters"]["unchecked"] == ["modules.absent", "tls.secret"]
