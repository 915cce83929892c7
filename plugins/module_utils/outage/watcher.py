# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process beside the run that asks Monq every second and keeps the silence alive. It ends with the lock."""

from __future__ import annotations

import contextlib
import os
import threading
import time

from ..engine.lease import elapsed
from ..errors import MonqError

PACE = 1.0  # seconds between two questions
GAP = 4.0  # seconds without an observation, from which on nobody has looked
LOOK = 10.0  # seconds between two looks at the Lease
PROLONG = 5 * 60.0  # seconds between two prolongations of the silence
LONGEST = 24 * 3600.0  # seconds after which the process ends in any case
SETTLE = 15.0  # seconds that it goes on for after it was told to stop, as long as Monq does not answer


class LockWatch:
    """Looks at the Lease and prolongs the silence, in a thread of its own: neither may hold up a question."""

    def __init__(self, lease, lock_id, patience, silence=None, clock=elapsed):
        """patience: seconds without a renewal, after which the run counts as dead."""
        self._lease, self._id, self._patience = lease, lock_id, patience
        self._silence, self._clock = silence, clock
        self._renewal, self._renewed, self._prolonged = None, clock(), clock()
        self.lost = threading.Event()

    def look(self):
        """One look."""
        with contextlib.suppress(MonqError):  # an API server that does not respond says nothing about the lock
            renewal = self._lease.renewal(self._id)
            if renewal is None:
                self.lost.set()
            elif renewal != self._renewal:
                self._renewal, self._renewed = renewal, self._clock()
        now = self._clock()
        # Of a dead run nobody knows how long its outage lasts: people must hear of that.
        alive = not self.lost.is_set() and now - self._renewed < self._patience
        if self._silence and alive and now - self._prolonged >= PROLONG:
            with contextlib.suppress(MonqError):
                self._silence.prolong()
                self._prolonged = now

    def run(self):
        while not self.lost.wait(LOOK):
            with contextlib.suppress(Exception):  # one bad answer must not end the thread
                self.look()


class Watcher:
    """Asks until the stop file appears, the lock is no longer ours, or the time is over."""

    def __init__(self, question, record, lost, stop_path, clock=elapsed, now=time.time, sleep=time.sleep):
        """question: None where only the silence is kept alive. lost: returns whether the lock is."""
        self._question, self._record, self._lost, self._stop_path = question, record, lost, stop_path
        self._clock, self._now, self._sleep = clock, now, sleep
        self._began, self._last, self._told = clock(), None, None
        self.state = None

    def run(self):
        while not self.is_over():
            began = self._clock()
            self.observe()
            rest = PACE - (self._clock() - began)
            if rest > 0:
                self._sleep(rest)

    def observe(self):
        if self._question is None:
            return
        at, began = self._now(), self._clock()
        if self._last is not None and began - self._last > GAP:
            self._record.unseen()  # this process, or the whole machine, did not run
        self.state = self._question()
        self._record.saw(self.state, at)
        self._last = began

    def is_over(self):
        now = self._clock()
        if self._told is None and os.path.exists(self._stop_path):
            self._told = now
        told = self._told is not None and (self.state in (None, "ok") or now - self._told >= self._patience())
        return told or self._lost() or now - self._began >= LONGEST

    def _patience(self):
        """Seconds that it goes on for after it was told to stop, as the stop file says."""
        with contextlib.suppress(OSError, ValueError), open(self._stop_path, encoding="ascii") as file:
            return float(file.read())
        return 0.0
