"""All checks in one reading; what one of them raises keeps no other from being made."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils import arguments, prerequisites
from ansible_collections.monq.platform.plugins.module_utils.checks import (
    clocks,
    cluster,
    inputs,
    postgres,
    preflight,
    registry,
)
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import STOP, finding
from ansible_collections.monq.platform.plugins.module_utils.checks.preflight import CHECKS, Preflight
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, ApiUnreachable, CommandError
from fake_cluster import CONFIGMAPS, LEASES, FakeCluster
from fake_session import params
from repository import RELEASE

GIVEN = {"releasehub_token": "t", "database_names": {}}


def stop(what):
    return finding(what, STOP, what, "a", "b", "c")


@pytest.fixture
def world(monkeypatch):
    """Every check finds one thing; asked: which were made."""
    made = FakeCluster()
    made.asked = []

    def check(name, answer):
        def examine(*_given):
            made.asked.append(name)
            return answer

        return examine

    monkeypatch.setattr(arguments, "cluster", lambda given: made)
    monkeypatch.setattr(inputs, "examine", check("inputs", [stop("inputs")]))
    monkeypatch.setattr(cluster, "examine", check("cluster", [stop("cluster")]))
    monkeypatch.setattr(registry, "examine", check("registry", {"findings": [stop("registry")], "deferred": False}))
    monkeypatch.setattr(clocks, "of_database", lambda _given: [])
    monkeypatch.setattr(postgres, "inspect", check("databases", {"findings": [stop("databases")]}))
    return made


def run(checks=CHECKS, **given):
    return Preflight({**params(), **GIVEN, **given}, lambda *_where: "").run(checks)


def objects(report):
    return [row["object"] for row in report["findings"]]


def test_all_that_is_found_is_told_at_once(world):
    report = run()
    assert objects(report) == ["inputs", "cluster", "registry", "databases"]
    assert (report["finished"], report["prepared"], report["cut"], report["home_due"]) == (False, False, False, False)
    assert report["ledger"]["lock"] == "none" and len(report["ledger"]["steps"]) == len(steps.plan(RELEASE, ["pl"]))
    assert world.bodies == []


@pytest.mark.parametrize("name", CHECKS)
def test_one_check_alone(world, name):
    assert objects(run([name])) == [name]


@pytest.mark.parametrize(
    ("module", "name", "error", "told"),
    [
        (cluster, "cluster", ApiError(500, "Internal", "no", "GET", "/x"), "/x"),
        (registry, "registry", CommandError("monqctl failed", "monqctl"), "monqctl"),
        (postgres, "databases", CommandError("no server", "db.test"), "db.test"),
    ],
)
def test_a_check_that_fails_is_a_finding_and_keeps_no_other_back(world, monkeypatch, module, name, error, told):
    def broken(*_given):
        raise error

    monkeypatch.setattr(module, "inspect" if module is postgres else "examine", broken)
    report = run()
    assert set(objects(report)) == {told, *CHECKS} - {name}


def test_a_cluster_that_does_not_answer_is_a_finding(world, monkeypatch):
    def unreachable(_given):
        raise ApiUnreachable("no answer", "api.test", "an answer", "timeout", "look")

    monkeypatch.setattr(arguments, "cluster", unreachable)
    assert objects(run()) == ["inputs", "api.test", "registry", "databases"]


def test_a_cluster_that_only_throttles_is_one_finding_and_is_not_asked_again(world):
    def before(method, path):
        raise ApiError(429, "TooManyRequests", "later", method, path)

    world.before = before
    report = run()
    first = report["findings"][1]
    assert (first["id"], first["seen"].partition(": ")[2]) == ("MONQ-013", "429 TooManyRequests: later")
    assert objects(report) == ["inputs", first["object"], "registry", "databases"]
    assert len(world.calls) == 1


def test_a_ledger_that_may_not_be_read_leaves_the_finding_to_the_permissions(world):
    def before(method, path):
        if path.startswith(CONFIGMAPS):
            raise ApiError(403, "Forbidden", "no", method, path)

    world.before = before
    assert objects(run()) == ["inputs", "cluster", "registry", "databases"]


def test_a_lock_that_may_not_be_read_leaves_the_finding_to_the_permissions(world):
    def before(method, path):
        if path.startswith(LEASES):
            raise ApiError(403, "Forbidden", "no", method, path)

    world.before = before
    report = run()
    assert objects(report) == ["inputs", "cluster", "registry", "databases"] and report["ledger"]["lock"] == "unknown"


def entries(world, *keys):
    ledger = Ledger(world, "production", "6.0.0").load()
    for key in keys:
        ledger.write(key, {"state": "done", "started": "2026-03-01T10:00:00Z", "finished": "2026-03-01T10:00:01Z"})


def test_inside_the_outage_the_databases_are_not_asked(world):
    """The dumps exist, and the SQL itself may have changed owners: the way out is forward."""
    entries(world, "upgrade.routing.cut")
    report = run()
    assert report["cut"] and world.asked == ["inputs", "cluster", "registry"]


def test_a_finished_upgrade_asks_no_database(world):
    entries(world, *[step.key for step in steps.plan(RELEASE, ["pl"]) if step.kind != "client"])
    report = run()
    assert report["finished"] and report["prepared"] and "databases" not in world.asked


def without(monkeypatch, *libraries):
    lacking = [prerequisites.missing(name, f"No module named '{name}'") for name in libraries]
    monkeypatch.setattr(prerequisites, "absent", lambda names: lacking)


def test_every_library_that_is_missing_is_found_besides_what_was_not_checked_for_it(world, monkeypatch):
    without(monkeypatch, "psycopg2", "jmespath")

    def inspect(_given):
        raise prerequisites.missing("psycopg2", "No module named 'psycopg2'")

    monkeypatch.setattr(postgres, "inspect", inspect)
    report = run()
    assert {"inputs", "cluster", "registry"} <= set(objects(report))
    found = {row["parameters"]["library"]: row for row in report["findings"] if row["id"] == "MONQ-131"}
    assert set(found) == {"psycopg2", "jmespath"}
    assert {row["severity"] for row in found.values()} == {"stop"}
    assert found["psycopg2"]["parameters"]["unchecked"] == ["postgresql.reachable"]


@pytest.mark.parametrize(("done", "severities"), [("cut", ["warning"]), ("finished", [])])
def test_a_library_that_is_missing_does_not_stop_the_way_out_of_an_outage(world, monkeypatch, done, severities):
    """Nor is one needed once everything is done."""
    without(monkeypatch, "psycopg2")
    keys = [step.key for step in steps.plan(RELEASE, ["pl"]) if step.kind != "client"]
    entries(world, *(keys if done == "finished" else ["upgrade.routing.cut"]))
    found = [row for row in run()["findings"] if row["id"] == "MONQ-131"]
    assert [row["severity"] for row in found] == severities
    assert all(row["next"] == row["parameters"]["command"] for row in found), "still the command that installs it"


def test_a_home_that_lacks_a_step_is_told_and_no_other(world, tmp_path):
    """A fresh AWX job: its home has none of the client steps, and only those whose predecessors are done are due."""
    keys = [step.key for step in steps.plan(RELEASE, ["pl"])]
    entries(world, *keys[: keys.index("prepare.release_hub.token")])
    assert run(monqctl_home=str(tmp_path))["home_due"] is True


def test_variables_that_make_no_plan_are_a_finding(world):
    report = run(plan={"modules": ["pl", "nonsense"]})
    assert [(row["id"], row["severity"]) for row in report["findings"] if row["id"]][:1] == [("MONQ-002", "stop")]


def test_a_ledger_that_somebody_edited_is_a_finding(world):
    world.put(f"{CONFIGMAPS}/monq-upgrade-6.0.0", {"data": {"upgrade.routing.cut": "done"}})
    assert [row["severity"] for row in run()["findings"] if row["id"] == "MONQ-091"] == ["stop"]


def test_a_lost_ledger_stops_before_anything_else_is_asked(world, monkeypatch):
    monkeypatch.setattr(preflight, "orphans", lambda *_given: ["monq-upgrade-6.0.0-original-0"])
    report = run()
    assert world.asked == ["inputs", "cluster"] and report["ledger"]["platform"] != "up"


def test_the_operators_decisions_are_checked(world):
    report = run(resolve={"upgrade.routing.cut": "retry"})
    assert [row["id"] for row in report["findings"] if row["object"] not in CHECKS] == ["MONQ-011"]


def test_no_finding_shows_a_known_secret(world, monkeypatch):
    told = [finding("status", STOP, "o", "e", "password hunter2-canary", "n")]
    monkeypatch.setattr(registry, "examine", lambda *_given: {"findings": told, "deferred": False})
    report = run(["registry"], mask='["hunter2-canary"]')
    assert "canary" not in str(report["findings"]) and "********" in str(report["findings"])


@pytest.mark.parametrize(
    ("consul", "asked"),
    [
        ({}, []),
        ({"url": ""}, []),
        ({"url": "http://consul", "token": "t"}, ["production"]),
        ({"url": "http://consul", "environment": "stage"}, ["stage"]),
    ],
)
def test_consul_is_asked_only_where_its_address_is_given(world, monkeypatch, consul, asked):
    seen = []

    def examine(where, databases, server, _secrets):
        assert {"microservice": "pl-identity-service", "database": "pl_identity_service"} in databases
        assert server == {"host": "db"}
        seen.append(where["environment"])
        return [stop("consul")]

    monkeypatch.setattr(preflight.consul, "examine", examine)
    report = run(["databases"], consul=consul, environment="production", postgresql={"host": "db"})
    assert seen == asked and objects(report) == ["databases"] + ["consul"] * len(asked)


def test_a_generation_is_known_where_the_ledger_is(world):
    made = Preflight({**params(), **GIVEN}, lambda *_where: "")
    assert made.generation is None
    made.run()
    assert made.generation == 1


@pytest.mark.parametrize(
    ("window", "required", "found"),
    [
        ("", True, 0),
        ("2026-11-27T22:00:00Z/PT3H", True, 0),
        ("2026-11-28T22:00:00Z/PT3H", True, 1),
        ("2026-11-28T22:00:00Z/PT3H", False, 0),  # nobody begins an outage with preflight.yml
        ("tonight", False, 1),
    ],
)
def test_a_run_with_the_outage_starts_within_the_window(world, window, required, found):
    world.clock = lambda: 1795820400.0  # 2026-11-27 23:00 UTC
    seen = run(["cluster"], outage_window=window, confirmation_required=required)["findings"]
    assert [row["id"] for row in seen if "window" in row["object"]] == ["MONQ-099"] * found
