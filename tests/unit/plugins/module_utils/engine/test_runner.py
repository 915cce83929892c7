"""A step guards itself: predecessors, lock, attempts that nobody saw end; intent before the action, result after it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import Lease
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.engine.runner import GuardedRun
from ansible_collections.monq.platform.plugins.module_utils.engine.spool import EmergencyCopies
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
from fake_cluster import CONFIGMAPS, LEASES, Clock, FakeCluster
from repository import RELEASE

FIRST = "prepare.snapshot.original"
CLIENT = "prepare.release_hub.token"
GATE = "prepare.registry.status"
CUT = "upgrade.routing.cut"
SQL = "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
LAST = "verify.installation.check"
LEDGER = f"{CONFIGMAPS}/monq-upgrade-6.0.0"
LEASE = f"{LEASES}/monq-upgrade"


class World:
    """An installation with a ledger and a lock, and runs on it."""

    def __init__(self):
        self.cluster = FakeCluster()
        self.plan = steps.plan(RELEASE, ["pl", "cl"])
        self.keys = [step.key for step in self.plan]
        self.lock_id = self.lease().acquire("us")
        self.acted = []
        self.slept = []

    def lease(self):
        clock = Clock()
        return Lease(self.cluster, "production", 120, clock, clock.sleep)

    def ledger(self):
        return Ledger(self.cluster, "production", "6.0.0").load()

    def run(self, **given):
        return GuardedRun(
            self.plan,
            self.ledger(),
            self.lease(),
            **{"lock_id": self.lock_id, "home": "here", "make_home": lambda: "here", "sleep": self.slept.append, **given},
        )

    def done_before(self, key, **more):
        self.record({k: {"state": "done", "homes": ["here"], "started": "2026-03-01T10:00:00Z"} for k in self.keys[: self.keys.index(key)]})
        return self.record(more) if more else self

    def record(self, entries):
        known = self.cluster.objects.get(LEDGER, {})
        notes = known.get("metadata", {}).get("annotations", {})
        data = {**known.get("data", {}), **{key: json.dumps(entry) for key, entry in entries.items()}}
        self.cluster.put(LEDGER, {"metadata": {"annotations": notes}, "data": data})
        return self

    def entry(self, key):
        return self.ledger().get(key)

    def action(self, result=None, error=None):
        def act():
            self.acted.append(result)
            self.cluster.calls.append(("ACTION", ""))
            if error:
                raise error
            return result

        return act


@pytest.fixture
def world():
    return World()


def failure(unknown=False, what="monqctl failed"):
    error = CommandError(what, "pl", "status 0", "status 3\nmore lines")
    error.unknown = unknown
    return error


def refused(run, key, kind, action=None):
    """The error, after the proof that the action did not run."""
    acted = []
    with pytest.raises(kind) as caught:
        run.run(key, action or (lambda: acted.append(1)))
    assert not acted
    return caught.value


# ---- done, predicted


@pytest.mark.parametrize("state", ["done", "accepted"])
def test_what_is_done_is_skipped_and_its_result_read_back(world, state):
    world.record({FIRST: {"state": state, "result": {"sha256": "abc"}}})
    run = world.run()
    before = len(world.cluster.bodies)
    assert run.run(FIRST, world.action()) == {"sha256": "abc"}
    assert (world.acted, run.skipped, run.done, run.changed) == ([], [FIRST], [], False)
    assert len(world.cluster.bodies) == before


def test_a_done_step_needs_neither_lock_nor_predecessors(world):
    world.record({LAST: {"state": "done", "result": 1}})
    assert world.run(lock_id="").run(LAST, world.action()) == 1


def test_a_step_is_done_again_where_its_caller_says_so(world):
    world.record({FIRST: {"state": "done", "result": "old"}})
    run = world.run()
    assert run.run(FIRST, world.action("new"), renewed=True) == "new"
    assert world.entry(FIRST)["result"] == "new" and run.done == [FIRST]


@pytest.mark.parametrize(("key", "changed"), [(FIRST, True), (CLIENT, True), (SQL, True), (GATE, False), (LAST, False)])
def test_check_mode_predicts_and_writes_nothing(world, key, changed):
    run = world.run(check_mode=True, lock_id="")
    world.cluster.bodies.clear()
    assert run.run(key, world.action()) is None
    assert (run.predicted, run.changed, world.acted, world.cluster.bodies) == ([key], changed, [], [])
    assert run.result() == {"changed": changed, "steps_done": [], "steps_predicted": [key], "steps_skipped": []}


def test_check_mode_and_the_real_run_agree_on_the_keys(world):
    predicting = world.run(check_mode=True)
    for key in world.keys:
        predicting.run(key, world.action())
    real = world.run()
    for key in world.keys:
        real.run(key, world.action())
    assert predicting.predicted == real.done == world.keys
    assert predicting.changed is real.changed is True


def test_a_gate_alone_changes_nothing(world):
    run = world.done_before(GATE).run()
    run.run(GATE, world.action())
    assert (run.done, run.changed) == ([GATE], False)


# ---- guards


def test_a_missing_predecessor_is_named(world):
    """rule 3: neither --tags nor --start-at-task reaches SQL without backup, snapshot and lock"""
    error = refused(world.run(), SQL, StepError)
    assert error.details["missing"] == FIRST
    for word in (SQL, f"{FIRST} done", "not begun", "--start-at-task"):
        assert word in str(error)


@pytest.mark.parametrize("state", ["intent", "failed", "unknown"])
def test_every_single_predecessor_counts(world, state):
    for missing in world.keys[: world.keys.index(SQL)]:
        world.done_before(SQL, **{missing: {"state": state, "started": "2026-03-01T10:00:00Z"}})
        error = refused(world.run(), SQL, StepError)
        assert error.details["missing"] == missing and f"seen: {state}" in str(error)


def test_a_step_outside_the_plan_is_refused(world):
    error = refused(world.run(), "upgrade.sm.images", InputError)
    assert "monq_modules" in str(error)


def test_without_a_lock_id_nothing_runs(world):
    error = refused(world.run(lock_id=""), FIRST, StepError)
    assert "no lock" in str(error) and world.entry(FIRST) is None


def test_a_lost_lock_is_noticed_before_the_action(world):
    """fencing: somebody took over while this run slept"""
    run = world.run()
    world.cluster.drop(LEASE)
    other = world.lease().acquire("another")
    error = refused(run, FIRST, LockError)
    assert other in str(error) and world.entry(FIRST) is None


def test_the_lock_is_asked_for_at_every_step(world):
    run = world.run()
    run.run(world.keys[0], world.action())
    world.cluster.drop(LEASE)
    refused(run, world.keys[1], LockError)


def test_nobody_answers_from_the_lock_so_nothing_runs(world):
    run = world.run()

    def unreachable(method, path):
        if path == LEASE:
            raise ApiUnreachable("no answer")

    world.cluster.before = unreachable
    refused(run, FIRST, ApiUnreachable)


def test_the_intent_is_written_before_the_action_and_the_result_after(world):
    run = world.run()
    world.cluster.calls.clear()
    seen = {}

    def act():
        seen.update(world.entry(FIRST))
        world.cluster.calls.append(("ACTION", ""))
        return {"sha256": "abc"}

    assert run.run(FIRST, act) == {"sha256": "abc"}
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
    world.run().run(FIRST, lambda: held.append("acts"))
    assert held == [world.lock_id, "acts", "over"]


def test_an_intent_that_cannot_be_written_stops_the_step(world):
    """a second writer: 409 on the ledger"""
    world.record({"prepare.snapshot.other": {"state": "done"}})
    run = world.run()
    world.record({"prepare.snapshot.other": {"state": "failed"}})
    error = refused(run, FIRST, LedgerError)
    assert "somebody else wrote to the ledger" in str(error)


def test_a_result_that_cannot_be_written_leaves_the_intent(world):
    run = world.done_before(SQL).run()
    with pytest.raises(LedgerError):
        run.run(SQL, lambda: world.record({"x": {"state": "done"}}) and None)
    assert world.entry(SQL)["state"] == "intent" and run.done == []


# ---- failures


@pytest.mark.parametrize("key", [FIRST, CLIENT, GATE, "prepare.registry.update", SQL])
def test_a_failure_is_recorded_and_the_next_run_tries_again(world, key):
    run = world.done_before(key).run()
    with pytest.raises(CommandError) as caught:
        run.run(key, world.action(error=failure()))
    entry = world.entry(key)
    assert entry["state"] == "failed" and entry["error"] == "monqctl failed: status 3"
    assert caught.value.details["step"] == key and caught.value.details["attempt"] == entry["attempt"]
    assert run.done == []
    assert world.run().run(key, world.action("fine")) == "fine"
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
    """traps 35, 36"""
    run = world.done_before(SQL).run()
    with pytest.raises(type(error)):
        run.run(SQL, world.action(error=error))
    assert world.entry(SQL)["state"] == state


@pytest.mark.parametrize("unknown", [True, False])
def test_only_sql_is_ever_unknown(world, unknown):
    run = world.run()
    with pytest.raises(CommandError):
        run.run(FIRST, world.action(error=failure(unknown=unknown)))
    assert world.entry(FIRST)["state"] == "failed"


def test_a_failure_that_cannot_be_recorded_is_still_the_failure(world):
    run = world.run()

    def conflict(method, path):
        if (method, path) == ("PATCH", LEDGER):
            raise ApiError(409, "Conflict", "modified", method, path)

    world.cluster.before = conflict
    with pytest.raises(CommandError):
        run.run(FIRST, world.action(error=failure()))


# ---- attempts that nobody saw end


def interrupted(world, state="intent", **more):
    """A migration of a run that is no more, on another machine."""
    entry = {"state": state, "attempt": "a1b2c3d4", "started": "2026-03-01T11:00:00Z", "host": "elsewhere", "pid": 1, "pid_start": 1, **more}
    return world.done_before(SQL, **{SQL: entry})


@pytest.mark.parametrize("state", ["intent", "unknown"])
def test_an_interrupted_migration_is_refused_with_both_answers(world, state):
    """trap 35"""
    error = refused(interrupted(world, state).run(), SQL, StepError)
    text = str(error)
    for answer in ("retry", "done"):
        line = next(line for line in text.splitlines() if f'"answer": "{answer}"' in line)
        typed = json.loads(line[line.index("'") + 1 : line.rindex("'")])
        assert typed == {"monq_resolve": {SQL: {"answer": answer, "attempt": "a1b2c3d4"}}}
    assert state in text and "2026-03-01T11:00:00Z" in text
    assert error.details["attempt"] == "a1b2c3d4"
    assert world.entry(SQL)["attempt"] == "a1b2c3d4"


@pytest.mark.parametrize(("key", "host"), [(FIRST, "elsewhere"), (CLIENT, "elsewhere"), (GATE, "elsewhere"), ("prepare.registry.update", socket.gethostname())])
def test_what_can_be_repeated_is_repeated_after_an_interruption(world, key, host):
    world.done_before(key, **{key: {"state": "intent", "attempt": "x", "host": host, "pid": 1, "pid_start": 1}})
    assert world.run().run(key, world.action("fine")) == "fine"


@pytest.mark.parametrize("state", ["intent", "unknown", "failed"])
@pytest.mark.parametrize(("answer", "runs", "becomes"), [("retry", True, "done"), ("done", False, "done"), ("accept", False, "accepted")])
def test_the_operators_word(world, state, answer, runs, becomes):
    run = interrupted(world, state, error="boom").run(resolve={SQL: {"answer": answer, "attempt": "a1b2c3d4"}})
    run.run(SQL, world.action("ran"))
    entry = world.entry(SQL)
    assert (world.acted == ["ran"], entry["state"], run.done) == (runs, becomes, [SQL])
    assert (entry["attempt"] == "a1b2c3d4") is not runs
    assert entry.get("by") == (None if runs else "operator")
    assert world.run().is_done(SQL)


@pytest.mark.parametrize("attempt", ["00000000", "", None, 0])
def test_an_answer_to_another_attempt_is_refused(world, attempt):
    error = refused(interrupted(world).run(resolve={SQL: {"answer": "retry", "attempt": attempt}}), SQL, StepError)
    assert "another attempt" in str(error) and "a1b2c3d4" in str(error)


@pytest.mark.parametrize("answer", ["done", "accept", "retry"])
@pytest.mark.parametrize("attempt", [None, "a1b2c3d4"])
def test_what_was_never_attempted_cannot_be_answered(world, answer, attempt):
    """else an answer without an attempt would mark a migration as done that nobody ran"""
    given = {"answer": answer} if attempt is None else {"answer": answer, "attempt": attempt}
    refused(world.done_before(SQL).run(resolve={SQL: given}), SQL, StepError)
    assert world.entry(SQL) is None


def test_the_answer_is_used_up_by_the_attempt_that_it_names(world):
    resolve = {SQL: {"answer": "retry", "attempt": "a1b2c3d4"}}
    with pytest.raises(CommandError):
        interrupted(world).run(resolve=resolve).run(SQL, world.action(error=failure(unknown=True)))
    error = refused(world.run(resolve=resolve), SQL, StepError)
    assert world.entry(SQL)["attempt"] in str(error)


@pytest.mark.parametrize(
    "given", [{"answer": "yes", "attempt": "a1b2c3d4"}, {"attempt": "a1b2c3d4"}, {"answer": None, "attempt": "a1b2c3d4"}, "retry", ["done"]]
)
def test_an_unknown_answer_is_refused(world, given):
    error = refused(interrupted(world).run(resolve={SQL: given}), SQL, InputError)
    assert "monq_resolve" in str(error) and "retry or done or accept" in str(error)


def test_an_answer_is_no_way_around_the_guards(world):
    resolve = {SQL: {"answer": "done", "attempt": "a1b2c3d4"}}
    interrupted(world)
    world.record({FIRST: {"state": "failed"}})
    refused(world.run(resolve=resolve), SQL, StepError)
    world.record({FIRST: {"state": "done"}})
    refused(world.run(resolve=resolve, lock_id=""), SQL, StepError)
    assert world.entry(SQL)["state"] == "intent"


def test_an_attempt_is_never_a_number_to_yaml(world):
    """an operator may type it without quotes"""
    run = world.run()
    for key in world.keys[:12]:
        run.run(key, world.action())
        assert world.entry(key)["attempt"][0] in "abcdef"


OURSELVES = {"host": socket.gethostname(), "pid": os.getpid(), "pid_start": process.start_time(os.getpid())}


@pytest.mark.parametrize("resolve", [{}, {SQL: {"answer": "retry", "attempt": "a1b2c3d4"}}], ids=["no answer", "answered"])
def test_a_living_process_of_this_host_keeps_its_step(world, resolve):
    error = refused(interrupted(world, **OURSELVES).run(resolve=resolve), SQL, StepError)
    assert "still at work" in str(error) and str(os.getpid()) in str(error)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"pid_start": OURSELVES["pid_start"] - 1}, id="the pid was used again"),
        pytest.param({"pid": 2**22 + 1}, id="the process is dead"),
        pytest.param({"host": "elsewhere"}, id="another machine's processes are not ours to judge"),
        pytest.param({"pid_start": None}, id="a start time that nobody knew"),
    ],
)
def test_a_dead_process_does_not_keep_its_step(world, changed):
    run = interrupted(world, **{**OURSELVES, **changed}).run(resolve={SQL: {"answer": "retry", "attempt": "a1b2c3d4"}})
    assert run.run(SQL, world.action("ran")) == "ran"


# ---- client steps


def test_a_client_step_is_done_once_for_each_home(world):
    """trap 47"""
    world.done_before(CLIENT)
    for home in ("here", "there", "here"):
        run = world.run(home=home, make_home=lambda home=home: home)
        run.run(CLIENT, world.action(home))
    assert world.acted == ["here", "there"]
    assert world.entry(CLIENT)["homes"] == ["here", "there"]


def test_a_home_gets_its_mark_with_its_first_client_step(world):
    made = []
    run = world.done_before(CLIENT).run(home=None, make_home=lambda: made.append(1) or "fresh")
    assert not run.is_done(CLIENT)
    run.run(CLIENT, world.action())
    assert run.is_done(CLIENT) and made == [1] and world.entry(CLIENT)["homes"] == ["fresh"]


def test_check_mode_makes_no_mark(world):
    made = []
    world.run(home=None, make_home=lambda: made.append(1) or "x", check_mode=True).run(CLIENT, world.action())
    assert not made


def test_a_client_step_that_fails_in_one_home_stays_known_for_the_others(world):
    world.done_before(CLIENT)
    world.run(home="a", make_home=lambda: "a").run(CLIENT, world.action())
    with pytest.raises(CommandError):
        world.run(home="b", make_home=lambda: "b").run(CLIENT, world.action(error=failure()))
    world.run(home="b", make_home=lambda: "b").run(CLIENT, world.action())
    assert world.entry(CLIENT)["homes"] == ["a", "b"]


def test_homes_of_many_jobs_do_not_fill_the_ledger(world):
    world.done_before(CLIENT)
    for number in range(25):
        home = f"job-{number}"
        world.run(home=home, make_home=lambda home=home: home).run(CLIENT, world.action())
    assert world.entry(CLIENT)["homes"] == [f"job-{number}" for number in range(5, 25)]


TOLD = (["config", "set", "releasehub"], "token")


@pytest.mark.parametrize("answer", ["done", "accept"])
@pytest.mark.parametrize("home", ["here", None])
def test_a_word_on_a_client_step_counts_for_the_home_that_it_was_given_in(world, answer, home):
    """It is not due again at once either, as if this home had been told something else."""
    made = []

    def mark():
        made.append("here")
        return "here"

    with pytest.raises(CommandError):
        world.done_before(CLIENT).run().run(CLIENT, world.action(error=failure()), told=TOLD)
    given = {CLIENT: {"answer": answer, "attempt": world.entry(CLIENT)["attempt"]}}
    run = world.run(resolve=given, home=home, make_home=mark)
    run.run(CLIENT, world.action("told"), told=TOLD)
    assert run.is_done(CLIENT) and made and "told" not in world.acted
    assert world.entry(CLIENT)["homes"] == ["here"] and list(world.entry(CLIENT)["digests"]) == ["here"]
    again = world.run()
    again.run(CLIENT, world.action("told"), told=TOLD)
    assert again.skipped == [CLIENT] and "told" not in world.acted
    assert not world.run(home="elsewhere").is_done(CLIENT), "another home was told nothing"


def test_a_word_on_the_old_token_is_none_on_the_corrected_one(world):
    with pytest.raises(CommandError):
        world.done_before(CLIENT).run().run(CLIENT, world.action(error=failure()), told=TOLD)
    given = {CLIENT: {"answer": "accept", "attempt": world.entry(CLIENT)["attempt"]}}
    world.run(resolve=given).run(CLIENT, world.action("told"), told=TOLD)
    world.run(resolve=given).run(CLIENT, world.action("corrected"), told=(TOLD[0], "another"))
    assert world.acted[-1] == "corrected" and world.entry(CLIENT)["state"] == "done"


def test_a_refusal_shows_the_words_that_were_given_before(world):
    """Of two monq_resolve on one command line only the last counts."""
    given = {GATE: {"answer": "accept", "attempt": "a7"}, FIRST: {"answer": "retry", "attempt": "a6"}}
    error = refused(interrupted(world).run(resolve=given), SQL, StepError)
    words = {"monq_resolve": {SQL: {"answer": "retry", "attempt": "a1b2c3d4"}}}
    assert json.dumps(words) in str(error), "both of the others are done"
    world.record({GATE: {"state": "failed", "attempt": "a7"}})
    words = {"monq_resolve": {GATE: given[GATE], SQL: {"answer": "retry", "attempt": "a1b2c3d4"}}}
    assert json.dumps(words) in world.run(resolve=given).choice(SQL, "retry", "a1b2c3d4")


@pytest.mark.parametrize(("check_mode", "expected"), [(False, False), (True, True)])
def test_may_begin_counts_what_check_mode_predicts(world, check_mode, expected):
    run = world.run(check_mode=check_mode)
    for key in world.keys[: world.keys.index(CLIENT)]:
        if check_mode:
            run.run(key, world.action())
    assert run.may_begin(CLIENT) is expected


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
    run = world.done_before(key).run()
    with pytest.raises(CommandError) as caught:
        run.run(key, world.action(error=failure()))
    assert says in str(caught.value)
    assert ("DOWN" in str(caught.value)) is ("DOWN" in says)


def test_a_refusal_says_it_too(world):
    world.done_before(SQL)
    assert "DOWN since" in str(refused(world.run(lock_id=""), SQL, StepError))


def test_a_failing_cut_counts_as_down(world):
    """trap 3: some routes may be gone"""
    run = world.done_before(CUT).run()
    with pytest.raises(MonqError) as caught:
        run.run(CUT, world.action(error=MonqError("no")))
    assert "platform: DOWN since" in str(caught.value)


def test_the_ledger_carries_the_plans_fingerprint(world):
    world.run().run(FIRST, world.action())
    assert world.ledger().annotations["monq.platform/steps-sha256"] == steps.fingerprint(world.plan)


# ---- corrected tokens, snapshots


@pytest.mark.parametrize(("secret", "again"), [("old", False), ("corrected", True)])
def test_a_corrected_token_is_told_again(secret, again):
    """trap 26: a stale token fails late, and is corrected by the same command"""
    world = World().done_before(CLIENT)
    world.run().run(CLIENT, world.action(), told=(["config"], "old"))
    run = world.run()
    run.run(CLIENT, world.action(), told=(["config"], secret))
    assert (CLIENT in run.done) == again
    assert "corrected" not in json.dumps(world.entry(CLIENT)) and '"old"' not in json.dumps(world.entry(CLIENT))


def test_a_corrected_token_is_predicted():
    world = World().done_before(CLIENT)
    world.run().run(CLIENT, world.action(), told=(["config"], "old"))
    run = world.run(check_mode=True, lock_id="")
    run.run(CLIENT, world.action(), told=(["config"], "corrected"))
    assert run.predicted == [CLIENT]


@pytest.mark.parametrize("answer", ["done", "accept"])
@pytest.mark.parametrize("key", [FIRST, "upgrade.snapshot.cut", "upgrade.replicas.cut"])
def test_a_snapshot_cannot_be_answered_away(key, answer):
    """trap 12, 41: without it counts and routes cannot be put back"""
    world = World().done_before(key).record({key: {"state": "failed", "attempt": "abc"}})
    with pytest.raises(StepError, match="cannot be answered away"):
        world.run(resolve={key: {"answer": answer, "attempt": "abc"}}).run(key, world.action())
    assert world.acted == []


# ---- taken over


def test_a_taker_makes_an_earlier_holders_prepared_write_impossible(world):
    """Frozen between the fence and the intent, it wakes to find another resourceVersion, and does nothing."""
    world.done_before("prepare.registry.update")
    frozen = world.run()  # has read the ledger
    world.run().begin()
    with pytest.raises(LedgerError):
        frozen.run("prepare.registry.update", world.action())
    assert world.acted == []


def test_the_fence_is_asked_between_two_calls_of_one_step(world):
    world.done_before(CUT)
    run, calls = world.run(), []
    run.fence()  # outside of a step nothing is asked

    def action():
        run.fence()
        calls.append("first")
        world.cluster.objects[LEASE]["metadata"]["annotations"]["monq.platform/lock-id"] = "of another"
        run.fence()
        calls.append("second")

    with pytest.raises(LockError):
        run.run(CUT, action)
    assert calls == ["first"]


def test_a_run_that_only_skips_shows_that_it_lives(world):
    before = world.cluster.objects[LEASE]["metadata"]["resourceVersion"]
    world.run().renew()
    assert world.cluster.objects[LEASE]["metadata"]["resourceVersion"] != before
    before = world.cluster.objects[LEASE]["metadata"]["resourceVersion"]
    world.run(check_mode=True).renew()
    world.run(lock_id="").renew()
    world.run(lock_id="of another").renew()  # no error: the next fence judges
    assert world.cluster.objects[LEASE]["metadata"]["resourceVersion"] == before


@pytest.mark.parametrize("key", ["prepare.registry.update", CUT, "upgrade.pl.replicas.registry"])
def test_what_was_begun_on_another_machine_and_calls_monqctl_or_not(world, key):
    """Nobody knows whether an orphan is at work there: the operator's word, for steps of monqctl only."""
    entry = {"state": "intent", "attempt": "a1b2c3d4", "host": "pod-of-an-earlier-job", "pid": 7, "started": "2026-03-01T10:00:00Z"}
    world.done_before(key, **{key: entry})
    if key == CUT:
        return world.run().run(key, world.action())
    error = refused(world.run(), key, StepError)
    assert "another machine" in str(error) and "pod-of-an-earlier-job" in str(error) and "a1b2c3d4" in str(error) and "pid 7" in str(error)
    world.run(resolve={key: {"answer": "retry", "attempt": "a1b2c3d4"}}).run(key, world.action())
    assert world.entry(key)["state"] == "done"


