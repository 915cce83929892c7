# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

from ..plugin_utils.heartbeat import HeartbeatAction
from ..plugin_utils.screen import show


class ActionModule(HeartbeatAction):
    """Shows what the module is doing, and what was compared before the first SQL file."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        compared = result.get("last_exit")
        if compared:
            said = "; ".join(self._words.sentence(line) for line in compared)
            told = self._words._("last exit, there is time enough: {figures}", figures=said)
            show(f"{time.strftime('%H:%M:%S')} {self._installation(task_vars or {})}: {told}")
        return result
