"""What forbids a rollback: before it begins, and once it has begun."""

from __future__ import annotations

import contextlib
import json
import socket
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.errors import (
    CommandError,
    InputError,
    MonqError,
    SnapshotError,
    StepError,
)
from ansible_collections.monq.platform.plugins.module_utils.rollback import checks as rollback_checks
from ansible_collections.monq.platform.plugins.module_utils.rollback import database as rollback_database
from ansible_collections.monq.platform.plugins.module_utils.rollback import run as rollback_run
from ansible_collections.monq.platform.plugins.module_utils.rollback import steps as rollback_steps
from ansible_collections.monq.platform.plugins.module_utils.rollback.database import DatabaseRestore
from ansible_collections.monq.platform.plugins.module_utils.rollback.ledger import RollbackLedger
from ansible_collections.monq.platform.plugins.modules.rollback_database import perform
from fake_cluster import CONFIGMAPS, SECRETS
from fake_rollback import NOW, UPGRADE, World, all_steps, begun, lock


@pytest.fixture
def world():
    return World()


def stops(report):
    return [one["check"] for one in report["findings"] if one["severity"] == "stop"]


def ids(report):
    return [one["id"] for one in report["findings"] if one["severity"] == "stop"]


def lose_the_ledger(world):
    world.cluster.drop(f"{CONFIGMAPS}/monq-upgrade-6.0.0")


@pytest.mark.parametrize(
    ("step", "asked"), [("upgrade.pl.microservices.replace", True), ("upgrade.routing.cut", False)]
)
def test_what_another_machine_began_is_asked_about(world, step, asked):
    """monqctl may still be at work there; an API call of ours is fenced."""
    Ledger(world.cluster, "production", "6.0.0").load().write(
        step, {**NOW, "state": "intent", "attempt": "a7", "host": "elsewhere", "pid": 7}
    )
    assert stops(world.overview()) == (["alive"] if asked else [])
    if asked:
        assert '"answer": "retry", "attempt": "a7"' in world.overview()["findings"][0]["next"]
    world.resolve = {step: {"answer": "retry", "attempt": "a7"}}
    assert stops(world.overview()) == []
    world.run().require_known_decisions()
    world.resolve = {}
    begun(world, "rollback.diagnostics.save")
    assert stops(world.overview()) == [], "the rollback has begun, so the word was given"


def test_the_words_that_were_given_are_shown_with_the_next_one(world):
    for step, attempt in (("upgrade.pl.microservices.replace", "a7"), ("prepare.registry.update", "a8")):
        Ledger(world.cluster, "production", "6.0.0").load().write(
            step, {**NOW, "state": "intent", "attempt": attempt, "host": "elsewhere", "pid": 7}
        )
    world.resolve = {"upgrade.pl.microservices.replace": {"answer": "retry", "attempt": "a7"}}
    words = {**world.resolve, "prepare.registry.update": {"answer": "retry", "attempt": "a8"}}
    assert json.dumps({"monq_resolve": words}) in world.overview()["findings"][0]["next"]


def test_whether_the_rollback_is_an_outage_is_known_to_the_hooks(world):
    assert (
        world.overview()["outage"] == "none"
        and World([{"microservice": "pl-a-service", "database": "pl_a"}]).overview()["outage"] == "to come"
    )
    world.upgrade()
    assert world.overview()["outage"] == "running"
    world.record(*[step.key for step in UPGRADE if not step.key.endswith(".original")])
    assert world.overview()["outage"] == "to come", "the upgrade has ended: the rollback takes Monq down again"
    begun(world, "rollback.routing.remove")
    assert world.overview()["outage"] == "running"
    begun(world, "rollback.routing.restore")
    assert world.overview()["outage"] == "over"


def test_a_lost_ledger_is_a_stop_and_not_nothing_to_roll_back(world):
    lose_the_ledger(world)
    report = world.overview()
    assert ids(report) == ["MONQ-012"] and not report["needed"] and "unknown" in report["platform"]
    assert "monq-upgrade-6.0.0-original-0" in report["findings"][0]["expected"]


@pytest.mark.parametrize("read", ["deployment_changes", "old_routes", "registry_counts"])
def test_a_ledger_that_is_lost_after_the_rollback_has_begun_says_what_to_do(world, read):
    world.upgrade()
    begun(world, "rollback.diagnostics.save")
    lose_the_ledger(world)
    assert stops(world.overview()) == ["version"]
    with pytest.raises(SnapshotError, match="has no digest of its snapshot") as caught:
        getattr(world.rollback(), read)()
    assert "from a backup of the cluster" in caught.value.next_step