@pytest.mark.parametrize("state", ["intent", "unknown", "failed"])
def test_an_orphan_keeps_its_step(world, state, monkeypatch):
    """What was started for the attempt and lives, though its module is dead: the operator's word does not help either."""
    entry = {"state": state, "attempt": "a1b2c3d4", "host": socket.gethostname(), "pid": 1, "pid_start": 0}
    world.done_before(SQL, **{SQL: entry})
    monkeypatch.setattr(process, "bearing", lambda attempt: [4711] if attempt == "a1b2c3d4" else [])
    error = refused(world.run(resolve={SQL: {"answer": "done", "attempt": "a1b2c3d4"}}), SQL, StepError)
    assert "still at work" in str(error) and "4711" in str(error)


# ---- a result that cannot be written


def breaks(world, status, times=99):
    """Writes of results fail that often; the intent is written."""
    left = [times]

    def before(method, path):
        body = world.cluster.bodies[-1][2] if world.cluster.bodies else {}
        if method == "PATCH" and path == LEDGER and any('"state": "done"' in text for text in (body.get("data") or {}).values()) and left[0] > 0:
            left[0] -= 1
            raise ApiUnreachable("no answer", "api") if status is None else ApiError(status, "reason", "message", method, path)

    world.cluster.before = before


@pytest.mark.parametrize(("status", "times"), [(None, 3), (500, 2), (503, 4), (429, 1)])
def test_a_passing_failure_of_the_api_server_is_outlived(world, status, times):
    world.done_before("prepare.registry.update")
    breaks(world, status, times)
    run = world.run()
    run.run("prepare.registry.update", world.action("fine"))
    assert world.entry("prepare.registry.update")["result"] == "fine" and len(world.slept) == times


