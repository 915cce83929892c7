# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible.utils.display import Display

from ..module_utils.arguments import CLUSTER, RUN
from ..plugin_utils.watched import WatchedAction

COUNTDOWN = 5.0  # seconds between two lines
WATCH = 8  # the lock is never taken over sooner


class ActionModule(WatchedAction):
    """Names the holder of the lock, and counts down while a silent one is waited out."""

    _holder, _patience = "", 0

    def run(self, tmp=None, task_vars=None):
        if self._task.args.get("state") == "acquired" and not self._task.check_mode:
            self._ask(task_vars)
        return super().run(tmp, task_vars)

    def _ask(self, task_vars):
        """Who holds the lock. Whatever goes wrong here, the module itself says it better."""
        given = {name: value for name, value in self._task.args.items() if name in {**CLUSTER, **RUN}}
        seen = self._execute_module(module_name="monq.platform.ledger_info", module_args=given, task_vars=task_vars)
        if seen.get("failed") or seen.get("lock", "none") == "none":
            return
        self.first = self.every = COUNTDOWN
        self._holder, self._patience = seen["lock"], max(WATCH, int(self._task.args.get("lock_duration") or 120))
        host = (task_vars or {}).get("inventory_hostname", "")
        Display().display(
            f"monq.platform: {host}: the lock is held by {self._holder}. A holder that is seen to renew is left alone; "
            f"a silent one is replaced after about {self._patience} s"
        )

    def _line(self, host, elapsed):
        if not self._holder:
            return super()._line(host, elapsed)
        left = self._patience - int(elapsed)
        return f"monq.platform: {host}: waiting for the lock: " + (f"{left} s left" if left > 0 else f"{int(elapsed)} s waited, a longer Lease than expected")
