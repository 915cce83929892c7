"""monq_resolve's answer "redo": a step that counts as done is executed again, with all that builds on it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import redo, steps
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, StepError
from ansible_collections.monq.platform.plugins.module_utils.rollback.steps import _ran
from fake_installation import CLIENT, CUT, FIRST, GATE, LAST, LEDGER, SQL, World, failure
from repository import RELEASE

REPLACE = "upgrade.pl.microservices.replace"
COUNTS = "upgrade.pl.replicas.kubernetes"
ROLLOUT = "upgrade.pl.microservices.rollout"
IMAGES = "prepare.pl.images"
PLAN = steps.plan(RELEASE, ["pl", "cl"])
KEYS = [step.key for step in PLAN]


@pytest.fixture
def world():
    """An upgrade of which all but the last check is done."""
    world = World()
    entries = {
        key: {"state": "done", "attempt": f"a{number:07d}", "homes": ["here"], "started": "2026-03-01T10:00:00Z"}
        for number, key in enumerate(world.keys)
        if key != LAST
    }
    return world.record(entries)


def asked(world, key, attempt=None):
    return {key: {"answer": "redo", "attempt": attempt or world.entry(key)["attempt"]}}


def states(world):
    return {key: world.entry(key)["state"] for key in world.keys if key != LAST}


@pytest.mark.parametrize(
    ("key", "repeated"),
    [
        (IMAGES, []),
        (COUNTS, [ROLLOUT]),
        (CLIENT, []),
        ("upgrade.routing.apply.pl", ["upgrade.routing.wait"]),
        ("prepare.registry_template.apply", [GATE]),
    ],
)
def test_what_is_repeated_with_a_step(key, repeated):
    assert redo.followers(PLAN, key) == repeated


def test_replace_and_sql_repeat_all_that_builds_on_them_in_their_module_only():
    after_replace = redo.followers(PLAN, REPLACE)
    assert {COUNTS, ROLLOUT, "upgrade.pl.registry.env", "upgrade.pl.replicas.registry"} < set(after_replace)
    assert all(key.startswith("upgrade.pl.") and ".database." not in key for key in after_replace)
    assert redo.followers(PLAN, SQL) == [REPLACE, *after_replace]


@pytest.mark.parametrize("key", [IMAGES, REPLACE, COUNTS, CLIENT, "upgrade.routing.apply.pl"])
def test_a_done_step_is_executed_once_more_and_then_no_more(world, key):
    resolve = asked(world, key)
    run = world.runner(resolve=resolve)
    assert not run.is_done(key) and not run.all_done(lambda step: step.key != LAST)
    run.begin()
    due = [k for k, state in states(world).items() if state == "redo"]
    assert due == [k for k in KEYS if k == key or k in redo.followers(PLAN, key)]
    for again in due:
        run.execute(again, world.action(again))
    assert world.acted == due and set(states(world).values()) == {"done"}
    second = world.runner(resolve=resolve)
    second.require_known_decisions()
    second.begin()
    assert set(states(world).values()) == {"done"} and second.is_done(key)


def test_a_run_killed_between_the_marks_finds_the_request_still_open(world):
    """the step that was named is marked last"""
    resolve = asked(world, REPLACE)
    order, write = [], world.cluster.patch

    def patch(path, body, *more, **named):
        order.extend((body.get("data") or {}) if path == LEDGER else [])
        return write(path, body, *more, **named)

    world.cluster.patch = patch
    world.runner(resolve=resolve).begin()
    assert order[-1] == REPLACE and set(order[:-1]) == set(redo.followers(PLAN, REPLACE))


def test_a_follower_waits_for_the_step_and_later_modules_for_both(world):
    run = world.runner(resolve=asked(world, REPLACE))
    run.begin()
    with pytest.raises(StepError) as caught:
        run.execute(COUNTS, world.action("early"))
    assert caught.value.details["missing"] == REPLACE and not world.acted


def test_check_mode_predicts_it_and_writes_nothing(world):
    before = json.dumps(world.cluster.objects[LEDGER], sort_keys=True)
    run = world.runner(resolve=asked(world, REPLACE), check_mode=True, lock_id="")
    for key in KEYS[KEYS.index(REPLACE) : -1]:
        run.execute(key, world.action(key))
    assert run.predicted == [REPLACE, *redo.followers(PLAN, REPLACE)] and not world.acted
    assert json.dumps(world.cluster.objects[LEDGER], sort_keys=True) == before


def test_sql_that_fails_when_redone_asks_about_its_new_attempt(world):
    resolve = asked(world, SQL)
    run = world.runner(resolve=resolve)
    run.begin()
    with pytest.raises(Exception, match="monqctl failed"):
        run.execute(SQL, world.action(error=failure(unknown=True)))
    with pytest.raises(StepError) as caught:
        world.runner(resolve=resolve).execute(SQL, world.action("ran"))
    assert world.entry(SQL)["attempt"] in str(caught.value) and world.acted == [None]


def test_a_redone_client_step_is_due_in_every_home(world):
    world.record({CLIENT: {**world.entry(CLIENT), "homes": ["here", "there"]}})
    run = world.runner(resolve=asked(world, CLIENT))
    run.begin()
    run.execute(CLIENT, world.action("here"))
    assert world.entry(CLIENT)["homes"] == ["here"] and not world.runner(home="there").is_done(CLIENT)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (FIRST, "a snapshot is saved once"),
        (CUT, "the outage begins once"),
        ("prepare.registry.update", "the outage has begun"),
        ("prepare.backup.database.pl-i18n-service", "the outage has begun"),
    ],
)
def test_what_later_steps_rely_on_cannot_be_redone(world, key, words):
    run = world.runner(resolve=asked(world, key))
    with pytest.raises(StepError, match=words):
        run.require_known_decisions()
    with pytest.raises(StepError, match=words):
        run.begin()
    assert set(states(world).values()) == {"done"}


def test_sql_is_not_redone_under_a_later_file_of_the_same_database(world):
    files = [key for key in KEYS if redo.SQL.fullmatch(key)]
    databases = [redo.SQL.fullmatch(key)[1] for key in files]
    first = next(key for key, name in zip(files, databases) if databases.count(name) > 1)
    with pytest.raises(StepError, match="a later file has been run on the same database"):
        world.runner(resolve=asked(world, first)).require_known_decisions()


def test_a_prepared_registry_may_be_updated_again_before_the_outage(world):
    world = World().done_before(CUT)
    key = "prepare.registry.update"
    world.record({key: {"state": "done", "attempt": "a0000001"}})
    run = world.runner(resolve=asked(world, key))
    run.begin()
    assert world.entry(key)["state"] == "redo" and world.entry(GATE)["state"] == "redo"


@pytest.mark.parametrize("state", ["failed", "unknown", "intent"])
def test_only_a_done_step_is_redone(world, state):
    world.record({IMAGES: {**world.entry(IMAGES), "state": state}})
    with pytest.raises(StepError, match="not done in this attempt"):
        world.runner(resolve=asked(world, IMAGES)).require_known_decisions()


@pytest.mark.parametrize("state", ["failed", "unknown", "intent"])
def test_redo_never_passes_for_retry(world, state):
    """a task that was started without the lock's checks"""
    world.record({SQL: {**world.entry(SQL), "state": state}})
    with pytest.raises(StepError, match="redo a step that is not done"):
        world.runner(resolve=asked(world, SQL)).execute(SQL, world.action("ran"))
    assert not world.acted


def test_another_attempt_and_a_closed_upgrade_are_refused(world):
    with pytest.raises(StepError, match="not done in this attempt"):
        world.runner(resolve=asked(world, IMAGES, "a9999999")).require_known_decisions()
    world.runner().execute(LAST, world.action("closed"))
    with pytest.raises(StepError, match="verified and closed"):
        world.runner(resolve=asked(world, IMAGES)).require_known_decisions()


def test_an_unknown_step_is_still_an_input_error(world):
    with pytest.raises(InputError):
        world.runner(resolve={"upgrade.pl": {"answer": "redo", "attempt": "a1"}}).require_known_decisions()


def test_the_choice_is_offered_where_it_applies(world):
    run = world.runner()
    assert json.loads(run.redo_choice(IMAGES)[4:-1]) == {"monq_resolve": asked(world, IMAGES)}
    assert run.redo_choice(FIRST) is None and run.redo_choice(LAST) is None


def test_a_rollback_counts_sql_that_is_to_be_redone_as_run():
    assert _ran({"state": redo.STATE})