def test_a_lost_answer_is_no_lost_write(world):
    """The API server stored it, and the connection broke."""
    world.done_before("prepare.registry.update")
    run, patch = world.run(), world.cluster.patch

    def stores_and_breaks(path, body, **given):
        found = patch(path, body, **given)
        if path == LEDGER and "done" in str(body.get("data")):
            raise ApiUnreachable("no answer", "api")
        return found

    world.cluster.patch = stores_and_breaks
    run.run("prepare.registry.update", world.action("fine"))
    assert world.entry("prepare.registry.update")["result"] == "fine" and world.slept == []


@pytest.mark.parametrize("status", [None, 403, 409, 422, 500])
def test_a_result_that_stays_unwritten_lies_beside_the_backup_and_is_imported(world, tmp_path, status):
    copies = EmergencyCopies(str(tmp_path), "monq", "6.0.0")
    world.done_before(SQL)
    breaks(world, status)
    with pytest.raises(LedgerError) as caught:
        world.run(copies=copies).run(SQL, world.action("applied"))
    world.cluster.before = lambda method, path: None
    assert "a copy of the result lies in" in str(caught.value) and str(tmp_path) in str(caught.value)
    assert world.entry(SQL)["state"] == "intent"
    later = world.run(copies=copies)
    assert later.begin() == [SQL]
    assert world.entry(SQL)["state"] == "done" and later.run(SQL, world.action()) == "applied" and world.acted == ["applied"]
    assert world.run(copies=copies).begin() == []


