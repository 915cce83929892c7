# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and ends the watch of the outage for a run."""

from __future__ import annotations

import json
import os
import threading

from .. import arguments
from ..engine import progress
from ..engine.lease import Lease
from ..errors import InputError, MonqError
from ..language import mark
from . import child, observations, record
from .observations import OK, UNSEEN
from .question import Expectation, Question
from .silence import COMMENTS, VARIABLE, Settings, Silence
from .watcher import LockWatch, Watcher

FIRST = mark(
    "Monq does not answer as expected before the outage ({state}): correct monq_probe_url and monq_probe_expect"
)


def settings(url, expect, silence):
    """(question or None, settings of the silence or None). silence: JSON. Raises InputError for what cannot be used."""
    question = Question(url, Expectation(expect)) if url else None
    try:
        given = json.loads(silence or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        expected = "url and matchers"
        raise InputError(f"{VARIABLE} cannot be used", VARIABLE, expected, "something else", "correct it")
    return question, Settings(given) if given else None


class Watching:
    """The watch of one run. Nothing but wrong arguments fails it."""

    def __init__(self, session, make_cluster=None):
        """make_cluster: connects again, in the new process."""
        self._session, self._given = session, session.params
        self._question, silence = settings(*(self._given[name] for name in ("url", "expect", "silence")))
        self._silence = Silence(silence, self._author(), self._comment()) if silence else None
        self._make_cluster = make_cluster or (lambda: arguments.cluster(self._given))
        self._lock, self._folder = self._given["lock_id"], session.folder
        self.warnings = session.warnings

    def _author(self):
        return f"monq.platform {self._given['spool_host']}/{self._session.namespace}"

    def _comment(self):
        release = self._session.release
        values = {"previous": release["previous"], "version": release["version"], "host": self._given["spool_host"]}
        return COMMENTS[self._given["purpose"]].format(**values)

    @property
    def _idle(self):
        return self._session.check_mode or not self._lock or not (self._question or self._silence)

    def start(self):
        """Creates the silence and starts the process; a run that has one gets no second."""
        if self._idle:
            return self._result(False, False)
        silenced = self._try(self._silence.prolong) if self._silence else False
        path = record.path_of(self._folder, self._lock)
        running = child.is_alive(record.read(path)["heading"])
        if not running:
            problem = self._started(path)
            running = not problem
            if problem:
                self.warnings.append(f"the outage is not watched: {problem}")
        return self._result(running, silenced)

    def _started(self, path):
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            if os.path.exists(path):  # of a process of this run that died
                os.replace(path, record.free_path(self._folder, self._lock))
            return child.start(lambda ready: self._work(path, ready))
        except OSError as exc:
            return f"{exc.filename or path}: {exc.strerror or exc}"

    def _work(self, path, ready):
        """The new process."""
        kept = record.Record(path, child.heading())
        lease = Lease(self._make_cluster(), self._session.namespace, self._given["lock_duration"])
        lock = LockWatch(lease, self._lock, self._given["lock_duration"], self._silence)
        lock.look()
        stop_path = record.stop_file(self._folder, self._lock)
        watcher = Watcher(self._question, kept, lock.lost.is_set, stop_path)
        watcher.observe()
        threading.Thread(target=lock.run, daemon=True).start()
        ready("this run does not hold the lock" if lock.lost.is_set() else "")
        watcher.run()
        kept.close()

    def stop(self):
        """Ends the process and records what was seen. Where another machine started it, its file is there all the
        same if the folder is."""
        if self._idle:
            return self._result(False, False)
        ended = child.stop(self._folder, self._lock, self._given["settle"])
        if not ended:
            self.warnings.append("the process that watches the outage has not ended yet; it ends with the lock")
        silenced = self._try(self._silence.shorten) if self._silence else False
        return self._result(not ended, silenced)

    @property
    def spans(self):
        """{lock id: {changes, until}}: what this generation's processes saw, as far as their files are here."""
        return record.spans(self._folder)

    def _try(self, action):
        try:
            return bool(action())
        except MonqError as exc:
            self.warnings.append(": ".join(str(part) for part in (VARIABLE, exc.what, exc.seen) if part))
        return False

    def _result(self, running, silenced):
        seen = observations.summary(self.spans.values()) or {"state": "none"}
        first = next((row["state"] for row in reversed(seen.get("changes") or []) if row["state"] != UNSEEN), OK)
        run = self._session.run
        down = self._given["purpose"] == "rollback" or progress.down_since(run.plan, run.ledger.entries)
        if running and self._given["state"] == "started" and first != OK and not down:
            self.warnings.append(FIRST.format(state=first))
        return {
            "running": running,
            "seen": {name: value for name, value in seen.items() if name != "changes"},
            "silenced": silenced,
            "problems": self.warnings,
        }
