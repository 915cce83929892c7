# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: progress
type: aggregate
short_description: Shows which step of how many is done, and a recap for each installation
version_added: 1.1.0
description:
  - After each task that has executed steps of the ledger, shows the last of them with its number, the number of all
    steps and the seconds that it took. Tasks that have executed none are not shown.
  - At the end, shows a recap for each installation. The steps that took longest, and what failed.
  - Nothing depends on this callback. The live line of long tasks is shown without it.
  - Ansible's own lines for tasks that changed nothing are switched off with C(display_ok_hosts=false) and
    C(display_skipped_hosts=false), or C(ANSIBLE_DISPLAY_OK_HOSTS=false) and C(ANSIBLE_DISPLAY_SKIPPED_HOSTS=false).
requirements:
  - Enable it with C(callbacks_enabled=monq.platform.progress) in C(ansible.cfg), or with
    C(ANSIBLE_CALLBACKS_ENABLED=monq.platform.progress).
author:
  - Monq platform collection authors (@monq)
"""

import contextlib
import time

from ansible.plugins.callback import CallbackBase

from ..module_utils import live_line
from ..module_utils.language import ENGLISH, mark
from ..plugin_utils import languages
from ..plugin_utils.screen import show
from ..plugin_utils.task_result import parts

LONGEST = 3  # steps that the recap names
# With signs of percent: a text with braces would be recognised in what a program has printed.
DONE = mark("%(step)s done in %(time)s")
OF_ALL = mark("%(done)d of %(total)d steps are done, %(here)d of them in this run")
SLOWEST = mark("; the longest: %(steps)s")
FAILED = mark("; FAILED: %(task)s")


class Installation:
    """What is known of one inventory host."""

    def __init__(self, words=ENGLISH):
        """words: a Language."""
        self.words = words
        self.keys, self.before, self.done, self.took, self.failed = [], set(), [], {}, []

    def plan(self, rows):
        """Learns the list of steps from a module that returns it with their states."""
        self.keys = [row["key"] for row in rows]
        self.before = {row["key"] for row in rows if row.get("state") == "done"}

    def line(self, done, seconds):
        """What is shown of a task that has executed these steps."""
        self.done += done
        self.took[done[-1]] = seconds
        said = self.words.gettext(DONE) % {"step": self._named(done[-1]), "time": live_line.clock(seconds)}
        if len(done) > 1:
            said += self.words.n(", the last of {n} step", ", the last of {n} steps", len(done))
        return said

    def _named(self, key):
        if key in self.keys:
            said = live_line.step(key, self.keys.index(key) + 1, len(self.keys))
            return live_line.translated(said, self.words)
        return self.words.gettext("step %(key)s") % {"key": key}

    def recap(self):
        here, words = len(self.done), self.words
        if self.keys:
            every = (self.before | set(self.done)) & set(self.keys)
            text = words.gettext(OF_ALL) % {"done": len(every), "total": len(self.keys), "here": here}
        else:
            text = words.n("{n} step done in this run", "{n} steps done in this run", here)
        slowest = sorted(self.took, key=self.took.get, reverse=True)[:LONGEST]
        if slowest:
            steps = ", ".join(f"{key} {live_line.clock(self.took[key])}" for key in slowest)
            text += words.gettext(SLOWEST) % {"steps": steps}
        return text + "".join(words.gettext(FAILED) % {"task": name} for name in self.failed)


class CallbackModule(CallbackBase):
    """Shows steps instead of tasks."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "monq.platform.progress"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._hosts, self._began, self._play = {}, {}, None

    def v2_playbook_on_play_start(self, play):
        self._play = play

    def v2_runner_on_start(self, host, task):
        self._began[host.get_name(), task._uuid] = time.monotonic()

    def v2_runner_on_ok(self, result):
        self._take(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._take(result, failed=not ignore_errors)

    def v2_runner_on_unreachable(self, result):
        self._take(result, failed=True)

    def v2_playbook_on_stats(self, stats):
        for name, installation in sorted(self._hosts.items()):
            if installation.keys or installation.done:
                show(f"{name}: {installation.recap()}")

    def _take(self, result, failed=False):
        with contextlib.suppress(Exception):  # a display must not disturb what it shows
            host, task, data = parts(result)
            name = host.get_name()
            if name not in self._hosts:
                self._hosts[name] = Installation(languages.of_host(self._play, host))
            installation = self._hosts[name]
            seconds = time.monotonic() - self._began.pop((name, task._uuid), time.monotonic())
            if failed:
                installation.failed.append(task.get_name())
            rows = _rows(data)
            if rows:
                installation.plan(rows)
            done = _done(data)
            if done:
                show(f"{time.strftime('%H:%M:%S')} {name}: {installation.line(done, seconds)}")


def _rows(data):
    """The list of steps in what a module returned, if there is one."""
    given = data.get("steps") or (data.get("ledger") or {}).get("steps")
    return given if isinstance(given, list) and all("key" in row for row in given) else []


def _done(data):
    """The keys of the steps that a task has executed."""
    steps = data.get("steps")
    return list(steps.get("done") or []) if isinstance(steps, dict) else []