def test_without_a_ledger_there_is_nothing_to_roll_back():
    world = World()
    lose_the_ledger(world)
    for path in [path for path in world.cluster.objects if path.startswith(SECRETS)]:
        world.cluster.drop(path)
    assert (
        world.overview(confirm="") == {**world.overview(), "needed": False} and stops(world.overview(confirm="")) == []
    )


@pytest.mark.parametrize("confirm", ["", "staging"])
def test_the_confirmation_is_demanded_but_not_for_a_check(world, confirm):
    assert ids(world.overview(confirm=confirm)) == ["MONQ-085"]
    assert stops(world.overview(check_mode=True, confirm=confirm)) == []
    with pytest.raises(MonqError, match="cannot start"):
        rollback_checks.require(world.overview(confirm=confirm))


def test_a_closed_release_wants_a_word_more(world):
    world.record(*[step.key for step in UPGRADE if not step.key.endswith(".original")])
    assert ids(world.overview()) == ["MONQ-086"]
    assert stops(world.overview(closed=True)) == []


def test_the_annotation_closes_it_too(world):
    world.cluster.objects[f"{CONFIGMAPS}/monq-upgrade-6.0.0"]["metadata"]["annotations"]["monq.platform/closed"] = (
        "2026-03-01"
    )
    assert stops(world.overview()) == ["closed"] and stops(world.overview(closed=True)) == []


def test_an_altered_snapshot_refuses(world):
    path = next(path for path in world.cluster.objects if path.endswith("monq-upgrade-6.0.0-original-0"))
    world.cluster.objects[path]["data"]["chunk"] = "eA=="
    assert ids(world.overview()) == ["MONQ-088"]
    world.cluster.drop(path)
    assert stops(world.overview()) == ["snapshot"]


def test_a_step_that_is_at_work_refuses(world, monkeypatch):
    world.record("prepare.registry.update", state="intent")
    here = socket.gethostname()
    monkeypatch.setattr(
        rollback_checks.attempts,
        "alive",
        lambda entry: [7] if entry.update(host=here) is None and entry["state"] == "intent" else [],
    )
    assert ids(world.overview()) == ["MONQ-087"]


def test_a_rollback_that_has_begun_ends_with_the_same_databases(world):
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    world.rollback(world.run(lock)).perform("rollback.diagnostics.save")
    assert stops(world.overview()) == []
    world.databases = [{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}]
    with pytest.raises(StepError, match="step list differs"):
        world.run().require_same_plan()
    assert "MONQ-011" in ids(world.overview())


