# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import socket
import uuid

from . import command, progress, steps
from .errors import ApiError, InputError, LedgerError, MonqError, StepError
from .ledger import FINGERPRINT

ANSWERS = ("retry", "done", "accept")


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class GuardedRun:
    """Runs steps. A step guards itself: predecessors, lock, unresolved attempts; intent before, result after."""

    def __init__(self, plan, ledger, lease, lock_id="", home=None, make_home=None, resolve=None, check_mode=False):
        self.plan = plan
        self.ledger = ledger
        self._lease = lease
        self._lock_id = lock_id
        self._home = home
        self._make_home = make_home
        self._resolve = resolve or {}
        self._check_mode = check_mode
        self._steps = {step.key: step for step in plan}
        self.done = []  # keys that were done by this call
        self.predicted = []  # keys that a real run would do
        self.skipped = []  # keys that the ledger knows

    @property
    def changed(self):
        """Gates change nothing; everything else does."""
        return any(self._steps[key].kind != "gate" for key in self.done + self.predicted)

    def result(self):
        return {"changed": self.changed, "steps_done": self.done, "steps_predicted": self.predicted, "steps_skipped": self.skipped}

    def step(self, key):
        if key not in self._steps:
            raise InputError(
                "this step is not part of the plan", key, "a step of the plan for these modules", key, "see the list of steps in docs; check monq_modules"
            )
        return self._steps[key]

    def is_done(self, key):
        return steps.is_done(self.step(key), self.ledger.get(key), self._home)

    def may_begin(self, key):
        """Whether every predecessor is done; in check mode, whether all before it are or would be in the same home."""
        return (
            steps.first_missing(self.plan, {**self.ledger.entries, **{k: {"state": "done", "homes": [self._home]} for k in self.predicted}}, key, self._home)
            is None
        )

    def digest(self, argv, secret):
        """What a client step told monqctl, without telling it: a corrected token or address makes it due again."""
        return hashlib.sha256(json.dumps([self._home, argv, secret]).encode()).hexdigest()[:16]

    def _corrected(self, key, told):
        """Whether this home was told something else. Without a lock nothing is left to do, and nothing is told again."""
        if not told or not (self._lock_id or self._check_mode) or not self.is_done(key):
            return False
        return ((self.ledger.get(key) or {}).get("digests") or {}).get(self._home) != self.digest(*told)

    def run(self, key, action, renewed=False, told=None):
        """Does the step unless it is done. action() returns what the ledger keeps. renewed: done before, but to be done again.
        told: argv and secret of a client step."""
        step = self.step(key)
        renewed = renewed or self._corrected(key, told)
        if self.is_done(key) and not renewed:
            self.skipped.append(key)
            return (self.ledger.get(key) or {}).get("result")
        if self._check_mode:
            self.predicted.append(key)
            return None
        with self._explained():
            self._require_predecessors(key)
            self._require_lock(key)
            answer = self._answer(step)
            if answer in ("done", "accept"):
                return self._close(step, {"state": "accepted" if answer == "accept" else "done", "by": "operator"})
            return self._attempt(step, action, told)

    def _require_predecessors(self, key):
        missing = steps.first_missing(self.plan, self.ledger.entries, key, self._home)
        if missing:
            raise StepError(
                "a step that must come first is not done",
                key,
                f"{missing.key} done",
                (self.ledger.get(missing.key) or {}).get("state", "not begun"),
                "run the whole playbook without --tags, --skip-tags and --start-at-task",
                missing=missing.key,
            )

    def _require_lock(self, key):
        if not self._lock_id:
            raise StepError(
                "this run holds no lock", key, "the id of the Lease monq-upgrade", "none", "run one of the collection's playbooks: they take the lock"
            )
        self._lease.renew(self._lock_id)

    def _answer(self, step):
        """None: go on. Otherwise the operator's word on an attempt that nobody saw end."""
        entry = self.ledger.get(step.key) or {}
        state, given = entry.get("state"), self._resolve.get(step.key)
        if state == "intent" and _lives(entry):
            raise StepError(
                "an earlier run is still at work on this step",
                step.key,
                "no living process",
                f"pid {entry['pid']} on {entry['host']}",
                "wait for it to end, then run the same command again",
            )
        if given is not None and (not isinstance(given, dict) or given.get("answer") not in ANSWERS):
            seen = repr(given.get("answer") if isinstance(given, dict) else given)
            raise InputError("monq_resolve holds an unknown answer", step.key, " or ".join(ANSWERS), seen, "correct monq_resolve")
        # Without an attempt there is nothing to answer: an answer must not stand in for a step that nobody began.
        if given and (not entry.get("attempt") or given.get("attempt") != entry["attempt"]):
            raise StepError(
                "monq_resolve answers another attempt",
                step.key,
                f"attempt {entry.get('attempt', 'none: nothing to answer')}",
                str(given.get("attempt")),
                "look at the step's present state, then answer the attempt that is named here",
            )
        if given and given["answer"] != "retry" and step.key.split(".")[1] in ("snapshot", "replicas") and step.key.endswith((".original", ".cut")):
            raise StepError("a snapshot cannot be answered away", step.key, "retry", given["answer"], "repair the cause, then run the same command again")
        if given:
            return given["answer"]
        if step.ask and state in ("intent", "unknown"):
            choice = '-e \'{"monq_resolve": {"%s": {"answer": "%s", "attempt": "%s"}}}\''
            raise StepError(
                "nobody saw the end of this migration",
                step.key,
                "done or not begun",
                f"{state} since {entry.get('started')}, attempt {entry.get('attempt')}" + (f": {entry['error']}" if entry.get("error") else ""),
                "look into the database, then run the same command with one of\n    "
                + choice % (step.key, "retry", entry.get("attempt"))
                + "   it was not applied\n    "
                + choice % (step.key, "done", entry.get("attempt"))
                + "   it was applied whole",
                attempt=entry.get("attempt"),
            )
        return None

    def _attempt(self, step, action, told):
        if step.kind == "client" and self._make_home:
            self._home = self._make_home()
        pid = os.getpid()
        entry = {
            "state": "intent",
            "attempt": "a" + uuid.uuid4().hex[:7],  # never a number, should it be typed into YAML without quotes
            "started": now(),
            "host": socket.gethostname(),
            "pid": pid,
            "pid_start": command.start_time(pid),
            "lock": self._lock_id,
        }
        if step.kind == "client":
            entry["homes"] = (self.ledger.get(step.key) or {}).get("homes", [])
            entry["digests"] = (self.ledger.get(step.key) or {}).get("digests", {})
        self._write(step.key, entry)
        try:
            with self._lease.renewing(self._lock_id):
                result = action()
        except MonqError as exc:
            entry.update(
                state="unknown" if step.ask and getattr(exc, "unknown", True) else "failed",
                finished=now(),
                error=exc.what + (": " + exc.seen.splitlines()[0] if exc.seen else ""),
            )
            with contextlib.suppress(LedgerError, ApiError):
                self._write(step.key, entry)
            exc.details.setdefault("step", step.key)
            exc.details.setdefault("attempt", entry["attempt"])
            raise
        if step.kind == "client":
            entry["homes"] = [home for home in entry["homes"] if home != self._home][-19:] + [self._home]
            entry["digests"] = {home: text for home, text in entry["digests"].items() if home in entry["homes"]}
            if told:
                entry["digests"][self._home] = self.digest(*told)
        return self._close(step, {**entry, "state": "done", "result": result})

    def _close(self, step, entry):
        known = self.ledger.get(step.key) or {}
        self._write(step.key, {**known, **entry, "finished": now()})
        self.done.append(step.key)
        return entry.get("result", known.get("result"))

    def _write(self, key, entry):
        self.ledger.write(key, entry, {FINGERPRINT: steps.fingerprint(self.plan)})

    @contextlib.contextmanager
    def _explained(self):
        """Every failure says what is changed so far and whether the platform is up, which the ledger knows."""
        try:
            yield
        except MonqError as exc:
            exc.platform, exc.changed = progress.standing(self.plan, self.ledger.entries, self._lock_id)
            exc.details.update(steps_done=self.done)
            raise


def _lives(entry):
    """Whether the process that wrote this intent is still at work on this machine; its start time tells a reused pid apart."""
    return entry.get("host") == socket.gethostname() and entry.get("pid_start") is not None and command.start_time(entry.get("pid")) == entry["pid_start"]
