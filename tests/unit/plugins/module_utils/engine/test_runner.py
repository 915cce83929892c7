"""A step guards itself: predecessors, lock, living processes; intent before the action, result after it."""

from __future__ import annotations

import contextlib
import os
import socket
import time

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import Lease
from ansible_collections.monq.platform.plugins.module_utils.errors import (
    ApiError,
    ApiUnreachable,
    CommandError,
    InputError,
    LedgerError,
    LockError,
    MonqError,
    StepError,
)
from fake_cluster import CONFIGMAPS
from fake_installation import CLIENT, CUT, FIRST, GATE, LAST, LEASE, LEDGER, SQL, World, failure, refused


@pytest.fixture
def world():
    return World()


# ---- done, predicted


@pytest.mark.parametrize("state", ["done", "accepted"])
def test_what_is_done_is_skipped_and_its_result_read_back(world, state):
    world.record({FIRST: {"state": state, "result": {"sha256": "abc"}}})
    run = world.runner()
    before = len(world.cluster.bodies)
    assert run.execute(FIRST, world.action()) == {"sha256": "abc"}
    assert (world.acted, run.skipped, run.done, run.changed) == ([], [FIRST], [], False)
    assert len(world.cluster.bodies) == before


def test_a_done_step_needs_neither_lock_nor_predecessors(world):
    world.record({LAST: {"state": "done", "result": 1}})
    assert world.runner(lock_id="").execute(LAST, world.action()) == 1


def test_a_step_is_done_again_where_its_caller_says_so(world):
    world.record({FIRST: {"state": "done", "result": "old"}})
    run = world.runner()
    assert run.execute(FIRST, world.action("new"), renewed=True) == "new"
    assert world.entry(FIRST)["result"] == "new" and run.done == [FIRST]


@pytest.mark.parametrize(("key", "changed"), [(FIRST, True), (CLIENT, True), (SQL, True), (GATE, False), (LAST, False)])
def test_check_mode_predicts_and_writes_nothing(world, key, changed):
    run = world.runner(check_mode=True, lock_id="")
    world.cluster.bodies.clear()
    assert run.execute(key, world.action()) is None
    assert (run.predicted, run.changed, world.acted, world.cluster.bodies) == ([key], changed, [], [])
    assert run.result() == {"changed": changed, "steps": {"done": [], "predicted": [key], "skipped": []}}


def test_check_mode_and_the_real_run_agree_on_the_keys(world):
    predicting = world.runner(check_mode=True)
    for key in world.keys:
        predicting.execute(key, world.action())
    real = world.runner()
    for key in world.keys:
        real.execute(key, world.action())
    assert predicting.predicted == real.done == world.keys
    assert predicting.changed is real.changed is True


def test_a_gate_alone_changes_nothing(world):
    run = world.done_before(GATE).runner()
    run.execute(GATE, world.action())
    assert (run.done, run.changed) == ([GATE], False)


# ---- guards


def test_a_missing_predecessor_is_named(world):
    """rule 3: neither --tags nor --start-at-task reaches SQL without backup, snapshot and lock"""
    error = refused(world.runner(), SQL, StepError)
    assert error.details["missing"] == FIRST
    for word in (SQL, f"{FIRST} done", "not started", "--start-at-task"):
        assert word in str(error)


@pytest.mark.parametrize("state", ["intent", "failed", "unknown"])
def test_every_single_predecessor_counts(world, state):
    for missing in world.keys[: world.keys.index(SQL)]:
        world.done_before(SQL, **{missing: {"state": state, "started": "2026-03-01T10:00:00Z"}})
        error = refused(world.runner(), SQL, StepError)
        assert error.details["missing"] == missing and f"seen: {state}" in str(error)


def test_a_step_outside_the_plan_is_refused(world):
    error = refused(world.runner(), "upgrade.sm.images", InputError)
    assert "monq_modules" in str(error)


def test_without_a_lock_id_nothing_runs(world):
    error = refused(world.runner(lock_id=""), FIRST, StepError)
    assert "does not hold the lock" in str(error) and world.entry(FIRST) is None


def test_a_lost_lock_is_noticed_before_the_action(world):
    """fencing: somebody took over while this run slept"""
    run = world.runner()
    world.cluster.drop(LEASE)
    other = world.lease().acquire("another")
    error = refused(run, FIRST, LockError)
    assert other in str(error) and world.entry(FIRST) is None


def test_the_lock_is_asked_for_at_every_step(world):
    run = world.runner()
    run.execute(world.keys[0], world.action())
    world.cluster.drop(LEASE)
    refused(run, world.keys[1], LockError)


def test_nobody_answers_from_the_lock_so_nothing_runs(world):
    run = world.runner()

    def unreachable(method, path):
        if path == LEASE:
            raise ApiUnreachable("no answer")

    world.cluster.before = unreachable
    refused(run, FIRST, ApiUnreachable)


