"""What the lock's module asks before and after it waited for the Lease."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.engine.locking import hold
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, MonqError, StepError
from ansible_collections.monq.platform.plugins.module_utils.report import facts
from ansible_collections.monq.platform.plugins.modules.lock import acquire
from fake_cluster import FakeCluster
from fake_session import opened

LEASE = "/apis/coordination.k8s.io/v1/namespaces/production/leases/monq-upgrade"


class Lease:
    def __init__(self):
        self.acquired, self.released = 0, []

    def acquire(self):
        self.acquired += 1
        return "id"

    def release(self, lock_id):
        self.released.append(lock_id)


def refuse(_lock_id=None):
    raise MonqError("a rollback is not finished")


def test_the_lock_is_kept_where_there_is_work():
    lease = Lease()
    assert hold(lease, lambda: True, lambda lock_id: {"id": lock_id}) == {"id": "id"}
    assert (lease.acquired, lease.released) == (1, [])


def test_nothing_to_do_takes_no_lock():
    lease = Lease()
    assert hold(lease, lambda: False, refuse) is None and lease.acquired == 0


def test_what_is_refused_is_refused_before_the_lock_is_waited_for():
    lease = Lease()
    with pytest.raises(MonqError):
        hold(lease, refuse, refuse)
    assert lease.acquired == 0


@pytest.mark.parametrize(
    "begin",
    [pytest.param(refuse, id="refused under the lock"), pytest.param(lambda lock_id: {"id": ""}, id="done meanwhile")],
)
def test_a_lock_that_nobody_needs_is_given_back(begin):
    lease = Lease()
    with contextlib.suppress(MonqError):
        hold(lease, lambda: True, begin)
    assert lease.released == ["id"]


def test_without_preflight_no_lock_is_taken():
    cluster = FakeCluster()
    with pytest.raises(StepError, match="preflight has not passed"):
        acquire(opened(cluster), False)
    assert LEASE not in cluster.objects


def test_a_first_run_gets_the_lock_and_begins_the_ledger(tmp_path):
    cluster = FakeCluster()
    answer = acquire(opened(cluster, home=tmp_path), True)
    assert cluster.objects[LEASE]["spec"]["holderIdentity"]
    assert answer["id"] and not answer["finished"] and not answer["prepared"] and answer["imported"] == []


def begun(cluster):
    """The lock is free again, and the ledger holds a step."""
    cluster.drop(LEASE)
    ledger = Ledger(cluster, "production", "6.0.0").load()
    ledger.write("prepare.snapshot.original", {"state": "done", "attempt": "a1"})


FOUND = [{"id": "MONQ-032", "severity": "warning", "object": "Deployment pl-a"}]


def test_what_preflight_found_is_recorded_under_the_lock(tmp_path):
    cluster = FakeCluster()
    acquire(opened(cluster, home=tmp_path), True, FOUND)
    assert facts.read(cluster, "production", "6.0.0") == {}, "a run that does nothing leaves nothing"
    begun(cluster)
    session = opened(cluster, home=tmp_path)
    answer = acquire(session, True, FOUND)
    [run] = facts.read(cluster, "production", "6.0.0", 1)["preflight"]
    assert (run["lock"], run["findings"]) == (answer["id"], FOUND) and session.warnings == []


def test_findings_that_cannot_be_recorded_are_a_warning_and_stop_nothing(tmp_path):
    cluster = FakeCluster()

    def refuse(method, path):
        if method != "GET" and path.endswith(("/configmaps", "-report")) and "-report" in str(cluster.bodies[-1:]):
            raise ApiError(403, "Forbidden", "no", method, path)

    acquire(opened(cluster, home=tmp_path), True)
    begun(cluster)
    cluster.before = refuse
    session = opened(cluster, home=tmp_path)
    assert acquire(session, True, FOUND)["id"]
    [warning] = session.warnings
    assert "the report lacks preflight's findings" in warning


def test_check_mode_takes_no_lock():
    cluster = FakeCluster()
    assert acquire(opened(cluster, check_mode=True), True)["id"] == "" and cluster.writes == []