def test_a_copy_of_another_attempt_is_not_imported(world, tmp_path):
    copies = EmergencyCopies(str(tmp_path), "monq", "6.0.0")
    copies.save(1, SQL, {"state": "done", "attempt": "aold"})
    world.done_before(SQL, **{SQL: {"state": "unknown", "attempt": "anew"}})
    assert world.run(copies=copies).begin() == []
    assert world.entry(SQL)["attempt"] == "anew" and copies.pending(1) == []


def test_without_room_for_a_copy_the_message_carries_the_result(world, tmp_path):
    (tmp_path / "monq").write_text("a file where the folder should be")
    world.done_before(SQL)
    breaks(world, None)
    with pytest.raises(LedgerError) as caught:
        world.run(copies=EmergencyCopies(str(tmp_path), "monq", "6.0.0")).run(SQL, world.action())
    assert "no copy could be left either" in str(caught.value) and "done, attempt a" in str(caught.value)


# ---- another plan, another file, a closed release


def test_another_list_of_steps_is_refused_with_both_fingerprints(world):
    world.run(inputs={"modules": ["pl", "cl"]}).run(FIRST, world.action())
    first = steps.fingerprint(world.plan)
    world.run().require_same_plan()
    world.plan = steps.plan(RELEASE, ["pl"])
    with pytest.raises(StepError) as caught:
        world.run(inputs={"modules": ["pl"]}).require_same_plan()
    text = str(caught.value)
    assert first[:16] in text and steps.fingerprint(world.plan)[:16] in text and '["pl", "cl"]' in text
    assert caught.value.details == {"expected_sha256": first, "seen_sha256": steps.fingerprint(world.plan)}