def test_the_intent_is_written_before_the_action_and_the_result_after(world):
    run = world.runner()
    world.cluster.calls.clear()
    seen = {}

    def act():
        seen.update(world.entry(FIRST))
        world.cluster.calls.append(("ACTION", ""))
        return {"sha256": "abc"}

    assert run.execute(FIRST, act) == {"sha256": "abc"}
    order = [call for call in world.cluster.calls if call[0] != "GET"]
    assert order == [("PATCH", LEASE), ("POST", CONFIGMAPS), ("ACTION", ""), ("PATCH", LEDGER)]
    assert seen["state"] == "intent" and "finished" not in seen
    assert (seen["host"], seen["pid"], seen["pid_start"], seen["lock"]) == (
        socket.gethostname(),
        os.getpid(),
        process.start_time(os.getpid()),
        world.lock_id,
    )
    entry = world.entry(FIRST)
    assert entry["state"] == "done" and entry["finished"] >= entry["started"] and entry["attempt"] == seen["attempt"]


def test_the_lock_is_renewed_while_the_action_runs(world, monkeypatch):
    held = []

    @contextlib.contextmanager
    def renewing(self, lock_id):
        held.append(lock_id)
        yield
        held.append("over")

    monkeypatch.setattr(Lease, "renewing", renewing)
    world.runner().execute(FIRST, lambda: held.append("acts"))
    assert held == [world.lock_id, "acts", "over"]


def test_an_intent_that_cannot_be_written_stops_the_step(world):
    """a second writer: 409 on the ledger"""
    world.record({"prepare.snapshot.other": {"state": "done"}})
    run = world.runner()
    world.record({"prepare.snapshot.other": {"state": "failed"}})
    error = refused(run, FIRST, LedgerError)
    assert "another run wrote to the ledger" in str(error)


def test_a_result_that_cannot_be_written_leaves_the_intent(world):
    run = world.done_before(SQL).runner()
    with pytest.raises(LedgerError):
        run.execute(SQL, lambda: world.record({"x": {"state": "done"}}) and None)
    assert world.entry(SQL)["state"] == "intent" and run.done == []


# ---- failures


@pytest.mark.parametrize("key", [FIRST, CLIENT, GATE, "prepare.registry.update", SQL])
def test_a_failure_is_recorded_and_the_next_run_tries_again(world, key):
    run = world.done_before(key).runner()
    with pytest.raises(CommandError) as caught:
        run.execute(key, world.action(error=failure()))
    entry = world.entry(key)
    assert entry["state"] == "failed" and entry["error"] == "monqctl failed: status 3"
    assert caught.value.details["step"] == key and caught.value.details["attempt"] == entry["attempt"]
    assert run.done == []
    assert world.runner().execute(key, world.action("fine")) == "fine"
    again = world.entry(key)
    assert again["state"] == "done" and "error" not in again and again["attempt"] != entry["attempt"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        pytest.param(failure(unknown=False), "failed", id="an honest exit status"),
        pytest.param(failure(unknown=True), "unknown", id="timeout, signal, or a lie"),
        pytest.param(ApiUnreachable("no answer"), "unknown", id="whoever cannot tell"),
        pytest.param(MonqError("something"), "unknown", id="anything else"),
    ],
)
def test_how_sql_fails(world, error, state):
    """trap 35, trap 36"""
    run = world.done_before(SQL).runner()
    with pytest.raises(type(error)):
        run.execute(SQL, world.action(error=error))
    assert world.entry(SQL)["state"] == state


@pytest.mark.parametrize("unknown", [True, False])
def test_only_sql_is_ever_unknown(world, unknown):
    run = world.runner()
    with pytest.raises(CommandError):
        run.execute(FIRST, world.action(error=failure(unknown=unknown)))
    assert world.entry(FIRST)["state"] == "failed"


def test_a_failure_that_cannot_be_recorded_is_still_the_failure(world):
    run = world.runner()

    def conflict(method, path):
        if (method, path) == ("PATCH", LEDGER):
            raise ApiError(409, "Conflict", "modified", method, path)

    world.cluster.before = conflict
    with pytest.raises(CommandError):
        run.execute(FIRST, world.action(error=failure()))


# ---- what a failure says


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("prepare.registry.update", "platform: up: the old routes have not been touched"),
        ("upgrade.snapshot.cut", "platform: up: the old routes have not been touched"),
        (SQL, "platform: DOWN since 2026-03-01T10:00:00Z"),
        (LAST, "platform: up"),
    ],
)
def test_a_failure_says_whether_the_platform_is_up(world, key, says):
    """trap 13"""
    run = world.done_before(key).runner()
    with pytest.raises(CommandError) as caught:
        run.execute(key, world.action(error=failure()))
    assert says in str(caught.value)
    assert ("DOWN" in str(caught.value)) is ("DOWN" in says)


def test_a_refusal_says_it_too(world):
    world.done_before(SQL)
    assert "DOWN since" in str(refused(world.runner(lock_id=""), SQL, StepError))


