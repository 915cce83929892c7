"""The lock: compare-and-swap, one winner, a living holder is refused, a silent one is waited out on our own clock."""

from __future__ import annotations

import threading
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import lease as lease_module
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import FRESH, Lease, holder_text
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, ApiUnreachable, LockError
from fake_cluster import LEASES, Clock

PATH = f"{LEASES}/monq-upgrade"


def make(cluster, clock, duration=120):
    return Lease(cluster, "production", duration, clock, clock.sleep)


def held_by(cluster, name="other", duration=120, **spec):
    clock = Clock()
    other = make(cluster, clock, duration)
    lock_id = other.acquire(name)
    cluster.objects[PATH]["spec"].update(spec)
    return other, lock_id


def test_a_free_lock_is_taken_at_once(cluster, clock):
    lease = make(cluster, clock)
    assert lease.holder() == "none"
    lock_id = lease.acquire("us")
    seen = cluster.objects[PATH]
    assert seen["metadata"]["annotations"] == {"monq.platform/lock-id": lock_id, "monq.platform/lock-holder": "us"}
    assert seen["spec"]["holderIdentity"] == f"us {lock_id}" and seen["spec"]["leaseDurationSeconds"] == 120
    assert clock.now == 0
    assert lease.holder().startswith(f"us, lock id {lock_id}, renewed 20")


def test_every_lock_has_its_own_id(cluster, clock):
    lease = make(cluster, clock)
    first = lease.acquire()
    assert lease.release(first)
    assert lease.holder() == "none"
    assert lease.acquire() != first
    assert cluster.objects[PATH]["spec"]["leaseTransitions"] == 1


@pytest.mark.parametrize("beat", [1, 3, 7.9, 40, 119])
def test_a_holder_that_renews_is_refused_and_named(cluster, clock, beat):
    other, lock_id = held_by(cluster)
    clock.at(beat, lambda: other.renew(lock_id))
    with pytest.raises(LockError) as caught:
        make(cluster, clock).acquire("us")
    assert beat <= clock.now <= beat + 1
    assert caught.value.details == {"holder": "other", "lock_id": lock_id}
    assert "other" in str(caught.value) and lock_id in str(caught.value)
    other.renew(lock_id)


@pytest.mark.parametrize(
    ("theirs", "ours", "waited"), [(120, 120, 120), (30, 120, 30), (300, 120, 300), (1, 120, 1), (None, 90, 90)]
)
def test_a_silent_holder_is_waited_out_for_its_own_duration(cluster, clock, theirs, ours, waited):
    """the time counts from our first look, whatever its clock wrote into renewTime"""
    _other, old = held_by(cluster, leaseDurationSeconds=theirs, renewTime="1999-01-01T00:00:00.000000Z")
    lease = make(cluster, clock, ours)
    new = lease.acquire("us")
    assert waited <= clock.now <= waited + 1
    assert new != old and "us, lock id " + new in lease.holder()
    assert cluster.objects[PATH]["spec"]["leaseTransitions"] == 1


def test_an_old_holder_notices_that_it_was_taken_over(cluster, clock):
    other, old = held_by(cluster)
    new = make(cluster, clock).acquire("us")
    with pytest.raises(LockError) as caught:
        other.renew(old)
    assert new in str(caught.value) and old in str(caught.value)
    assert other.release(old) is False
    make(cluster, clock).renew(new)


@pytest.mark.parametrize("gone", ["released", "deleted"])
def test_a_holder_that_ends_while_it_is_watched_makes_room(cluster, clock, gone):
    other, lock_id = held_by(cluster)
    clock.at(5, (lambda: other.release(lock_id)) if gone == "released" else (lambda: cluster.drop(PATH)))
    assert make(cluster, clock).acquire("us")
    assert clock.now < 6


@pytest.mark.parametrize("stands", ["nothing", "a free Lease", "a silent holder"])
def test_of_two_starters_exactly_one_wins(cluster, stands):
    """the second one swaps between the first one's look and its write"""
    if stands != "nothing":
        other, lock_id = held_by(cluster)
        if stands == "a free Lease":
            other.release(lock_id)
    clocks = [Clock(), Clock()]
    winner = []

    def interfere(method, path):
        if method in ("POST", "PUT") and not winner:
            cluster.before = lambda method, path: None
            winner.append(make(cluster, clocks[1]).acquire("second"))

    cluster.before = interfere
    with pytest.raises(LockError) as caught:
        make(cluster, clocks[0]).acquire("first")
    assert caught.value.details == {"holder": "second", "lock_id": winner[0]}
    make(cluster, clocks[1]).renew(winner[0])