def test_another_collection_is_said_to_be_one(world):
    world.run(inputs={"modules": ["pl"]}).run(FIRST, world.action())
    world.plan = world.plan[:-1]
    with pytest.raises(StepError) as caught:
        world.run(inputs={"modules": ["pl"]}).require_same_plan()
    assert "another version of the collection" in str(caught.value)


@pytest.mark.parametrize("when", ["at the lock", "at the step"])
def test_another_sql_file_is_refused_with_both_fingerprints(world, when):
    old, new = "a" * 64, "b" * 64
    world.run(files={SQL: old}).run(FIRST, world.action())
    world.done_before(SQL)
    changed = world.run(files={SQL: new})
    if when == "at the lock":
        with pytest.raises(StepError) as caught:
            changed.require_same_plan()
    else:
        with pytest.raises(StepError) as caught:
            changed.run(SQL, world.action())
    assert old in str(caught.value) and new in str(caught.value) and "fbbbbbbb" in str(caught.value)
    world.run().require_same_plan()  # where it cannot be read, nothing is known against it
    answered = {"files": {SQL: new}, "resolve": {SQL: {"answer": "retry", "attempt": "fbbbbbbb"}}}
    world.run(**answered).require_same_plan()
    world.run(**answered).run(SQL, world.action())
    assert world.entry(SQL)["state"] == "done"
    world.run(files={SQL: new}).require_same_plan()


