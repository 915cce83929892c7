"""What nobody saw end is the operator's to decide; client steps, which each home needs; corrected tokens."""

from __future__ import annotations

import json
import os
import socket

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.errors import (
    CommandError,
    InputError,
    StepError,
)
from fake_installation import CLIENT, FIRST, GATE, SQL, World, failure, refused


@pytest.fixture
def world():
    return World()


# ---- attempts that nobody saw end


def interrupted(world, state="intent", **more):
    """A migration of a run that is no more, on another machine."""
    entry = {
        "state": state,
        "attempt": "a1b2c3d4",
        "started": "2026-03-01T11:00:00Z",
        "host": "elsewhere",
        "pid": 1,
        "pid_start": 1,
        **more,
    }
    return world.done_before(SQL, **{SQL: entry})


@pytest.mark.parametrize("state", ["intent", "unknown"])
def test_an_interrupted_migration_is_refused_with_both_answers(world, state):
    """trap 35"""
    error = refused(interrupted(world, state).runner(), SQL, StepError)
    text = str(error)
    for answer in ("retry", "done"):
        line = next(line for line in text.splitlines() if f'"answer": "{answer}"' in line)
        typed = json.loads(line[line.index("'") + 1 : line.rindex("'")])
        assert typed == {"monq_resolve": {SQL: {"answer": answer, "attempt": "a1b2c3d4"}}}
    assert state in text and "2026-03-01T11:00:00Z" in text
    assert error.details["attempt"] == "a1b2c3d4"
    assert world.entry(SQL)["attempt"] == "a1b2c3d4"


@pytest.mark.parametrize(
    ("key", "host"),
    [
        (FIRST, "elsewhere"),
        (CLIENT, "elsewhere"),
        (GATE, "elsewhere"),
        ("prepare.registry.update", socket.gethostname()),
    ],
)
def test_what_can_be_repeated_is_repeated_after_an_interruption(world, key, host):
    world.done_before(key, **{key: {"state": "intent", "attempt": "x", "host": host, "pid": 1, "pid_start": 1}})
    assert world.runner().execute(key, world.action("fine")) == "fine"


@pytest.mark.parametrize("state", ["intent", "unknown", "failed"])
@pytest.mark.parametrize(
    ("answer", "runs", "becomes"), [("retry", True, "done"), ("done", False, "done"), ("accept", False, "accepted")]
)
def test_the_operators_word(world, state, answer, runs, becomes):
    run = interrupted(world, state, error="boom").runner(resolve={SQL: {"answer": answer, "attempt": "a1b2c3d4"}})
    run.execute(SQL, world.action("ran"))
    entry = world.entry(SQL)
    assert (world.acted == ["ran"], entry["state"], run.done) == (runs, becomes, [SQL])
    assert (entry["attempt"] == "a1b2c3d4") is not runs
    assert entry.get("by") == (None if runs else "operator")
    assert world.runner().is_done(SQL)


@pytest.mark.parametrize("attempt", ["00000000", "", None, 0])
def test_an_answer_to_another_attempt_is_refused(world, attempt):
    error = refused(interrupted(world).runner(resolve={SQL: {"answer": "retry", "attempt": attempt}}), SQL, StepError)
    assert "a different attempt" in str(error) and "a1b2c3d4" in str(error)


@pytest.mark.parametrize("answer", ["done", "accept", "retry"])
@pytest.mark.parametrize("attempt", [None, "a1b2c3d4"])
def test_what_was_never_attempted_cannot_be_answered(world, answer, attempt):
    """else an answer without an attempt would mark a migration as done that nobody ran"""
    given = {"answer": answer} if attempt is None else {"answer": answer, "attempt": attempt}
    refused(world.done_before(SQL).runner(resolve={SQL: given}), SQL, StepError)
    assert world.entry(SQL) is None


def test_the_answer_is_used_up_by_the_attempt_that_it_names(world):
    resolve = {SQL: {"answer": "retry", "attempt": "a1b2c3d4"}}
    with pytest.raises(CommandError):
        interrupted(world).runner(resolve=resolve).execute(SQL, world.action(error=failure(unknown=True)))
    error = refused(world.runner(resolve=resolve), SQL, StepError)
    assert world.entry(SQL)["attempt"] in str(error)