def test_a_winner_that_is_gone_again_is_no_lock_either(cluster, clock):
    def interfere(method, path):
        if method == "POST":
            cluster.before = lambda method, path: None
            raise ApiError(409, "AlreadyExists", "exists", method, path)

    cluster.before = interfere
    lease = make(cluster, clock)
    with pytest.raises(LockError):
        lease.acquire()
    assert lease.id is None


def test_another_error_is_no_lost_race(cluster, clock):
    def forbidden(method, path):
        if method == "POST":
            raise ApiError(403, "Forbidden", "no", method, path)

    cluster.before = forbidden
    with pytest.raises(ApiError):
        make(cluster, clock).acquire()


# ---- renewing


@pytest.mark.parametrize("loss", ["deleted", "released", "taken over"])
def test_renewing_a_lost_lock_is_an_error(cluster, clock, loss):
    lease = make(cluster, clock)
    lock_id = lease.acquire("us")
    if loss == "deleted":
        cluster.drop(PATH)
    elif loss == "released":
        lease.release(lock_id)
    else:
        cluster.drop(PATH)
        held_by(cluster)
    before = cluster.objects.get(PATH)
    with pytest.raises(LockError):
        lease.renew(lock_id)
    assert cluster.objects.get(PATH) == before


@pytest.mark.parametrize("wrong", ["", "another", None])
def test_only_the_very_id_renews(cluster, clock, wrong):
    lease = make(cluster, clock)
    lease.acquire("us")
    with pytest.raises(LockError):
        lease.renew(wrong)


def test_a_renewal_is_seen_by_others(cluster, clock):
    lease = make(cluster, clock)
    lock_id = lease.acquire("us")
    before = cluster.objects[PATH]["metadata"]["resourceVersion"]
    lease.renew(lock_id)
    after = cluster.objects[PATH]
    assert after["metadata"]["resourceVersion"] != before
    assert after["spec"]["holderIdentity"] == f"us {lock_id}"


def test_two_renewals_of_one_run_may_meet(cluster, clock):
    lease, thread = make(cluster, clock), make(cluster, clock)
    lock_id = lease.acquire("us")

    def interfere(method, path):
        if method == "PATCH":
            cluster.before = lambda method, path: None
            thread.renew(lock_id)

    cluster.before = interfere
    lease.renew(lock_id)


def test_a_take_over_in_the_middle_of_a_renewal_is_noticed(cluster, clock):
    lease = make(cluster, clock)
    lock_id = lease.acquire("us")

    def interfere(method, path):
        if method == "PATCH":
            cluster.before = lambda method, path: None
            cluster.drop(PATH)
            held_by(cluster)

    cluster.before = interfere
    with pytest.raises(LockError):
        lease.renew(lock_id)


# ---- releasing


@pytest.mark.parametrize("lock_id", ["another", "", None])
def test_only_our_own_lock_is_released(cluster, clock, lock_id):
    _other, theirs = held_by(cluster)
    assert make(cluster, clock).release(lock_id) is False
    assert theirs in make(cluster, clock).holder()


def test_what_is_free_needs_no_release(cluster, clock):
    lease = make(cluster, clock)
    assert lease.release("x") is False
    lock_id = lease.acquire()
    assert lease.release(lock_id) is True
    assert lease.release(lock_id) is False


def test_a_take_over_in_the_middle_of_a_release_is_left_alone(cluster, clock):
    lease = make(cluster, clock)
    lock_id = lease.acquire("us")

    def interfere(method, path):
        if method == "PATCH":
            cluster.before = lambda method, path: None
            cluster.drop(PATH)
            held_by(cluster)

    cluster.before = interfere
    assert lease.release(lock_id) is False
    assert "other" in lease.holder()


# ---- the thread


class Beats(Lease):
    """Counts renewals and lets the test wait for them."""

    def __init__(self, *given, errors=(), enough=3):
        super().__init__(*given)
        self.errors = list(errors)
        self.ids = []
        self.enough = threading.Event()
        self._wanted = enough

    def renew(self, lock_id):
        self.ids.append(lock_id)
        if len(self.ids) >= self._wanted:
            self.enough.set()
        if self.errors:
            raise self.errors.pop(0)


