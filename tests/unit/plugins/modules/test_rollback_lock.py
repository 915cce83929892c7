"""The lock of a rollback: what is asked before it is asked again under it, and an error gives it back."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger, number
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.engine.spool import Spool
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, MonqError, StepError
from ansible_collections.monq.platform.plugins.module_utils.rollback.ledger import RollbackLedger
from ansible_collections.monq.platform.plugins.module_utils.rollback.run import open_session
from ansible_collections.monq.platform.plugins.modules.rollback_lock import acquire
from fake_cluster import CONFIGMAPS, LEASES, FakeCluster
from fake_session import FakeMonqctl, params
from repository import RELEASE

WHERE = ("production", "6.0.0")
LEASE, ROLLBACK = f"{LEASES}/monq-upgrade", f"{CONFIGMAPS}/monq-rollback-6.0.0"
DONE = {"state": "done", "started": "2026-03-01T10:00:00Z"}
ARCHIVE = "rollback.ledger.archive"


class World:
    def __init__(self, folder):
        self.cluster = FakeCluster()
        create = self.cluster.create
        self.cluster.create = lambda path, body: (
            {"status": {"allowed": True}} if "selfsubject" in path else create(path, body)
        )
        store, ledger = SnapshotStore(self.cluster, *WHERE), Ledger(self.cluster, *WHERE)
        before = {"deployments": [], "ingresses": [], "hpas": [], "template": {}}
        ledger.write("prepare.snapshot.original", {**DONE, "result": store.save("original", before)})
        ledger.write("prepare.replicas.original", {**DONE, "result": store.save("original-replicas", {})})
        self.given = params(
            folder,
            {"registry_replicas": "manual", "variables": {}},
            **{"databases": [], "environment": "production", "confirm": "production", "closed": False},
        )

    def acquire(self):
        session = open_session(params=self.given, cluster=self.cluster)
        session._monqctl = FakeMonqctl()
        return acquire(session)

    def own(self, key, entry, attempt=1):
        ledger = RollbackLedger(self.cluster, *WHERE).load()
        (ledger if ledger.exists else number(ledger, attempt)).write(key, entry)

    def once_locked(self, change):
        """What whoever held the lock has done before it was free."""
        seen = itertools.count()

        def before(method, path):
            if method == "POST" and path == LEASES and next(seen) == 0:
                change()

        self.cluster.before = before

    def holder(self):
        return (self.cluster.objects.get(LEASE) or {"spec": {}})["spec"].get("holderIdentity")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_the_lock_is_taken_and_its_id_told(world):
    got = world.acquire()
    assert got["id"] and got["id"] in world.holder() and not got["finished"] and got["outcomes"] == {}


def test_where_there_is_nothing_to_roll_back_no_lock_is_taken(world):
    for path in [path for path in world.cluster.objects if "monq-upgrade-6.0.0" in path]:
        world.cluster.drop(path)
    assert world.acquire()["id"] == "" and world.holder() is None


def close(world):
    ledger = Ledger(world.cluster, *WHERE).load()
    for step in steps.plan(RELEASE, ["pl"]):
        if not step.key.endswith(".original"):
            ledger.write(step.key, DONE)


def another_list(world):
    world.own("rollback.diagnostics.save", DONE)
    world.cluster.objects[ROLLBACK]["metadata"]["annotations"]["monq.platform/steps-sha256"] = "another"


def next_attempt(world):
    world.cluster.objects[f"{CONFIGMAPS}/monq-upgrade-6.0.0"]["metadata"]["annotations"]["monq.platform/attempt"] = "2"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (close, "has been in use since"),
        (another_list, "steps-sha256 another"),
        (next_attempt, "changed while this run waited"),
    ],
)
def test_what_was_changed_while_the_lock_was_waited_for_is_noticed_and_the_lock_given_back(world, change, said):
    world.once_locked(lambda: change(world))
    with pytest.raises(MonqError) as caught:
        world.acquire()
    assert said in str(caught.value) and world.holder() is None


def test_a_rollback_that_another_run_has_ended_meanwhile_is_finished(world):
    result = {"ledger": "monq-upgrade-6.0.0-attempt-1"}

    def end():
        for path in [path for path in world.cluster.objects if "monq-upgrade-6.0.0" in path]:
            world.cluster.drop(path)
        world.own(ARCHIVE, {**DONE, "result": result})

    world.once_locked(end)
    assert world.acquire() == {"id": "", "finished": True, "outcomes": {ARCHIVE: result}} and world.holder() is None


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_an_error_under_the_lock_gives_it_back(world, method):
    """POST: the archive of the rollback before; PATCH: the ledger takes its new holder."""
    world.own(ARCHIVE, DONE, attempt=0)

    def before(seen, path):
        if seen == method and path.startswith(CONFIGMAPS):
            raise ApiError(500, "Internal", "no", seen, path)

    world.cluster.before = before
    with pytest.raises(ApiError):
        world.acquire()
    assert world.holder() is None


def test_a_last_result_that_lay_beside_the_backup_ends_it(world):
    """The archive was done and its result not written: nothing is left to do, and the next step must not plan a new
    rollback."""
    attempt, result = {"state": "intent", "attempt": "a1234567"}, {"ledger": "monq-upgrade-6.0.0-attempt-1"}
    world.own(ARCHIVE, attempt)
    copies = Spool(world.given["spool_directory"], "production", "6.0.0-rollback")
    copies.save(1, ARCHIVE, {**attempt, **DONE, "result": result})
    got = world.acquire()
    assert got == {"id": "", "finished": True, "outcomes": {ARCHIVE: result}} and world.holder() is None
    assert RollbackLedger(world.cluster, *WHERE).load().finished


def test_a_word_that_is_none_is_refused_before_the_lock(world):
    world.given["resolve"] = {"upgrade.routing.cut": "retry"}
    with pytest.raises(MonqError, match="unknown answer"):
        world.acquire()
    assert world.holder() is None


def test_a_lost_ledger_is_refused_before_the_lock(world):
    world.cluster.drop(f"{CONFIGMAPS}/monq-upgrade-6.0.0")
    with pytest.raises(MonqError, match="cannot start") as caught:
        world.acquire()
    assert "deleted" in caught.value.seen and world.holder() is None and not isinstance(caught.value, StepError)
