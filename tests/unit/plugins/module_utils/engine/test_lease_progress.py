"""What the holder of the lock is doing, seen by everybody who may read the Lease."""

from __future__ import annotations

from ansible_collections.monq.platform.plugins.module_utils.engine.lease import Lease
from ansible_collections.monq.platform.plugins.module_utils.report import upgrade as texts
from ansible_collections.monq.platform.plugins.modules import ledger_info
from fake_cluster import LEASES, Clock
from fake_session import opened, params

PATH = f"{LEASES}/monq-upgrade"


def make(cluster, clock, duration=120):
    return Lease(cluster, "production", duration, clock, clock.sleep)


def test_a_renewal_carries_what_the_holder_is_doing_and_the_release_takes_it_away(cluster, clock):
    lease = make(cluster, clock)
    lock_id = lease.acquire("us")
    lease.renew(lock_id)
    assert "monq.platform/progress" not in cluster.objects[PATH]["metadata"]["annotations"]
    lease.progress = lambda: "step 1 of 2"
    requests = len(cluster.calls)
    lease.renew(lock_id)
    assert [method for method, _path in cluster.calls[requests:]] == ["GET", "PATCH"], "no request of its own"
    assert make(cluster, clock).seen() == (lease.holder(), "step 1 of 2")
    lease.release(lock_id)
    assert lease.seen() == ("none", "")
    assert "monq.platform/progress" not in cluster.objects[PATH]["metadata"]["annotations"]


def test_a_taker_does_not_keep_what_the_holder_before_was_doing(cluster, clock):
    other = make(cluster, Clock())
    lock_id = other.acquire("other")
    other.progress = lambda: "step 1 of 2"
    other.renew(lock_id)
    lease = make(cluster, clock)
    lease.acquire("us")
    assert lease.seen()[1] == ""


def test_status_shows_it(cluster, clock, monkeypatch):
    lease = make(cluster, clock)
    lock_id = lease.acquire("us")
    session = opened(cluster)
    monkeypatch.setattr(ledger_info.Session, "open", lambda **given: session)
    assert ledger_info.look(params())["running"] == ""
    lease.progress = lambda: "2026-03-01T00:12:44Z step 1 of 2"
    lease.renew(lock_id)
    found = ledger_info.look(params())
    assert f"us, lock id {lock_id}" in found["lock"]
    assert texts.plan(found).splitlines()[1] == "running now: 2026-03-01T00:12:44Z step 1 of 2"
