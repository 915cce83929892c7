"""Another plan, another SQL file, a closed release: refused, and the words that go on."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import (
    CommandError,
    InputError,
    StepError,
)
from fake_installation import CLIENT, FIRST, LAST, SQL, World, failure, refused
from repository import RELEASE


@pytest.fixture
def world():
    return World()


# ---- another plan, another file, a closed release


def test_another_list_of_steps_is_refused_with_both_fingerprints(world):
    world.runner(inputs={"modules": ["pl", "cl"]}).execute(FIRST, world.action())
    first = steps.fingerprint(world.plan)
    world.runner().require_same_plan()
    world.plan = steps.plan(RELEASE, ["pl"])
    with pytest.raises(StepError) as caught:
        world.runner(inputs={"modules": ["pl"]}).require_same_plan()
    text = str(caught.value)
    assert first[:16] in text and steps.fingerprint(world.plan)[:16] in text and '["pl", "cl"]' in text
    assert caught.value.details == {"expected_sha256": first, "seen_sha256": steps.fingerprint(world.plan)}


def test_another_collection_is_said_to_be_one(world):
    world.runner(inputs={"modules": ["pl"]}).execute(FIRST, world.action())
    world.plan = world.plan[:-1]
    with pytest.raises(StepError) as caught:
        world.runner(inputs={"modules": ["pl"]}).require_same_plan()
    assert "the collection's version differs" in str(caught.value)


@pytest.mark.parametrize("when", ["at the lock", "at the step"])
def test_another_sql_file_is_refused_with_both_fingerprints(world, when):
    old, new = "a" * 64, "b" * 64
    world.runner(files={SQL: old}).execute(FIRST, world.action())
    world.done_before(SQL)
    changed = world.runner(files={SQL: new})
    if when == "at the lock":
        with pytest.raises(StepError) as caught:
            changed.require_same_plan()
    else:
        with pytest.raises(StepError) as caught:
            changed.execute(SQL, world.action())
    assert old in str(caught.value) and new in str(caught.value) and "fbbbbbbb" in str(caught.value)
    world.runner().require_same_plan()  # where it cannot be read, nothing is known against it
    answered = {"files": {SQL: new}, "resolve": {SQL: {"answer": "retry", "attempt": "fbbbbbbb"}}}
    world.runner(**answered).require_same_plan()
    world.runner(**answered).execute(SQL, world.action())
    assert world.entry(SQL)["state"] == "done"
    world.runner(files={SQL: new}).require_same_plan()


def corrected_after_unknown(world):
    """A migration whose end nobody saw, and a corrected file."""
    world.runner(files={SQL: "a" * 64}).execute(FIRST, world.action())
    return world.done_before(SQL, **{SQL: {"state": "unknown", "attempt": "a1b2c3d4"}})


CORRECTED = {"files": {SQL: "b" * 64}, "resolve": {SQL: {"answer": "retry", "attempt": "fbbbbbbb"}}}


def test_a_corrected_file_runs_by_one_word_although_the_last_attempt_is_unknown(world):
    corrected_after_unknown(world)
    error = refused(world.runner(files=CORRECTED["files"]), SQL, StepError)
    assert "the outcome of attempt a1b2c3d4" in str(error) and "fbbbbbbb" in str(error)
    assert world.runner(**CORRECTED).execute(SQL, world.action("fine")) == "fine"


def test_the_word_on_a_file_counts_once(world):
    corrected_after_unknown(world)
    with pytest.raises(CommandError):
        world.runner(**CORRECTED).execute(SQL, world.action(error=failure(unknown=True)))
    error = refused(world.runner(**CORRECTED), SQL, StepError)
    assert "the outcome of this SQL step is unknown" in str(error)


@pytest.mark.parametrize(("answer", "state"), [("done", "done"), ("accept", "accepted"), ("retry", None)])
def test_a_word_on_the_attempt_needs_no_word_on_the_file_where_no_file_is_run(world, answer, state):
    corrected_after_unknown(world)
    run = world.runner(files=CORRECTED["files"], resolve={SQL: {"answer": answer, "attempt": "a1b2c3d4"}})
    if state:
        run.execute(SQL, world.action())
        assert world.entry(SQL)["state"] == state
    else:
        assert "has changed since this upgrade started" in str(refused(run, SQL, StepError))


def test_a_file_whose_sql_is_done_may_change(world):
    world.runner(files={SQL: "a" * 64}).execute(FIRST, world.action())
    world.record({SQL: {"state": "done"}})
    world.runner(files={SQL: "b" * 64}).require_same_plan()


def test_a_finished_release_is_closed(world):
    world.done_before(LAST)
    world.runner().execute(LAST, world.action())
    assert world.ledger().closed
    world.record({FIRST: {"state": "failed"}})
    error = refused(world.runner(), FIRST, StepError)
    assert "closed" in str(error)
    world.record({CLIENT: {"state": "done", "homes": []}, FIRST: {"state": "done"}})
    world.runner().execute(CLIENT, world.action())  # a new home may still be told: verify.yml from another machine


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"upgrade.pl.database.typo": {"answer": "retry", "attempt": "a1"}}, "not part of the plan"),
        ({SQL: {"answer": "no"}}, "unknown answer"),
    ],
)
def test_answers_are_checked_at_the_lock(world, given, says):
    with pytest.raises(InputError) as caught:
        world.runner(resolve=given).require_known_decisions()
    assert says in str(caught.value)
