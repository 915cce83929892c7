"""The process that watches the outage: when it ends, what it makes of a stop, and the silence of a run that died."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.monq.platform.plugins.module_utils import timestamp
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import Lease
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiUnreachable, MonqError
from ansible_collections.monq.platform.plugins.module_utils.outage import observations, record, silence, watcher
from fake_cluster import Clock, FakeCluster

START = 1_772_409_600


def looking(tmp_path, ask, clock, lost=lambda: False):
    kept = record.Record(record.path_of(tmp_path, "abc"), {"pid": 7})
    return watcher.Watcher(
        ask, kept, lost, str(tmp_path / "stop"), clock=clock, now=lambda: START + clock(), sleep=clock.sleep
    )


def seen(tmp_path):
    return observations.summary(record.spans(tmp_path).values())


def test_the_figure_is_within_two_seconds_of_what_happened(tmp_path):
    clock = Clock()
    watched = looking(tmp_path, lambda: "not_found" if 100.4 <= clock() < 786.9 else "ok", clock, lambda: clock() > 900)
    watched.run()
    found = seen(tmp_path)
    assert abs(found["seconds"] - (786.9 - 100.4)) <= 2 and found["state"] == "ended"
    begin = datetime.datetime.fromtimestamp(START + 100.4, datetime.timezone.utc)
    assert abs((timestamp.parsed(found["from"]) - begin).total_seconds()) <= 2


def test_a_process_that_did_not_run_has_not_seen_anything(tmp_path):
    """A suspended machine: neither the outage nor its end is made up."""
    clock = Clock()

    def ask():
        clock.sleep(30 if 50 <= clock() < 60 else 0.01)
        return "ok"

    watched = looking(tmp_path, ask, clock, lambda: clock() > 200)
    watched.run()
    states = [row["state"] for row in seen(tmp_path)["changes"]]
    assert states == ["ok", "not_observed", "ok", "not_observed"]


def test_it_ends_with_the_stop_file_at_once_where_monq_answers(tmp_path):
    clock = Clock()
    (tmp_path / "stop").write_text("15.0")
    watched = looking(tmp_path, lambda: "ok", clock)
    watched.observe()
    assert watched.is_over()


def test_it_goes_on_for_a_while_until_monq_answers(tmp_path):
    clock = Clock()
    (tmp_path / "stop").write_text("15.0")
    watched = looking(tmp_path, lambda: "refused" if clock() < 8 else "ok", clock)
    watched.observe()
    watched.run()
    assert 8 <= clock() < 10 and seen(tmp_path)["state"] == "ended"


def test_a_platform_that_does_not_come_back_is_left_after_that_while(tmp_path):
    clock = Clock()
    (tmp_path / "stop").write_text("15.0")
    watched = looking(tmp_path, lambda: "refused", clock)
    watched.observe()
    watched.run()
    assert 15 <= clock() < 17 and seen(tmp_path)["state"] == "running"


def test_it_ends_at_its_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr(watcher, "LONGEST", 100.0)
    clock = Clock()
    looking(tmp_path, lambda: "refused", clock).run()
    assert 100 <= clock() < 102


# ---- the lock, and the silence


class Prolonged:
    def __init__(self, clock, fails=False):
        self.at, self._clock, self._fails = [], clock, fails

    def prolong(self):
        self.at.append(self._clock())
        if self._fails:
            raise MonqError("Alertmanager did not take the silence")

    @property
    def ends(self):
        return self.at[-1] + silence.LENGTH


def locked(clock, **given):
    cluster = FakeCluster()
    lease = Lease(cluster, "production", 120, clock=clock, sleep=clock.sleep)
    lock_id = lease.acquire("me")
    kept = Prolonged(clock, **given)
    return watcher.LockWatch(lease, lock_id, 120, kept, clock=clock), lease, lock_id, cluster, kept


def live(look, clock, seconds, renew=lambda: None):
    end = clock() + seconds
    while clock() < end:
        renew()
        look.look()
        clock.sleep(watcher.LOOK)


def test_a_lock_that_is_no_longer_ours_ends_it():
    clock = Clock()
    look, lease, lock_id, _cluster, _kept = locked(clock)
    look.look()
    assert not look.lost.is_set()
    lease.unlock(lock_id)
    Lease(look._lease._cluster, "production", 120, clock=clock, sleep=clock.sleep).acquire("another")
    look.look()
    assert look.lost.is_set()


def test_a_released_lock_ends_it():
    clock = Clock()
    look, lease, lock_id, _cluster, _kept = locked(clock)
    lease.release(lock_id)
    look.look()
    assert look.lost.is_set()


def test_an_api_server_that_does_not_respond_says_nothing():
    clock = Clock()
    look, _lease, _lock_id, cluster, _kept = locked(clock)

    def broken(_method, _path):
        raise ApiUnreachable("no response")

    cluster.before = broken
    look.look()
    assert not look.lost.is_set()


def test_the_silence_is_prolonged_while_the_run_lives():
    clock = Clock()
    look, lease, lock_id, _cluster, kept = locked(clock)
    live(look, clock, 3600, lambda: lease.renew(lock_id))
    gaps = [later - earlier for earlier, later in zip([0, *kept.at], kept.at)]
    assert len(gaps) >= 11 and max(gaps) < silence.LENGTH / 2


def test_the_silence_of_a_killed_run_lapses():
    """SIGKILL: the Lease still bears our id, but nobody renews it."""
    clock = Clock()
    look, lease, lock_id, _cluster, kept = locked(clock)
    live(look, clock, 1800, lambda: lease.renew(lock_id))
    killed = clock()
    live(look, clock, 7200)
    assert not look.lost.is_set(), "the page is still watched: users do not care who died"
    assert kept.ends <= killed + 120 + silence.LENGTH < clock()


def test_a_silence_that_is_refused_is_tried_again():
    clock = Clock()
    look, lease, lock_id, _cluster, kept = locked(clock, fails=True)
    live(look, clock, 400, lambda: lease.renew(lock_id))
    assert len(kept.at) >= 9


@pytest.mark.parametrize("has", [True, False])
def test_without_a_silence_there_is_nothing_to_prolong(has):
    clock = Clock()
    look, lease, lock_id, _cluster, kept = locked(clock)
    look._silence = kept if has else None
    live(look, clock, 600, lambda: lease.renew(lock_id))
    assert bool(kept.at) is has
