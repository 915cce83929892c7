"""Two ledgers, one number: the rollback's own, the archive, and what the next upgrade is told."""

from __future__ import annotations

import contextlib
import itertools
import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import snapshots, steps
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger, number, of_upgrade
from ansible_collections.monq.platform.plugins.module_utils.engine.runner import StepRunner
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore, orphans
from ansible_collections.monq.platform.plugins.module_utils.errors import (
    ApiError,
    ApiUnreachable,
    LedgerError,
    SnapshotError,
    StepError,
)
from ansible_collections.monq.platform.plugins.module_utils.rollback import archive
from ansible_collections.monq.platform.plugins.module_utils.rollback.archive import Archive, clear_finished
from ansible_collections.monq.platform.plugins.module_utils.rollback.ledger import (
    RollbackLedger,
    require_no_rollback,
    unfinished_text,
    upgrade_ledger,
)
from fake_cluster import CONFIGMAPS, SECRETS, FakeCluster
from fake_session import opened
from repository import RELEASE

WHERE = ("production", "6.0.0")
UPGRADE, ROLLBACK = f"{CONFIGMAPS}/monq-upgrade-6.0.0", f"{CONFIGMAPS}/monq-rollback-6.0.0"
SQL = "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
SECOND = "upgrade.pl.database.pl-userspaces-api-service.userspace-configuration.sql"
UNKNOWN = {
    "state": "unknown",
    "attempt": "a1234567",
    "started": "2026-03-01T10:00:00Z",
    "earlier_attempt": 1,
    "error": "applied in attempt 1",
}
PLAN = steps.plan(RELEASE, ["pl"])


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setattr(snapshots, "CHUNK", 20)
    return FakeCluster()


def upgraded(cluster):
    """A ledger of attempt 1 with two sealed snapshots, and the torn rest of a third."""
    store, ledger = SnapshotStore(cluster, *WHERE), Ledger(cluster, *WHERE).load()
    ledger.write(
        "prepare.snapshot.original", {"state": "done", "result": store.save("original", {"deployments": ["x" * 50]})}
    )
    ledger.write("prepare.replicas.original", {"state": "done", "result": store.save("original-replicas", {"a": 1})})
    store.save("cut", {"deployments": []})
    cluster.drop(f"{SECRETS}/monq-upgrade-6.0.0-cut-1")
    return ledger


def finished(cluster, generation=1):
    ledger = number(RollbackLedger(cluster, *WHERE), generation)
    ledger.write("rollback.diagnostics.save", {"state": "done"})
    ledger.write("rollback.ledger.archive", {"state": "done"})
    return ledger


def secrets(cluster):
    return sorted(path.rsplit("/", 1)[1] for path in cluster.objects if path.startswith(SECRETS))


# ---- the rollback's ledger


def test_it_has_its_own_name_the_attempts_number_and_a_state(cluster):
    ledger = number(RollbackLedger(cluster, *WHERE), 3)
    ledger.write("rollback.diagnostics.save", {"state": "done"})
    assert RollbackLedger(cluster, *WHERE).load().unfinished
    assert cluster.objects[ROLLBACK]["metadata"]["annotations"] == {
        "monq.platform/attempt": "3",
        "monq.platform/state": "begun",
    }
    ledger.write("rollback.ledger.archive", {"state": "intent"})
    assert not ledger.finished
    ledger.write("rollback.ledger.archive", {"state": "done"})
    assert RollbackLedger(cluster, *WHERE).load().finished
    assert cluster.objects[ROLLBACK]["metadata"]["annotations"]["monq.platform/state"] == "finished"


def test_the_next_upgrade_counts_on(cluster):
    finished(cluster, generation=2)
    ledger = of_upgrade(cluster, *WHERE)
    assert ledger.generation == 3
    ledger.write("a", {"state": "intent"})
    assert cluster.objects[UPGRADE]["metadata"]["annotations"]["monq.platform/attempt"] == "3"


def test_every_module_of_an_upgrade_starts_from_the_number(cluster):
    finished(cluster, generation=2)
    assert opened(cluster).run.ledger.generation == 3


def test_without_a_rollback_the_first_attempt_is_the_first(cluster):
    assert of_upgrade(cluster, *WHERE).generation == 1