def test_a_failing_cut_counts_as_down(world):
    """trap 3: some routes may be gone"""
    run = world.done_before(CUT).runner()
    with pytest.raises(MonqError) as caught:
        run.execute(CUT, world.action(error=MonqError("no")))
    assert "platform: DOWN since" in str(caught.value)


def test_the_ledger_carries_the_plans_fingerprint(world):
    world.runner().execute(FIRST, world.action())
    assert world.ledger().annotations["monq.platform/steps-sha256"] == steps.fingerprint(world.plan)


# ---- taken over


def test_a_taker_makes_an_earlier_holders_prepared_write_impossible(world):
    """Frozen between the fence and the intent, it wakes to find another resourceVersion, and does nothing."""
    world.done_before("prepare.registry.update")
    frozen = world.runner()  # has read the ledger
    world.runner().begin()
    with pytest.raises(LedgerError):
        frozen.execute("prepare.registry.update", world.action())
    assert world.acted == []


def test_the_fence_is_asked_between_two_calls_of_one_step(world):
    world.done_before(CUT)
    run, calls = world.runner(), []
    run.fence()  # outside of a step nothing is asked

    def action():
        run.fence()
        calls.append("first")
        world.cluster.objects[LEASE]["metadata"]["annotations"]["monq.platform/lock-id"] = "of another"
        run.fence()
        calls.append("second")

    with pytest.raises(LockError):
        run.execute(CUT, action)
    assert calls == ["first"]


def test_a_run_that_only_skips_shows_that_it_lives(world):
    before = world.cluster.objects[LEASE]["metadata"]["resourceVersion"]
    world.runner().renew()
    assert world.cluster.objects[LEASE]["metadata"]["resourceVersion"] != before
    before = world.cluster.objects[LEASE]["metadata"]["resourceVersion"]
    world.runner(check_mode=True).renew()
    world.runner(lock_id="").renew()
    world.runner(lock_id="of another").renew()  # no error: the next fence judges
    assert world.cluster.objects[LEASE]["metadata"]["resourceVersion"] == before


@pytest.mark.parametrize("key", ["prepare.registry.update", CUT, "upgrade.pl.replicas.registry"])
def test_what_was_begun_on_another_machine_and_calls_monqctl_or_not(world, key):
    """Nobody knows whether an orphan is at work there: the operator's word, for steps of monqctl only."""
    entry = {
        "state": "intent",
        "attempt": "a1b2c3d4",
        "host": "pod-of-an-earlier-job",
        "pid": 7,
        "started": "2026-03-01T10:00:00Z",
    }
    world.done_before(key, **{key: entry})
    if key == CUT:
        return world.runner().execute(key, world.action())
    error = refused(world.runner(), key, StepError)
    assert (
        "another machine" in str(error)
        and "pod-of-an-earlier-job" in str(error)
        and "a1b2c3d4" in str(error)
        and "pid 7" in str(error)
    )
    world.runner(resolve={key: {"answer": "retry", "attempt": "a1b2c3d4"}}).execute(key, world.action())
    assert world.entry(key)["state"] == "done"


@pytest.mark.parametrize("state", ["intent", "unknown", "failed"])
def test_an_orphan_keeps_its_step(world, state, monkeypatch):
    """What was started for the attempt and lives, though its module is dead: the operator's word does not help
    either."""
    entry = {"state": state, "attempt": "a1b2c3d4", "host": socket.gethostname(), "pid": 1, "pid_start": 0}
    world.done_before(SQL, **{SQL: entry})
    monkeypatch.setattr(process, "bearing", lambda attempt: [4711] if attempt == "a1b2c3d4" else [])
    error = refused(world.runner(resolve={SQL: {"answer": "done", "attempt": "a1b2c3d4"}}), SQL, StepError)
    assert "still working" in str(error) and "4711" in str(error)


def test_the_outage_is_counted_from_the_first_try_of_the_cut(world):
    first = "2026-03-01T10:00:00Z"
    world.done_before(CUT, **{CUT: {"state": "intent", "started": first, "attempt": "a1", "host": "elsewhere"}})
    world.runner(resolve={CUT: {"answer": "retry", "attempt": "a1"}}).execute(CUT, world.action())
    assert world.entry(CUT)["started"] == first
    world.done_before(SQL, **{SQL: {"state": "failed", "started": first, "attempt": "a1"}})
    world.runner().execute(SQL, world.action())
    assert world.entry(SQL)["started"] != first


def test_a_long_read_outside_a_step_renews_the_lock(world):
    def renewals():
        return sum(path == LEASE and method != "GET" for method, path in world.cluster.calls)

    for run, renews in (
        (world.runner(), True),
        (world.runner(check_mode=True), False),
        (world.runner(lock_id=""), False),
    ):
        before, run._lease._duration = renewals(), 0.03  # pylint: disable=protected-access
        with run.renewing():
            deadline = time.monotonic() + (10 if renews else 0.2)
            while renewals() == before and time.monotonic() < deadline:
                time.sleep(0.01)
        assert (renewals() > before) is renews
