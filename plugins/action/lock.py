# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

from ..plugin_utils import languages
from ..plugin_utils.heartbeat import HeartbeatAction
from ..plugin_utils.screen import show

COUNTDOWN = 5.0  # seconds between two lines


class ActionModule(HeartbeatAction):
    """Names the holder of the lock, and counts down while waiting for a silent one."""

    _holder, _patience = "", 0

    def run(self, tmp=None, task_vars=None):
        args, words = self._task.args, languages.chosen(self, task_vars)
        holder = str(args.get("holder") or "none")
        if args.get("state") == "acquired" and not self._task.check_mode and holder != "none":
            self._announce(words, holder, int(args.get("lock_duration") or 120), self._installation(task_vars or {}))
        return super().run(tmp, task_vars)

    def _announce(self, words, holder, patience, host):
        self.first = self.every = COUNTDOWN
        self._holder, self._patience = holder, patience
        said = words._(
            "the lock is held by {holder}. If that run is still renewing it, this one stops; a silent holder is "
            "replaced after about {patience} s",
            holder=words.sentence(holder),
            patience=patience,
        )
        show(f"{time.strftime('%H:%M:%S')} {host}: {said}")

    def _line(self, elapsed):
        if not self._holder:
            return super()._line(elapsed)
        left = self._patience - int(elapsed)
        if left > 0:
            return self._words._("waiting for the lock: {left} s left", left=left)
        return self._words._(
            "waiting for the lock: waited {seconds} s, the Lease is longer than expected", seconds=int(elapsed)
        )