@pytest.mark.parametrize(
    "errors",
    [
        [],
        [ApiUnreachable("no answer")],
        [ApiError(500, "x", "x", "GET", "x")],
        [LockError("lost")],
        [AttributeError("str")],
    ],
    ids=["all well", "no answer", "an error", "lost: the next fence judges", "an answer of another shape"],
)
def test_the_thread_keeps_renewing(cluster, errors):
    lease = Beats(cluster, "production", 0.003, errors=errors)
    with lease.renewing("abc"):
        assert lease.enough.wait(10)
    assert set(lease.ids) == {"abc"}


def test_the_thread_ends_with_the_work_even_where_it_fails(cluster):
    lease = Beats(cluster, "production", 0.003)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError), lease.renewing("abc"):
        assert lease.enough.wait(10)
        1 / 0  # noqa: B018
    assert threading.active_count() == before


@pytest.mark.parametrize(("duration", "at_most"), [(120, 8.0 / 2), (6, 2), (3, 1)])
def test_renewals_come_often_enough_to_be_seen_alive(cluster, monkeypatch, duration, at_most):
    pauses = []

    class Stop:
        def wait(self, seconds):
            pauses.append(seconds)
            return True

        def set(self):
            pass

    monkeypatch.setattr(lease_module, "threading", types.SimpleNamespace(Event=Stop, Thread=threading.Thread))
    with Lease(cluster, "production", duration).renewing("abc"):
        pass
    assert pauses and max(pauses) <= at_most


@pytest.mark.parametrize("variable", ["JOB_ID", "AWX_JOB_ID", "TOWER_JOB_ID"])
def test_the_holder_names_user_host_and_job(monkeypatch, variable):
    for name in ("JOB_ID", "AWX_JOB_ID", "TOWER_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    plain = holder_text()
    assert "@" in plain and "job" not in plain
    monkeypatch.setenv(variable, "42")
    assert holder_text() == plain + " job 42"


def test_a_uid_without_a_name_holds_a_lock_too(monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(lease_module.getpass, "getuser", nameless)
    assert holder_text().split("@")[0].isdigit()


# ---- unlock.yml


def test_the_named_lock_is_broken_and_its_holder_is_fenced(cluster, clock):
    other, old = held_by(cluster)
    make(cluster, clock).unlock(old)
    with pytest.raises(LockError):
        other.require(old)
    assert make(cluster, clock).acquire("us") != old
    assert clock.now == 0, "a broken lock is not waited for"


@pytest.mark.parametrize("wrong", ["", "000000000000", "free"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_wrong_id_breaks_nothing(cluster, clock, wrong, check_mode):
    other, old = held_by(cluster)
    if wrong == "free":
        other.release(old)
        wrong = old
    with pytest.raises(LockError) as caught:
        make(cluster, clock).unlock(wrong, check_mode)
    assert wrong == old or old in str(caught.value), "the holder's id is named"


def test_breaking_is_predicted(cluster, clock):
    other, old = held_by(cluster)
    make(cluster, clock).unlock(old, check_mode=True)
    other.require(old)


def test_the_refusal_names_the_way_to_break_it(cluster, clock):
    other, lock_id = held_by(cluster)
    clock.at(1, lambda: other.renew(lock_id))
    with pytest.raises(LockError) as caught:
        make(cluster, clock).acquire("us")
    assert f"monq.platform.unlock -e monq_lock_id={lock_id}" in str(caught.value)


@pytest.mark.parametrize(("passed", "asked"), [(0.0, False), (FRESH - 0.01, False), (FRESH, True), (3600.0, True)])
def test_an_answer_of_the_lock_counts_for_a_moment_and_not_after_a_freeze(cluster, clock, passed, asked):
    """Many calls of one step ask once in a quarter of a second; a process that was stopped in between asks again."""
    lease = make(cluster, clock)
    lock_id = lease.acquire("us")
    lease.require(lock_id)
    before = len(cluster.calls)
    clock.now += passed
    lease.require(lock_id, FRESH)
    assert (len(cluster.calls) > before) is asked


def test_an_answer_counts_for_its_own_lock_and_not_where_none_was_asked_for(cluster, clock):
    lease = make(cluster, clock)
    lock_id = lease.acquire("us")
    lease.require(lock_id)
    with pytest.raises(LockError):
        lease.require("another", FRESH)
    lease.unlock(lock_id, False)
    with pytest.raises(LockError):
        lease.require(lock_id)
