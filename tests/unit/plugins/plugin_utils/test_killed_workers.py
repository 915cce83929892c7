"""Ansible's processes that were killed, and a run that is stuck because of it."""

from __future__ import annotations

import types

import pytest
from ansible_collections.monq.platform.plugins.plugin_utils.killed_workers import (
    EVERY,
    PATIENCE,
    QUIET,
    KilledWorkers,
)


class Worker:
    """A process of Ansible."""

    def __init__(self, host):
        self._host, self.code, self.closed = types.SimpleNamespace(get_name=lambda: host), None, False

    @property
    def exitcode(self):
        if self.closed:
            raise ValueError("process object is closed")
        return self.code


@pytest.fixture
def watched():
    told, now, alive = [], [0.0], []
    made = KilledWorkers(
        lambda host, task: told.append((host, task)),
        lambda: told.append("stuck"),
        clock=lambda: now[0],
        processes=lambda: [one for one in alive if one.code is None],
    )

    def pass_(seconds):
        now[0] += seconds
        return made.look()

    made.told, made.alive, made.pass_ = told, alive, pass_
    return made


def start(watched, *hosts):
    for host in hosts:
        watched.begin(host, f"task of {host}")
        watched.alive.append(Worker(host))
    watched.pass_(EVERY)
    return watched.alive[-len(hosts) :]


def test_the_others_end_before_the_run_is_ended(watched):
    a, b = start(watched, "a", "b")
    b.code = -9
    assert not watched.pass_(EVERY) and not watched.pass_(PATIENCE - 1) and watched.told == []
    assert not watched.pass_(1) and watched.told == [("b", "task of b")]
    assert not watched.pass_(1000), "a is still at work"
    a.code = 0
    watched.end("a")
    assert not watched.pass_(QUIET - 1)
    start(watched, "a")[0].code = 0
    watched.end("a")
    assert not watched.pass_(QUIET - 1)
    assert watched.pass_(1) and watched.told == [("b", "task of b"), "stuck"]


def test_a_result_may_come_after_its_process_was_killed(watched):
    """As where a process is ended by a signal when it has sent its result, and the machine is busy."""
    [a] = start(watched, "a")
    a.code = -6
    assert not watched.pass_(EVERY) and not watched.pass_(PATIENCE - 1)
    watched.end("a")
    watched.begin("a", "the next task, a long one")
    assert not watched.pass_(1000) and not watched.pass_(1000) and watched.told == []


def test_a_result_that_comes_after_the_alarm_ends_it(watched):
    [a] = start(watched, "a")
    a.code = -9
    assert not watched.pass_(EVERY) and not watched.pass_(PATIENCE) and watched.told == [("a", "task of a")]
    watched.end("a")
    watched.begin("a", "the next task, a long one")
    assert not watched.pass_(1000), "it is waited for again"
    assert watched.told == [("a", "task of a")]


def test_a_result_that_came_before_counts(watched):
    [a] = start(watched, "a")
    a.code = -9
    watched.end("a")
    assert not watched.pass_(1000) and watched.told == []


@pytest.mark.parametrize(("code", "closed"), [(0, False), (1, False), (-9, True)])
def test_other_ends_are_none_of_its_business(watched, code, closed):
    [a] = start(watched, "a")
    a.code, a.closed = code, closed
    assert not watched.pass_(1000) and watched.told == []


def test_processes_of_others_are_left_alone(watched):
    [a] = start(watched, "a")
    del a._host
    a.code = -9
    assert not watched.pass_(1000) and watched.told == []