def corrected_after_unknown(world):
    """A migration whose end nobody saw, and a corrected file."""
    world.run(files={SQL: "a" * 64}).run(FIRST, world.action())
    return world.done_before(SQL, **{SQL: {"state": "unknown", "attempt": "a1b2c3d4"}})


CORRECTED = {"files": {SQL: "b" * 64}, "resolve": {SQL: {"answer": "retry", "attempt": "fbbbbbbb"}}}


def test_a_corrected_file_runs_by_one_word_although_the_last_attempt_is_unknown(world):
    corrected_after_unknown(world)
    error = refused(world.run(files=CORRECTED["files"]), SQL, StepError)
    assert "nobody saw the end of attempt a1b2c3d4" in str(error) and "fbbbbbbb" in str(error)
    assert world.run(**CORRECTED).run(SQL, world.action("fine")) == "fine"


def test_the_word_on_a_file_counts_once(world):
    corrected_after_unknown(world)
    with pytest.raises(CommandError):
        world.run(**CORRECTED).run(SQL, world.action(error=failure(unknown=True)))
    error = refused(world.run(**CORRECTED), SQL, StepError)
    assert "nobody saw the end of this migration" in str(error)


@pytest.mark.parametrize(("answer", "state"), [("done", "done"), ("accept", "accepted"), ("retry", None)])
def test_a_word_on_the_attempt_needs_no_word_on_the_file_where_no_file_is_run(world, answer, state):
    corrected_after_unknown(world)
    run = world.run(files=CORRECTED["files"], resolve={SQL: {"answer": answer, "attempt": "a1b2c3d4"}})
    if state:
        run.run(SQL, world.action())
        assert world.entry(SQL)["state"] == state
    else:
        assert "another one" in str(refused(run, SQL, StepError))