def test_status_tells_of_a_rollback_that_has_not_ended(cluster):
    assert unfinished_text(cluster, *WHERE) == ""
    number(RollbackLedger(cluster, *WHERE), 1).write("rollback.routing.remove", {"state": "failed"})
    assert "rollback.routing.remove (failed)" in unfinished_text(cluster, *WHERE)
    cluster.drop(ROLLBACK)
    finished(cluster)
    assert unfinished_text(cluster, *WHERE) == ""


def test_snapshots_without_their_ledger_are_known(cluster):
    upgraded(cluster)
    assert orphans(cluster, *WHERE, Ledger(cluster, *WHERE).load()) == []
    cluster.drop(UPGRADE)
    before = Ledger(cluster, *WHERE).load()
    found = orphans(cluster, *WHERE, before)
    assert "monq-upgrade-6.0.0-original-0" in found
    upgraded_since = Ledger(cluster, *WHERE).load()
    upgraded_since.write("prepare.snapshot.original", {"state": "intent"})
    assert orphans(cluster, *WHERE, before) == [], "a run has begun since"


@pytest.mark.parametrize(("status", "raises"), [(403, False), (500, True)])
def test_an_account_that_may_not_read_secrets_is_told_nothing_of_them(cluster, status, raises):
    def before(method, path):
        if path.startswith(SECRETS):
            raise ApiError(status, "x", "x", method, path)

    cluster.before = before
    with pytest.raises(ApiError) if raises else contextlib.nullcontext():
        assert orphans(cluster, *WHERE, Ledger(cluster, *WHERE).load()) == []


# ---- what an upgrade is told before it takes the lock


def upgrade(cluster, resolve=None):
    return StepRunner(plan=PLAN, ledger=Ledger(cluster, *WHERE).load(), lease=None, resolve=resolve)


def test_an_upgrade_is_refused_while_a_rollback_has_not_ended(cluster):
    number(RollbackLedger(cluster, *WHERE), 1).write("rollback.routing.remove", {"state": "done"})
    with pytest.raises(StepError, match="a rollback is not finished"):
        require_no_rollback(cluster, *WHERE, upgrade(cluster), check_mode=True)


def test_a_finished_rollback_is_no_obstacle(cluster):
    finished(cluster)
    require_no_rollback(cluster, *WHERE, upgrade(cluster))


def test_sql_that_a_rolled_back_attempt_left_is_asked_about_before_the_outage(cluster):
    Ledger(cluster, *WHERE).load().write(SQL, UNKNOWN)
    Ledger(cluster, *WHERE).load().write(SECOND, {**UNKNOWN, "attempt": "a7654321"})
    with pytest.raises(StepError, match="SQL of an earlier generation") as caught:
        require_no_rollback(cluster, *WHERE, upgrade(cluster))
    assert (
        "a1234567" in caught.value.next_step
        and "a7654321" in caught.value.next_step
        and "attempt 1" in caught.value.seen
    ), "all at once"
    second = {SECOND: {"answer": "done", "attempt": "a7654321"}}
    with pytest.raises(StepError, match="a different attempt"):
        require_no_rollback(
            cluster, *WHERE, upgrade(cluster, {SQL: {"answer": "done", "attempt": "a0000000"}, **second})
        )
    for answer in ("retry", "done"):
        require_no_rollback(
            cluster, *WHERE, upgrade(cluster, {SQL: {"answer": answer, "attempt": "a1234567"}, **second})
        )
    require_no_rollback(cluster, *WHERE, upgrade(cluster), check_mode=True)


def test_inside_the_outage_the_step_itself_asks(cluster):
    ledger = Ledger(cluster, *WHERE).load()
    ledger.write(SQL, UNKNOWN)
    ledger.write("upgrade.routing.cut", {"state": "done"})
    require_no_rollback(cluster, *WHERE, upgrade(cluster))


# ---- the archive


