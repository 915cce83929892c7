"""A result must not get lost: written again, kept beside the backup, imported by the next run."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.recorder import PAUSES
from ansible_collections.monq.platform.plugins.module_utils.engine.spool import Spool
from ansible_collections.monq.platform.plugins.module_utils.errors import (
    ApiError,
    ApiUnreachable,
    CommandError,
    LedgerError,
)
from fake_installation import LEDGER, SQL, World, failure


@pytest.fixture
def world():
    return World()


# ---- a result that cannot be written


def breaks(world, status, times=99):
    """Writes of results fail that often; the intent is written."""
    left = [times]

    def before(method, path):
        body = world.cluster.bodies[-1][2] if world.cluster.bodies else {}
        if (
            method == "PATCH"
            and path == LEDGER
            and any('"state": "done"' in text for text in (body.get("data") or {}).values())
            and left[0] > 0
        ):
            left[0] -= 1
            raise (
                ApiUnreachable("no answer", "api")
                if status is None
                else ApiError(status, "reason", "message", method, path)
            )

    world.cluster.before = before


@pytest.mark.parametrize(("status", "times"), [(None, 3), (500, 2), (503, 4), (429, 1)])
def test_a_passing_failure_of_the_api_server_is_outlived(world, status, times):
    world.done_before("prepare.registry.update")
    breaks(world, status, times)
    run = world.runner()
    run.execute("prepare.registry.update", world.action("fine"))
    assert world.entry("prepare.registry.update")["result"] == "fine" and tuple(world.slept) == PAUSES[:times]


def test_a_lost_answer_is_no_lost_write(world):
    """The API server stored it, and the connection broke."""
    world.done_before("prepare.registry.update")
    run, patch = world.runner(), world.cluster.patch

    def stores_and_breaks(path, body, **given):
        found = patch(path, body, **given)
        if path == LEDGER and "done" in str(body.get("data")):
            raise ApiUnreachable("no answer", "api")
        return found

    world.cluster.patch = stores_and_breaks
    run.execute("prepare.registry.update", world.action("fine"))
    assert world.entry("prepare.registry.update")["result"] == "fine" and world.slept == []


@pytest.mark.parametrize("status", [None, 403, 409, 422, 500])
def test_a_result_that_stays_unwritten_lies_beside_the_backup_and_is_imported(world, tmp_path, status):
    copies = Spool(str(tmp_path), "monq", "6.0.0")
    world.done_before(SQL)
    breaks(world, status)
    with pytest.raises(LedgerError) as caught:
        world.runner(spool=copies).execute(SQL, world.action("applied"))
    world.cluster.before = lambda method, path: None
    assert "the result is saved in" in str(caught.value) and str(tmp_path) in str(caught.value)
    assert world.entry(SQL)["state"] == "intent"
    later = world.runner(spool=copies)
    assert later.begin() == [SQL]
    assert (
        world.entry(SQL)["state"] == "done"
        and later.execute(SQL, world.action()) == "applied"
        and world.acted == ["applied"]
    )
    assert world.runner(spool=copies).begin() == []


def test_a_copy_of_another_attempt_is_not_imported(world, tmp_path):
    copies = Spool(str(tmp_path), "monq", "6.0.0")
    copies.save(1, SQL, {"state": "done", "attempt": "aold"})
    world.done_before(SQL, **{SQL: {"state": "unknown", "attempt": "anew"}})
    assert world.runner(spool=copies).begin() == []
    assert world.entry(SQL)["attempt"] == "anew" and copies.pending(1) == []


def test_without_room_for_a_copy_the_message_carries_the_result(world, tmp_path):
    (tmp_path / "monq").write_text("a file where the folder should be")
    world.done_before(SQL)
    breaks(world, None)
    with pytest.raises(LedgerError) as caught:
        world.runner(spool=Spool(str(tmp_path), "monq", "6.0.0")).execute(SQL, world.action())
    assert "it could not be saved on disk" in str(caught.value) and "done, attempt a" in str(caught.value)


def test_a_second_try_does_not_write_over_another_runs_attempt(world, tmp_path):
    """The API server was away for so long that somebody took over and began the step anew."""
    world.done_before("prepare.registry.update")
    breaks(world, None, 1)

    def taken_over(_seconds):
        raise AssertionError("tried again")

    def action():
        world.record({"prepare.registry.update": {"state": "intent", "attempt": "aother"}})

    run = world.runner(spool=Spool(str(tmp_path), "monq", "6.0.0"), sleep=taken_over)
    with pytest.raises(LedgerError):
        run.execute("prepare.registry.update", action)
    assert world.entry("prepare.registry.update")["attempt"] == "aother"


def test_an_unreachable_api_does_not_hide_why_monqctl_failed(world):
    world.done_before("prepare.registry.update")

    def action():
        def gone(_method, path):
            raise ApiUnreachable("no answer", path)

        world.cluster.before = gone
        raise failure()

    with pytest.raises(CommandError) as caught:
        world.runner().execute("prepare.registry.update", action)
    assert caught.value.what == "monqctl failed"


def test_an_intent_whose_answer_was_lost_is_no_interrupted_migration(world):
    """the write has landed: the step goes on under its fence, and acts once"""
    world.done_before(SQL)
    run, patch = world.runner(), world.cluster.patch

    def lost(path, body, *more):
        world.cluster.patch = patch
        patch(path, body, *more)
        raise ApiUnreachable("no answer")

    world.cluster.patch = lambda path, body, *more: (
        lost(path, body, *more) if "/configmaps/" in path else patch(path, body, *more)
    )
    run.execute(SQL, world.action("ran"))
    assert world.acted == ["ran"] and world.entry(SQL)["state"] == "done"


def test_an_intent_that_was_not_taken_begins_nothing(world):
    world.done_before(SQL)
    run, patch = world.runner(), world.cluster.patch

    def refuse(path, body, *more):
        if "/configmaps/" in path:
            raise ApiError(500, "x", "x", "PATCH", path)
        return patch(path, body, *more)

    world.cluster.patch = refuse
    with pytest.raises(ApiError):
        run.execute(SQL, world.action())
    assert not world.acted and not world.entry(SQL)
