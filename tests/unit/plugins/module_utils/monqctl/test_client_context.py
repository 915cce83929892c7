"""The context and the fence: asked right before every changing call, and nobody switches in between."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from time import sleep as real_sleep

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError, LockError
from ansible_collections.monq.platform.plugins.module_utils.monqctl import client as monqctl_client
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from ansible_collections.monq.platform.plugins.module_utils.process import Result
from fake_monqctl import CALL, CONTEXT, Runner
from repository import SHIPPED_RULES as RULES


def test_the_context_is_asked_right_before_every_changing_call(client, runner):
    """trap 11"""
    assert client.change(CALL) == "cleared\n"
    client.change(CALL)
    assert runner.calls == [CONTEXT, CALL, CONTEXT, CALL]
    assert runner.path == "/opt/monqctl"


def test_a_context_that_is_switched_between_two_steps_is_noticed(client, runner):
    """trap 11"""
    runner.answers["config"] = [Result(0, "production\n", "", False), Result(0, "staging\n", "", False)]
    client.change(CALL)
    with pytest.raises(CommandError) as caught:
        client.change(CALL)
    assert runner.calls == [CONTEXT, CALL, CONTEXT]
    assert "expected: production" in str(caught.value) and "seen: staging" in str(caught.value)
    assert "monqctl config use-context production" in str(caught.value) and caught.value.unknown is False


@pytest.mark.parametrize("seen", ["", "\n", "production2", "Production", "production staging"])
def test_only_the_very_context_will_do(client, runner, seen):
    runner.answers["config"] = Result(0, seen, "", False)
    with pytest.raises(CommandError):
        client.change(CALL)
    assert runner.calls == [CONTEXT]


@pytest.mark.parametrize(
    "answer",
    [Result(-9, "", "", True), Result(-9, "", "", False), Result(1, "", "no", False), Result(0, "error: x", "", False)],
)
def test_a_context_that_cannot_be_asked_leaves_the_call_undone(client, runner, answer):
    """the call was not begun, and that is known"""
    runner.answers["config"] = answer
    with pytest.raises(CommandError) as caught:
        client.change(CALL)
    assert runner.calls == [CONTEXT] and caught.value.unknown is False


def test_the_calls_that_make_the_context_are_not_guarded_by_it(client, runner):
    client.change(["config", "use-context", "production"], in_context=False)
    assert runner.calls == [["config", "use-context", "production"]]


# ---- batches


APPLY = ["registry", "apply", "microservice", "a"]


def test_a_batch_asks_for_the_context_before_its_first_call_and_after_its_last(client, runner):
    with client.batch() as written:
        for name in "abc":
            written(name)
            client.change([*APPLY[:3], name], in_context=False)
    assert runner.calls == [CONTEXT, *([*APPLY[:3], name] for name in "abc"), CONTEXT]


@pytest.mark.parametrize("fails", [False, True])
def test_a_context_that_is_switched_during_a_batch_is_told_with_what_was_written(client, runner, fails):
    """trap 11: whether a call has failed or none"""
    with (
        pytest.raises(CommandError, match="was switched while counts were written") as caught,
        client.batch() as written,
    ):
        written("a")
        client.change(APPLY, in_context=False)
        runner.answers["config"] = Result(0, "staging\n", "", False)
        written("b")
        if fails:
            raise CommandError("monqctl failed", seen="not found")
    assert "staging" in caught.value.seen and caught.value.seen.endswith("a, b")


def test_a_call_that_fails_in_a_batch_is_its_error(client):
    with pytest.raises(CommandError, match="monqctl failed"), client.batch():
        raise CommandError("monqctl failed")


# ---- the fence


def test_every_changing_call_asks_the_fence_right_before_it(runner, tmp_path):
    """after the context was asked: nothing slow stands between the fence and the call"""
    events = []
    runner.seen = lambda argv: events.append(argv[1])
    fenced = Monqctl(
        "/opt/monqctl", str(tmp_path), {}, 600, "production", RULES, runner, fence=lambda: events.append("fence")
    )
    fenced.change(CALL)
    assert events == ["config", "fence", CALL[0]]
    fenced.read("registry", "get", "status")
    assert events[3:] == ["registry"]


def test_a_fence_that_fails_leaves_nothing_unknown(runner, tmp_path):
    """SQL that was never called is not a migration that nobody saw end"""

    def lost():
        raise LockError("lost")

    fenced = Monqctl("/opt/monqctl", str(tmp_path), {}, 600, "production", RULES, runner, fence=lost)
    with pytest.raises(LockError) as failed:
        fenced.change(["release", "update", "db", "pgsql", "--module=pl"])
    assert failed.value.unknown is False and [call[0] for call in runner.calls] == ["config"]


# ---- runs that share a home


SWITCH = ["config", "use-context", "staging"]


@pytest.mark.parametrize(
    ("mine", "theirs", "meet"),
    [(CALL, CALL, True), (SWITCH, CALL, False), (CALL, SWITCH, False)],
    ids=["calls do not wait for each other", "no switch beside a call", "no call beside a switch"],
)
def test_nobody_switches_the_context_between_the_look_and_the_call(tmp_path, monkeypatch, mine, theirs, meet):
    """two installations that share a home by mistake: SQL would go to the other one"""
    tried = threading.Event()
    seen, outer, inner = [], Runner(), Runner()
    inner.seen = seen.append
    monkeypatch.setattr(monqctl_client.time, "sleep", lambda seconds: tried.set() or real_sleep(0.01))
    other = Monqctl("/opt/monqctl", str(tmp_path), {}, 600, "production", RULES, inner)
    thread = threading.Thread(target=lambda: suppressed(other.change, theirs, in_context=theirs != SWITCH))

    def during(argv):
        if argv[1:] == mine:
            thread.start()
            thread.join(10 if meet else 1)
            assert (theirs in [argv[1:] for argv in seen]) is meet

    outer.seen = during
    Monqctl("/opt/monqctl", str(tmp_path), {}, 600, "production", RULES, outer).change(mine, in_context=mine != SWITCH)
    thread.join(10)
    assert not thread.is_alive()


def suppressed(call, *words, **given):
    with contextlib.suppress(CommandError):
        call(*words, **given)


def test_a_switch_that_must_wait_too_long_says_why(client, tmp_path, monkeypatch):
    """a frozen run holds its part: whoever switches is told, nobody hangs"""
    monkeypatch.setattr(monqctl_client.time, "sleep", lambda seconds: None)
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_SH)
    try:
        client.change(CALL)
        with pytest.raises(CommandError, match="another run is using this home") as failed:
            client.change(SWITCH, in_context=False)
    finally:
        os.close(folder)
    assert "monq_monqctl_home" in str(failed.value) and failed.value.unknown is False


def test_a_file_system_without_locks_is_no_reason_to_stop(client, runner, monkeypatch):
    def unsupported(folder, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(monqctl_client.fcntl, "flock", unsupported)
    client.change(CALL)
    client.change(SWITCH, in_context=False)
    assert [call[0] for call in runner.calls] == ["config", CALL[0], "config"]
