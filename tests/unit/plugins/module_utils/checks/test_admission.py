"""What the cluster says to a dry run of each kind of write."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import admission
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, ApiUnreachable
from fake_cluster import DEPLOYMENTS, INGRESSES, FakeCluster

DEPLOYMENT = {"metadata": {"name": "pl-registry-service"}, "spec": {"replicas": 2}}
ROUTE = {"metadata": {"name": "pl-front"}}
WRITES = {
    "create configmaps": "/configmaps",
    "create secrets": "/secrets",
    "patch deployments.apps/pl-registry-service": "/pl-registry-service",
    "patch deployments/scale.apps/pl-registry-service": "/scale",
    "delete ingresses.extensions/pl-front": "/pl-front",
}
TIMED_OUT = 'failed calling webhook "check.example.org": context deadline exceeded'


def examine(answer=None, at="", **given):
    """The findings where one write, whose path ends so, gets this answer."""
    cluster = FakeCluster()

    def before(_method, path):
        if answer and path.removesuffix("?dryRun=All").endswith(at):
            raise answer

    cluster.before = before
    found = admission.examine(
        cluster, "production", given.pop("deployment", DEPLOYMENT), given.pop("route", ROUTE), **given
    )
    return found, cluster


def error(status, message):
    return ApiError(status, "Reason", message, "POST", "/x")


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(500, TIMED_OUT), ("MONQ-141", "stop")),
        (error(403, 'admission webhook "policy" denied the request: not at night'), ("MONQ-141", "stop")),
        (error(403, "exceeded quota: x"), ("MONQ-141", "stop")),
        (ApiUnreachable("no response", "https://x", "a response", "ReadTimeoutError"), ("MONQ-141", "stop")),
        (error(400, 'admission webhook "w" does not support dry run'), ("MONQ-143", "info")),
        (error(403, 'configmaps is forbidden: User "x" cannot create resource'), None),
    ],
    ids=["time", "policy", "quota", "silence", "no dry run", "no permission"],
)
def test_each_write_is_tried(write, answer, expected):
    found, cluster = examine(answer, WRITES[write])
    assert [(one["id"], one["severity"]) for one in found] == ([expected] if expected else [])
    assert all(one["object"].startswith(f"{write} in namespace production") for one in found)
    assert [path.rpartition("?")[2] for _method, path in cluster.calls if "?" in path] == ["dryRun=All"] * 5
    assert cluster.writes == [], "nothing is stored"


def test_an_accepted_write_is_no_finding_and_a_slow_one_is_a_warning():
    assert examine()[0] == []
    times = iter([0, 0.1, 1, 4.2, 5, 5.1, 6, 6.1, 7, 7.1])
    ((slow,), _cluster) = examine(clock=lambda: next(times))
    assert (slow["id"], slow["severity"], slow["seen"]) == ("MONQ-142", "warning", "accepted after 3 s")
    assert slow["object"].startswith("create secrets ")


def test_without_an_object_its_writes_are_not_tried():
    _found, cluster = examine(deployment=None, route=None)
    assert not [path for _method, path in cluster.calls if path.startswith((DEPLOYMENTS, INGRESSES))]


def test_the_count_of_the_deployment_stays():
    rows = admission.writes(FakeCluster(), "production", DEPLOYMENT, ROUTE)
    assert [body for words, _method, _path, body in rows if "scale" in words] == [{"spec": {"replicas": 2}}]
