# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own processes, one for each running task. With the strategies free and host_pinned, Ansible waits forever
for one that was killed, by the kernel for want of memory for instance: nothing is shown, and no later play begins."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
import time

from ..module_utils.language import mark

EVERY = 0.25  # seconds between two looks; a process that lives for less may be missed
# Seconds that a result may take to arrive after its process has ended: on a busy machine some, and a process may be
# ended by a signal after it has sent its result.
PATIENCE = 15.0
QUIET = 10.0  # seconds without any task, after which Ansible begins no other

KILLED = mark(
    "{host}: the process of Ansible that ran `{task}` was killed, perhaps by the kernel for want of memory. Ansible "
    "does not notice that. The other installations go on to their end; then this run is ended. Next: run the same "
    "command again, with fewer --forks if the memory was short."
)
STUCK = mark("Nothing else is running: this run is ended here, as Ansible would wait forever for what was killed.")


class KilledWorkers(threading.Thread):
    """Notices a process that was killed, and that nothing else is running any more."""

    def __init__(self, found, stuck, clock=time.monotonic, processes=multiprocessing.active_children):
        """found(host, task): called once for each process that was killed. stuck(): called once when nothing else
        runs."""
        super().__init__(daemon=True)
        self._found, self._stuck, self._clock, self._processes = found, stuck, clock, processes
        self._running, self._killed = {}, set()  # host: its task; hosts
        # process: what knows its exit status, also after Ansible has closed the process to use its slot again
        self._seen = {}
        self._dead = {}  # process: when it was seen to have been killed
        self._last, self._over = clock(), threading.Event()

    def begin(self, host, task):
        """A task begins on a host."""
        self._hear(host)
        self._running[host] = task

    def end(self, host):
        """There is a result."""
        self._hear(host)
        self._running.pop(host, None)

    def _hear(self, host):
        self._last = self._clock()
        self._killed.discard(host)

    def stop(self):
        self._over.set()

    def run(self):
        while not self._over.wait(EVERY):
            with contextlib.suppress(Exception):  # a look must not disturb what it looks at
                if self.look():
                    return

    def look(self):
        """One look; returns whether the run is stuck."""
        now = self._clock()
        for process in self._processes():
            system = process._popen  # None if Ansible closes it this very moment
            if system and hasattr(process, "_host") and hasattr(process, "_task"):
                self._seen.setdefault(process, system)
        for process, system in list(self._seen.items()):
            if system.returncode is None:
                continue
            host = process._host.get_name()
            if system.returncode >= 0 or self._running.get(host) is not process._task:
                self._seen.pop(process)
                self._dead.pop(process, None)
            elif host not in self._killed and now - self._dead.setdefault(process, now) >= PATIENCE:
                self._killed.add(host)
                self._last = now
                self._found(host, process._task)
        waits = set(self._running) - self._killed
        if self._killed and not waits and self._clock() - self._last >= QUIET:
            self._stuck()
            return True
        return False
