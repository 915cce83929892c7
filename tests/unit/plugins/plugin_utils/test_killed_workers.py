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

    def __init__(self, host, task):
        self._host, self._task = types.SimpleNamespace(get_name=lambda: host), task
        self._popen = self._system = types.SimpleNamespace(returncode=None)

    def exit(self, code):
        self._system.returncode = code

    def close(self):
        """Ansible takes its slot."""
        self._popen = None


@pytest.fixture
def watched():
    told, now, alive = [], [0.0], []
    made = KilledWorkers(
        lambda host, task: told.append((host, task)),
        lambda: told.append("stuck"),
        clock=lambda: now[0],
        processes=lambda: [one for one in alive if one._system.returncode is None],
    )

    def pass_(seconds):
        now[0] += seconds
        return made.look()

    made.told, made.alive, made.pass_ = told, alive, pass_
    return made


def start(watched, *hosts):
    for host in hosts:
        task = f"task of {host}"
        watched.begin(host, task)
        watched.alive.append(Worker(host, task))
    watched.pass_(EVERY)
    return watched.alive[-len(hosts) :]


def test_the_others_end_before_the_run_is_ended(watched):
    a, b = start(watched, "a", "b")
    b.exit(-9)
    assert not watched.pass_(EVERY) and not watched.pass_(PATIENCE - 1) and watched.told == []
    assert not watched.pass_(1) and watched.told == [("b", "task of b")]
    assert not watched.pass_(1000), "a is still at work"
    a.exit(0)
    watched.end("a")
    assert not watched.pass_(QUIET - 1)
    start(watched, "a")[0].exit(0)
    watched.end("a")
    assert not watched.pass_(QUIET - 1)
    assert watched.pass_(1) and watched.told == [("b", "task of b"), "stuck"]


def test_a_result_may_come_after_its_process_was_killed(watched):
    """As where a process is ended by a signal when it has sent its result, and the machine is busy."""
    [a] = start(watched, "a")
    a.exit(-6)
    assert not watched.pass_(EVERY) and not watched.pass_(PATIENCE - 1)
    watched.end("a")
    watched.begin("a", "the next task, a long one")
    assert not watched.pass_(1000) and not watched.pass_(1000) and watched.told == []


def test_a_result_that_comes_after_the_alarm_ends_it(watched):
    [a] = start(watched, "a")
    a.exit(-9)
    assert not watched.pass_(EVERY) and not watched.pass_(PATIENCE) and watched.told == [("a", "task of a")]
    watched.end("a")
    watched.begin("a", "the next task, a long one")
    assert not watched.pass_(1000), "it is waited for again"
    assert watched.told == [("a", "task of a")]


def test_a_result_that_came_before_counts(watched):
    [a] = start(watched, "a")
    a.exit(-9)
    watched.end("a")
    assert not watched.pass_(1000) and watched.told == []


def test_a_result_that_came_before_the_death_was_seen(watched):
    """The next task is at work by then."""
    [a] = start(watched, "a")
    watched.end("a")
    watched.begin("a", "the next task, a long one")
    a.exit(-6)
    assert not watched.pass_(1000) and not watched.pass_(1000) and watched.told == []


def test_the_slot_of_a_killed_one_is_used_again(watched):
    """Ansible closes a process that has ended, however it has, when it begins another in its place."""
    a, b = start(watched, "a", "b")
    a.exit(-9)
    a.close()
    b.exit(0)
    watched.end("b")
    start(watched, "b")
    assert not watched.pass_(PATIENCE - EVERY) and watched.told == []
    assert not watched.pass_(EVERY) and watched.told == [("a", "task of a")]


def test_one_that_is_closed_while_it_is_looked_at_hides_no_other(watched):
    a, b = start(watched, "a", "b")
    watched.alive.append(Worker("c", "task of c"))
    watched.alive[-1].close()
    b.exit(-9)
    assert not watched.pass_(EVERY) and not watched.pass_(PATIENCE) and watched.told == [("b", "task of b")]
    assert a._system.returncode is None


@pytest.mark.parametrize("code", [0, 1])
def test_other_ends_are_none_of_its_business(watched, code):
    [a] = start(watched, "a")
    a.exit(code)
    assert not watched.pass_(1000) and watched.told == []


def test_processes_of_others_are_left_alone(watched):
    [a] = start(watched, "a")
    watched.alive.append(types.SimpleNamespace(_system=a._system, _popen=a._system))
    watched.end("a")
    a.exit(-9)
    assert not watched.pass_(1000) and watched.told == []