@pytest.mark.parametrize("fault", ["none", "altered", "longer", "gone", "another database", "no dump"])
def test_the_dump_must_be_the_one_that_the_ledger_knows(tmp_path, fault):
    world = World([{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])
    path = tmp_path / "x.dump"
    path.write_bytes(b"dump")
    result = {
        "path": str(path),
        "bytes": 4,
        "sha256": rollback_database.sha256(str(path)),
        "database": "pl_i18n_service",
    }
    if fault == "another database":
        result["database"] = "pl_identity_service"
    if fault != "no dump":
        Ledger(world.cluster, "production", "6.0.0").load().write(
            "prepare.backup.database.pl-i18n-service", {**NOW, "result": result}
        )
    {
        "altered": lambda: path.write_bytes(b"dumq"),
        "longer": lambda: path.write_bytes(b"dump."),
        "gone": path.unlink,
    }.get(fault, lambda: None)()
    found = world.overview()["findings"]
    assert ids(world.overview()) == ([] if fault == "none" else ["MONQ-089"])
    assert all("leave it" in one["next"] or "leave its database out" in one["next"] for one in found)
    # Once it has begun the step itself says no, and there the operator has a word.
    world.rollback(world.run(lock(world))).perform("rollback.diagnostics.save")
    found = world.overview()["findings"]
    assert stops(world.overview()) == [] and [one["severity"] for one in found] == (
        [] if fault == "none" else ["warning"]
    )
    assert all("leave" not in one["next"] and "nothing was changed" not in one["next"] for one in found)
    if fault != "none":
        known = rollback_steps.dump_of(world.run().upgrade.entries, "pl-i18n-service")[1]
        with pytest.raises(MonqError) as caught:
            rollback_database.DatabaseRestore({"host": "h", "port": 1, "user": "u"}).run("pl_i18n_service", known, 1)
        assert "leave" not in caught.value.next_step and "nothing was changed" not in caught.value.next_step


def test_what_a_restore_would_lack_is_said_before_anything_goes_down(tmp_path, monkeypatch):
    world = World([{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])
    path = tmp_path / "x.dump"
    path.write_bytes(b"dump")
    result = {"path": str(path), "bytes": 4, "sha256": rollback_database.sha256(str(path))}
    Ledger(world.cluster, "production", "6.0.0").load().write(
        "prepare.backup.database.pl-i18n-service", {**NOW, "result": {**result, "database": "pl_i18n_service"}}
    )
    needed = [
        {"severity": "stop", "expected": "a member", "seen": "it is not", "next": 'GRANT "postgres" TO "monq"'},
        {"severity": "warning", "expected": "everything", "seen": "subscription news", "next": "keep it"},
    ]
    monkeypatch.setattr(DatabaseRestore, "problems", lambda _self, _database, given: needed if given["bytes"] else [])
    found = world.overview(postgresql={"host": "h", "port": 1, "user": "monq"})["findings"]
    assert [(one["severity"], one["seen"]) for one in found] == [(one["severity"], one["seen"]) for one in needed]
    assert {one["id"] for one in found} == {"MONQ-090"}
    assert found[0]["next"] == 'GRANT "postgres" TO "monq"; or leave its database out of monq_rollback_databases'
    assert found[1]["next"] == "keep it"


def test_a_begun_rollback_whose_dump_is_gone_ends_by_the_operators_word():
    """Nobody gets past the check of before otherwise, and the databases must stay named: the list of steps would be
    another one."""
    world = World([{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])
    world.upgrade()
    taken = lock(world)
    restore = DatabaseRestore({"host": "127.0.0.1", "port": 1, "user": "u"})
    dumps = types.SimpleNamespace(dump=lambda *_given: {"path": "/d"})
    gone = {"path": "/nowhere/x.dump", "bytes": 4, "sha256": "x", "database": "pl_i18n_service"}
    Ledger(world.cluster, "production", "6.0.0").load().write(
        "prepare.backup.database.pl-i18n-service", {**NOW, "result": gone}
    )
    for key in ("rollback.diagnostics.save", "rollback.deployments.stop"):
        world.rollback(world.run(taken)).perform(key)
    with pytest.raises(MonqError, match="missing or altered") as caught:
        perform(world.run(taken), dumps, restore, world.databases)
    word = {"rollback.database.pl-i18n-service": {"answer": "accept", "attempt": caught.value.details["attempt"]}}
    assert json.dumps({"monq_resolve": word}) in caught.value.next_step
    world.resolve = word
    rollback_checks.require(world.overview())
    assert perform(world.run(taken), dumps, restore, world.databases) == []
    for key in all_steps(world, world.rollback()):
        world.settle()
        world.rollback(world.run(taken)).perform(key)
    assert RollbackLedger(world.cluster, "production", "6.0.0").load().finished


@pytest.mark.parametrize("fault", ["context", "snapshot", "permission"])
def test_what_can_be_answered_at_its_step_stops_only_what_has_not_begun(world, fault):
    def wrong():
        raise CommandError("monqctl's current context is not the expected one")

    if fault == "context":
        world.monqctl.require_context = wrong
    elif fault == "snapshot":
        world.cluster.drop(f"{SECRETS}/monq-upgrade-6.0.0-original-0")
    allowed = fault != "permission"
    assert set(stops(world.overview(allowed=allowed))) == {
        {"context": "identity", "permission": "permissions"}.get(fault, fault)
    }
    begun(world, "rollback.diagnostics.save")
    report = world.overview(allowed=allowed)
    assert stops(report) == [] and any(one["severity"] == "warning" for one in report["findings"])
    assert stops(world.overview(allowed=allowed, confirm="")) == ["confirmation"], (
        "the operator's own words have no step"
    )


@pytest.mark.parametrize("given", ["retry", ["retry"], {"attempt": "a7"}, {"answer": "perhaps"}])
def test_an_answer_that_is_none_says_the_form(world, given):
    world.resolve = {"upgrade.pl.microservices.replace": given}
    with pytest.raises(InputError, match="unknown answer") as caught:
        world.overview()
    assert '"attempt": "the ID shown in the error"' in caught.value.expected


@pytest.mark.parametrize(
    ("key", "known"),
    [("upgrade.routing.cut", True), ("rollback.routing.remove", True), ("rollback.routing.removed", False)],
)
def test_answers_to_both_lists_of_steps_are_known_and_no_others(world, key, known):
    world.resolve = {key: {"answer": "retry", "attempt": "a1"}}
    with contextlib.nullcontext() if known else pytest.raises(InputError, match="not part of the plan"):
        world.overview()