def test_ledger_and_snapshots_are_moved_under_the_attempts_number(cluster):
    entries = upgraded(cluster).entries
    chunks = {name: cluster.objects[f"{SECRETS}/{name}"]["data"] for name in secrets(cluster)}
    result = Archive(cluster, *WHERE, 1).upgrade({})
    assert UPGRADE not in cluster.objects and result["ledger"] == "monq-upgrade-6.0.0-attempt-1"
    kept = upgrade_ledger(cluster, *WHERE, 1)
    assert kept.entries == entries and kept.generation == 1
    assert all(name.startswith("monq-upgrade-6.0.0-attempt-1-original-") for name in secrets(cluster)), (
        "a torn rest is nothing to keep"
    )
    assert len(secrets(cluster)) == sum("-original-" in name for name in chunks)
    for name in secrets(cluster):
        made = cluster.objects[f"{SECRETS}/{name}"]
        assert made["immutable"] and made["data"] == chunks[name.replace("attempt-1-", "")]
    archived = SnapshotStore(cluster, "production", "6.0.0-attempt-1")
    assert archived.open("original", entries["prepare.snapshot.original"]["result"]) == {"deployments": ["x" * 50]}


def test_snapshots_go_before_the_ledger(cluster):
    upgraded(cluster)
    Archive(cluster, *WHERE, 1).upgrade({})
    deleted = [path for method, path in cluster.writes if method == "DELETE"]
    assert deleted[-1] == UPGRADE and not [
        path for method, path in cluster.writes[: cluster.writes.index(("DELETE", deleted[0]))] if method == "DELETE"
    ]


def killer(survived):
    """Lets so many writes through."""
    left = itertools.count(survived, -1)

    def before(method, path):
        if method != "GET" and next(left) <= 0:
            raise ApiUnreachable("killed", path)

    return before


def test_it_may_be_killed_at_any_request_and_done_again(cluster):
    """As often as there are writes."""
    upgraded(cluster)
    start = {path: dict(obj) for path, obj in cluster.objects.items()}
    Archive(cluster, *WHERE, 1).upgrade({SQL: UNKNOWN})
    wanted = {path: obj.get("data") for path, obj in cluster.objects.items()}
    for fatal in range(60):
        world = FakeCluster()
        world.objects.update({path: json.loads(json.dumps(obj)) for path, obj in start.items()})
        world.before = killer(fatal)
        try:
            Archive(world, *WHERE, 1).upgrade({SQL: UNKNOWN})
            ended = True
        except ApiUnreachable:
            ended = False
        world.before = lambda method, path: None
        Archive(world, *WHERE, 1).upgrade({SQL: UNKNOWN})
        assert {path: obj.get("data") for path, obj in world.objects.items()} == wanted, f"killed at write {fatal}"
        if ended:
            return
    raise AssertionError("it never ended")


def test_sql_that_stays_is_the_beginning_of_the_next_attempt(cluster):
    upgraded(cluster)
    Archive(cluster, *WHERE, 1).upgrade({SQL: UNKNOWN})
    ledger = Ledger(cluster, *WHERE).load()
    assert ledger.generation == 2 and ledger.entries == {SQL: UNKNOWN}
    assert upgrade_ledger(cluster, *WHERE, 1).get("prepare.snapshot.original")["state"] == "done"


def test_an_altered_snapshot_is_not_archived_away(cluster):
    upgraded(cluster)
    cluster.objects[f"{SECRETS}/monq-upgrade-6.0.0-original-1"]["data"]["chunk"] = "eA=="
    with pytest.raises(SnapshotError, match="altered"):
        Archive(cluster, *WHERE, 1).upgrade({})
    assert UPGRADE in cluster.objects


def test_another_ledger_in_the_archive_is_not_taken_for_ours(cluster):
    upgraded(cluster)
    cluster.put(f"{CONFIGMAPS}/monq-upgrade-6.0.0-attempt-1", {"data": {"x": "{}"}})
    with pytest.raises(LedgerError, match="a different ledger"):
        Archive(cluster, *WHERE, 1).upgrade({})
    assert UPGRADE in cluster.objects


def test_a_finished_rollbacks_ledger_makes_room(cluster):
    finished(cluster)
    clear_finished(cluster, *WHERE)
    assert ROLLBACK not in cluster.objects
    assert f"{CONFIGMAPS}/monq-rollback-6.0.0-attempt-1" in cluster.objects
    number(RollbackLedger(cluster, *WHERE), 2).write("rollback.diagnostics.save", {"state": "done"})
    clear_finished(cluster, *WHERE)
    assert ROLLBACK in cluster.objects, "one that has not ended stays"


def test_an_attempts_id_is_never_a_number():
    assert archive.new_id().startswith("a") and len(archive.new_id()) == 8