def test_a_file_whose_sql_is_done_may_change(world):
    world.run(files={SQL: "a" * 64}).run(FIRST, world.action())
    world.record({SQL: {"state": "done"}})
    world.run(files={SQL: "b" * 64}).require_same_plan()


def test_a_finished_release_is_closed(world):
    world.done_before(LAST)
    world.run().run(LAST, world.action())
    assert world.ledger().closed
    world.record({FIRST: {"state": "failed"}})
    error = refused(world.run(), FIRST, StepError)
    assert "closed" in str(error)
    world.record({CLIENT: {"state": "done", "homes": []}, FIRST: {"state": "done"}})
    world.run().run(CLIENT, world.action())  # a new home may still be told: verify.yml from another machine


@pytest.mark.parametrize(
    ("given", "says"),
    [({"upgrade.pl.database.typo": {"answer": "retry", "attempt": "a1"}}, "not part of the plan"), ({SQL: {"answer": "no"}}, "unknown answer")],
)
def test_answers_are_checked_at_the_lock(world, given, says):
    with pytest.raises(InputError) as caught:
        world.run(resolve=given).require_known_answers()
    assert says in str(caught.value)


def test_a_second_try_does_not_write_over_another_runs_attempt(world, tmp_path):
    """The API server was away for so long that somebody took over and began the step anew."""
    world.done_before("prepare.registry.update")
    breaks(world, None, 1)

    def taken_over(_seconds):
        raise AssertionError("tried again")

    def action():
        world.record({"prepare.registry.update": {"state": "intent", "attempt": "aother"}})

    run = world.run(copies=EmergencyCopies(str(tmp_path), "monq", "6.0.0"), sleep=taken_over)
    with pytest.raises(LedgerError):
        run.run("prepare.registry.update", action)
    assert world.entry("prepare.registry.update")["attempt"] == "aother"


