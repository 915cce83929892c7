# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import threading
import time

from ansible.plugins.action.normal import ActionModule as Normal
from ansible.utils.display import Display

FIRST = 10.0  # seconds until the first line
EVERY = 30.0


class HeartbeatAction(Normal):
    """Runs the module of the same name unchanged, while a thread shows that the task is still running, never its
    arguments."""

    first, every = FIRST, EVERY

    def run(self, tmp=None, task_vars=None):
        with self._beating((task_vars or {}).get("inventory_hostname", "")):
            return super().run(tmp, task_vars)

    def _line(self, host, elapsed):
        return f"monq.platform: {host}: {self._task.get_name()}: still running after {int(elapsed)} s"

    @contextlib.contextmanager
    def _beating(self, host):
        """Display sends a worker's lines to the main process through a locked queue, so any thread may call it
        (ansible-core 2.17 to 2.19)."""
        ended, started = threading.Event(), time.monotonic()

        def work():
            pause = self.first
            while not ended.wait(pause):
                Display().display(self._line(host, time.monotonic() - started))
                pause = self.every

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
