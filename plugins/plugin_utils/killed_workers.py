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

EVERY = 1.0  # seconds between two looks
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
        self._running, self._seen, self._killed = {}, [], set()
        self._heard, self._dead = {}, {}  # host: when it was heard of; process: when it was seen to have been killed
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
        """Ansible goes on with this host: what has ended before was not waited for."""
        self._last = self._heard[host] = self._clock()
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
        for process in self._seen:
            host = _killed(process)
            if host is None:
                continue
            dead = self._dead.setdefault(process, now)
            waited_for = host in self._running and self._heard[host] < dead
            if waited_for and host not in self._killed and now - dead >= PATIENCE:
                self._killed.add(host)
                self._last = now
                self._found(host, self._running[host])
        alive = self._processes()
        self._seen = [*alive, *(one for one in self._seen if _killed(one) and one not in alive)]
        self._dead = {one: dead for one, dead in self._dead.items() if one in self._seen}
        waits = set(self._running) - self._killed
        if self._killed and not waits and self._clock() - self._last >= QUIET:
            self._stuck()
            return True
        return False


def _killed(process):
    """The host of a worker that a signal has ended, or None."""
    try:
        ended = process.exitcode
    except ValueError:  # closed: its result was taken
        return None
    return process._host.get_name() if ended is not None and ended < 0 and hasattr(process, "_host") else None