@pytest.mark.parametrize(
    "given",
    [
        {"answer": "yes", "attempt": "a1b2c3d4"},
        {"attempt": "a1b2c3d4"},
        {"answer": None, "attempt": "a1b2c3d4"},
        "retry",
        ["done"],
    ],
)
def test_an_unknown_answer_is_refused(world, given):
    error = refused(interrupted(world).runner(resolve={SQL: given}), SQL, InputError)
    assert "monq_resolve" in str(error) and "retry, done, accept or redo" in str(error)


def test_an_answer_is_no_way_around_the_guards(world):
    resolve = {SQL: {"answer": "done", "attempt": "a1b2c3d4"}}
    interrupted(world)
    world.record({FIRST: {"state": "failed"}})
    refused(world.runner(resolve=resolve), SQL, StepError)
    world.record({FIRST: {"state": "done"}})
    refused(world.runner(resolve=resolve, lock_id=""), SQL, StepError)
    assert world.entry(SQL)["state"] == "intent"


def test_an_attempt_is_never_a_number_to_yaml(world):
    """an operator may type it without quotes"""
    run = world.runner()
    for key in world.keys[:12]:
        run.execute(key, world.action())
        assert world.entry(key)["attempt"][0] in "abcdef"


OURSELVES = {"host": socket.gethostname(), "pid": os.getpid(), "pid_start": process.start_time(os.getpid())}


@pytest.mark.parametrize(
    "resolve", [{}, {SQL: {"answer": "retry", "attempt": "a1b2c3d4"}}], ids=["no answer", "answered"]
)
def test_a_living_process_of_this_host_keeps_its_step(world, resolve):
    error = refused(interrupted(world, **OURSELVES).runner(resolve=resolve), SQL, StepError)
    assert "still working" in str(error) and str(os.getpid()) in str(error)


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
    run = interrupted(world, **{**OURSELVES, **changed}).runner(
        resolve={SQL: {"answer": "retry", "attempt": "a1b2c3d4"}}
    )
    assert run.execute(SQL, world.action("ran")) == "ran"


# ---- client steps


def test_a_client_step_is_done_once_for_each_home(world):
    """trap 47"""
    world.done_before(CLIENT)
    for home in ("here", "there", "here"):
        run = world.runner(home=home, make_home=lambda home=home: home)
        run.execute(CLIENT, world.action(home))
    assert world.acted == ["here", "there"]
    assert world.entry(CLIENT)["homes"] == ["here", "there"]


def test_a_home_gets_its_mark_with_its_first_client_step(world):
    made = []
    run = world.done_before(CLIENT).runner(home=None, make_home=lambda: made.append(1) or "fresh")
    assert not run.is_done(CLIENT)
    run.execute(CLIENT, world.action())
    assert run.is_done(CLIENT) and made == [1] and world.entry(CLIENT)["homes"] == ["fresh"]


def test_check_mode_makes_no_mark(world):
    made = []
    world.runner(home=None, make_home=lambda: made.append(1) or "x", check_mode=True).execute(CLIENT, world.action())
    assert not made


def test_a_client_step_that_fails_in_one_home_stays_known_for_the_others(world):
    world.done_before(CLIENT)
    world.runner(home="a", make_home=lambda: "a").execute(CLIENT, world.action())
    with pytest.raises(CommandError):
        world.runner(home="b", make_home=lambda: "b").execute(CLIENT, world.action(error=failure()))
    world.runner(home="b", make_home=lambda: "b").execute(CLIENT, world.action())
    assert world.entry(CLIENT)["homes"] == ["a", "b"]