def test_an_unreachable_api_does_not_hide_why_monqctl_failed(world):
    world.done_before("prepare.registry.update")

    def action():
        def gone(_method, path):
            raise ApiUnreachable("no answer", path)

        world.cluster.before = gone
        raise failure()

    with pytest.raises(CommandError) as caught:
        world.run().run("prepare.registry.update", action)
    assert caught.value.what == "monqctl failed"


def test_an_intent_whose_answer_was_lost_is_no_interrupted_migration(world):
    """the write has landed: the step goes on under its fence, and acts once"""
    world.done_before(SQL)
    run, patch = world.run(), world.cluster.patch

    def lost(path, body, *more):
        world.cluster.patch = patch
        patch(path, body, *more)
        raise ApiUnreachable("no answer")

    world.cluster.patch = lambda path, body, *more: lost(path, body, *more) if "/configmaps/" in path else patch(path, body, *more)
    run.run(SQL, world.action("ran"))
    assert world.acted == ["ran"] and world.entry(SQL)["state"] == "done"


def test_an_intent_that_was_not_taken_begins_nothing(world):
    world.done_before(SQL)
    run, patch = world.run(), world.cluster.patch

    def refuse(path, body, *more):
        if "/configmaps/" in path:
            raise ApiError(500, "x", "x", "PATCH", path)
        return patch(path, body, *more)

    world.cluster.patch = refuse
    with pytest.raises(ApiError):
        run.run(SQL, world.action())
    assert not world.acted and not world.entry(SQL)


def test_the_outage_is_counted_from_the_first_try_of_the_cut(world):
    first = "2026-03-01T10:00:00Z"
    world.done_before(CUT, **{CUT: {"state": "intent", "started": first, "attempt": "a1", "host": "elsewhere"}})
    world.run(resolve={CUT: {"answer": "retry", "attempt": "a1"}}).run(CUT, world.action())
    assert world.entry(CUT)["started"] == first
    world.done_before(SQL, **{SQL: {"state": "failed", "started": first, "attempt": "a1"}})
    world.run().run(SQL, world.action())
    assert world.entry(SQL)["started"] != first


def test_a_long_read_outside_a_step_renews_the_lock(world):
    def renewals():
        return sum(path == LEASE and method != "GET" for method, path in world.cluster.calls)

    for run, renews in ((world.run(), True), (world.run(check_mode=True), False), (world.run(lock_id=""), False)):
        before, run._lease._duration = renewals(), 0.03  # pylint: disable=protected-access
        with run.renewing():
            deadline = time.monotonic() + (10 if renews else 0.2)
            while renewals() == before and time.monotonic() < deadline:
                time.sleep(0.01)
        assert (renewals() > before) is renews
