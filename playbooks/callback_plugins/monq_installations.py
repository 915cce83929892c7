# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: monq_installations
type: aggregate
short_description: Shows one table for all installations of a run
version_added: 1.1.0
description:
  - At the end of a run with more than one installation, shows the result, the outage and the state of each, and what to
    type next.
  - Where the process of an installation was killed, says so, lets the others come to their end, and ends the run then,
    as Ansible would wait forever.
  - Lies beside the playbooks, where Ansible loads it without any setting. A play could not do this, as Ansible runs no
    play once all hosts of a batch have failed.
author:
  - Monq platform collection authors (@monq)
"""

import contextlib
import os
import signal

from ansible.plugins.callback import CallbackBase
from ansible_collections.monq.platform.plugins.plugin_utils import languages
from ansible_collections.monq.platform.plugins.plugin_utils.installations import OURS, Installations
from ansible_collections.monq.platform.plugins.plugin_utils.killed_workers import KILLED, STUCK, KilledWorkers
from ansible_collections.monq.platform.plugins.plugin_utils.screen import show, warn
from ansible_collections.monq.platform.plugins.plugin_utils.task_result import parts


class CallbackModule(CallbackBase):
    """Shows one table for all installations of a run."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "monq_installations"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self):
        super().__init__()
        self._forget()

    def _forget(self):
        self._rows, self._play, self._heard = Installations(), None, False
        self._workers = KilledWorkers(self._killed, self._stuck)

    def v2_playbook_on_start(self, playbook):
        self._forget()  # one command may have several playbooks
        with contextlib.suppress(Exception):  # a display must not disturb what it shows
            for play in playbook.get_plays():
                self._rows.expect({name for block in play.tasks for name in _names(block)})
            self._workers.start()

    def v2_playbook_on_play_start(self, play):
        self._play = play

    def v2_runner_on_start(self, host, task):
        self._workers.begin(host.get_name(), task)

    def v2_runner_on_skipped(self, result):
        self._take(result)

    def v2_runner_on_ok(self, result):
        self._take(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._take(result, failed=not ignore_errors)

    def v2_runner_on_unreachable(self, result):
        self._take(result, unreachable=True)

    def v2_playbook_on_stats(self, stats):
        self._workers.stop()
        self._show()

    def _show(self):
        with contextlib.suppress(Exception):
            text = self._rows.table()
            if text:
                show("\n" + text)

    def _killed(self, host, task):
        task = task.get_name()
        self._rows.kill(host, task)
        warn(self._rows.words._(KILLED, host=host, task=task))

    def _stuck(self):
        """Ends the run as Ctrl-C does."""
        warn(self._rows.words._(STUCK))
        self._show()
        os.kill(os.getpid(), signal.SIGINT)

    def _take(self, result, **how):
        with contextlib.suppress(Exception):
            host, task, data = parts(result)
            self._workers.end(host.get_name())
            if task.action.startswith(OURS) and not self._heard:
                self._heard = True
                self._rows.speak(languages.of_host(self._play, host))
            self._rows.take(host.get_name(), task.action, task.get_name(), data, **how)


def _names(block):
    """The names of our modules in a block."""
    for task in [*block.block, *block.rescue, *block.always]:
        if hasattr(task, "block"):
            yield from _names(task)
        elif task.action.startswith(OURS):
            yield task.action.removeprefix(OURS)