def test_homes_of_many_jobs_do_not_fill_the_ledger(world):
    world.done_before(CLIENT)
    for number in range(25):
        home = f"job-{number}"
        world.runner(home=home, make_home=lambda home=home: home).execute(CLIENT, world.action())
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
        world.done_before(CLIENT).runner().execute(CLIENT, world.action(error=failure()), configured=TOLD)
    given = {CLIENT: {"answer": answer, "attempt": world.entry(CLIENT)["attempt"]}}
    run = world.runner(resolve=given, home=home, make_home=mark)
    run.execute(CLIENT, world.action("told"), configured=TOLD)
    assert run.is_done(CLIENT) and made and "told" not in world.acted
    assert world.entry(CLIENT)["homes"] == ["here"] and list(world.entry(CLIENT)["digests"]) == ["here"]
    again = world.runner()
    again.execute(CLIENT, world.action("told"), configured=TOLD)
    assert again.skipped == [CLIENT] and "told" not in world.acted
    assert not world.runner(home="elsewhere").is_done(CLIENT), "another home was told nothing"


def test_a_word_on_the_old_token_is_none_on_the_corrected_one(world):
    with pytest.raises(CommandError):
        world.done_before(CLIENT).runner().execute(CLIENT, world.action(error=failure()), configured=TOLD)
    given = {CLIENT: {"answer": "accept", "attempt": world.entry(CLIENT)["attempt"]}}
    world.runner(resolve=given).execute(CLIENT, world.action("told"), configured=TOLD)
    world.runner(resolve=given).execute(CLIENT, world.action("corrected"), configured=(TOLD[0], "another"))
    assert world.acted[-1] == "corrected" and world.entry(CLIENT)["state"] == "done"


def test_a_refusal_shows_the_words_that_were_given_before(world):
    """Of two monq_resolve on one command line only the last counts."""
    given = {GATE: {"answer": "accept", "attempt": "a7"}, FIRST: {"answer": "retry", "attempt": "a6"}}
    error = refused(interrupted(world).runner(resolve=given), SQL, StepError)
    words = {"monq_resolve": {SQL: {"answer": "retry", "attempt": "a1b2c3d4"}}}
    assert json.dumps(words) in str(error), "both of the others are done"
    world.record({GATE: {"state": "failed", "attempt": "a7"}})
    words = {"monq_resolve": {GATE: given[GATE], SQL: {"answer": "retry", "attempt": "a1b2c3d4"}}}
    assert json.dumps(words) in world.runner(resolve=given).choice(SQL, "retry", "a1b2c3d4")


@pytest.mark.parametrize(("check_mode", "expected"), [(False, False), (True, True)])
def test_may_begin_counts_what_check_mode_predicts(world, check_mode, expected):
    run = world.runner(check_mode=check_mode)
    for key in world.keys[: world.keys.index(CLIENT)]:
        if check_mode:
            run.execute(key, world.action())
    assert run.may_begin(CLIENT) is expected


# ---- corrected tokens, snapshots


@pytest.mark.parametrize(("secret", "again"), [("old", False), ("corrected", True)])
def test_a_corrected_token_is_told_again(secret, again):
    """trap 26: a stale token fails late, and is corrected by the same command"""
    world = World().done_before(CLIENT)
    world.runner().execute(CLIENT, world.action(), configured=(["config"], "old"))
    run = world.runner()
    run.execute(CLIENT, world.action(), configured=(["config"], secret))
    assert (CLIENT in run.done) == again
    assert "corrected" not in json.dumps(world.entry(CLIENT)) and '"old"' not in json.dumps(world.entry(CLIENT))


def test_a_corrected_token_is_predicted():
    world = World().done_before(CLIENT)
    world.runner().execute(CLIENT, world.action(), configured=(["config"], "old"))
    run = world.runner(check_mode=True, lock_id="")
    run.execute(CLIENT, world.action(), configured=(["config"], "corrected"))
    assert run.predicted == [CLIENT]


@pytest.mark.parametrize("answer", ["done", "accept"])
@pytest.mark.parametrize("key", [FIRST, "upgrade.snapshot.cut", "upgrade.replicas.cut"])
def test_a_snapshot_cannot_be_answered_away(key, answer):
    """trap 12, 41: without it counts and routes cannot be put back"""
    world = World().done_before(key).record({key: {"state": "failed", "attempt": "abc"}})
    with pytest.raises(StepError, match="cannot be skipped with monq_resolve"):
        world.runner(resolve={key: {"answer": answer, "attempt": "abc"}}).execute(key, world.action())
    assert world.acted == []
