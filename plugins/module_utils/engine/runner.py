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
import time
import uuid

from .. import process
from ..errors import ApiError, ApiUnreachable, InputError, LedgerError, LockError, MonqError, StepError
from . import decisions, progress, steps
from .ledger import CLOSED, FILES, FINGERPRINT, INPUTS

PAUSES = (1, 2, 4, 8)  # seconds between the tries to write a result: an API server that restarts is back within them


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class GuardedRun:
    """Runs steps. A step guards itself: predecessors, lock, unresolved attempts; intent before, result after."""

    def __init__(
        self, plan, ledger, lease, lock_id="", home=None, make_home=None, resolve=None, check_mode=False, inputs=None, files=None, copies=None, sleep=time.sleep
    ):
        self.plan = plan
        self.ledger = ledger
        self._lease = lease
        self._lock_id = lock_id
        self._home = home
        self._make_home = make_home
        self._resolve = resolve or {}
        self._check_mode = check_mode
        self._inputs = inputs or {}  # what the plan was made of, in the operator's words
        self._files = files or {}  # sha256 of the SQL files that can be read, by step
        self._copies = copies
        self._sleep = sleep
        self._acting = False  # the ledger's own writes are guarded by its resourceVersion
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

    def corrected(self, key, told):
        """Whether this home was told something else. Without a lock nothing is left to do, and nothing is told again."""
        if not told or not (self._lock_id or self._check_mode) or not self.is_done(key):
            return False
        return ((self.ledger.get(key) or {}).get("digests") or {}).get(self._home) != self.digest(*told)

    def run(self, key, action, renewed=False, told=None):
        """Does the step unless it is done. action() returns what the ledger keeps. renewed: done before, but to be done again.
        told: argv and secret of a client step."""
        step = self.step(key)
        corrected = self.corrected(key, told)
        if self.is_done(key) and not (renewed or corrected):
            self.skipped.append(key)
            return (self.ledger.get(key) or {}).get("result")
        if self._check_mode:
            self.predicted.append(key)
            return None
        with self._explained():
            self._require_open(step)
            self._require_predecessors(key)
            self._require_lock(key)
            self._require_same_file(key)
            answer = self._answer(step)
            if step.kind == "client" and self._make_home:
                self._home = self._make_home()
            # A word on the attempt that told this home the old value is none on the corrected one.
            if answer in ("done", "accept") and not corrected:
                return self._close(step, {"state": "accepted" if answer == "accept" else "done", "by": "operator", **self._told_home(step, told)})
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

    def ask(self, key):
        """Raises StepError where the step's last attempt waits for the operator's word and monq_resolve has none."""
        self._answer(self.step(key))

    def _require_lock(self, key):
        if not self._lock_id:
            raise StepError(
                "this run holds no lock", key, "the id of the Lease monq-upgrade", "none", "run one of the collection's playbooks: they take the lock"
            )
        self._lease.renew(self._lock_id)

    def fence(self):
        """Right before a single changing call: a run that was frozen and taken over stops here."""
        if self._acting:
            self._lease.require(self._lock_id)

    def renewing(self):
        """Shows watchers that this run lives while it reads something long outside a step."""
        return self._lease.renewing(self._lock_id) if self._lock_id and not self._check_mode else contextlib.nullcontext()

    def renew(self):
        """Shows watchers that this run lives, also while it only skips steps."""
        if self._lock_id and not self._check_mode:
            with contextlib.suppress(ApiError, ApiUnreachable, LockError):
                self._lease.renew(self._lock_id)

    def _require_open(self, step):
        if self.ledger.closed and step.kind != "client":
            raise StepError(
                "this release is finished, verified and closed",
                step.key,
                "no step that changes the installation",
                f"closed {self.ledger.closed}",
                "nothing is left to do; what was changed since is no upgrade's work",
            )

    def require_known_answers(self):
        decisions.check(self._resolve, self._steps)

    def choice(self, key, answer, attempt):
        """The word to type, together with those that were given before: of two monq_resolve only the last counts."""
        return decisions.choice(key, answer, attempt, self._words())

    def _words(self):
        """The operator's words on what is not done yet."""
        return {key: given for key, given in self._resolve.items() if (self.ledger.get(key) or {}).get("state") not in steps.DONE}

    def require_same_plan(self):
        """Another list of steps would be another upgrade: what is done would not be what the ledger says."""
        known, mine = self.ledger.annotations.get(FINGERPRINT), steps.fingerprint(self.plan)
        if known and known != mine:
            begun, now_ = self.ledger.annotations.get(INPUTS, "unknown"), json.dumps(self._inputs, sort_keys=True)
            raise StepError(
                "the list of steps is another one than this upgrade was begun with",
                f"ConfigMap {self.ledger.name}",
                f"steps {known[:16]} ({begun})",
                f"steps {mine[:16]} ({now_})" + ("; the variables are the same: another version of the collection" if begun == now_ else ""),
                "put the variables, or the collection's version, back as they were and run the same command again; or give this attempt up with rollback.yml",
                expected_sha256=known,
                seen_sha256=mine,
            )
        for key in self._files:
            self._require_same_file(key)

    def _require_same_file(self, key):
        known, mine = self._known_files().get(key), self._files.get(key)
        entry, given = self.ledger.get(key) or {}, self._resolve.get(key)
        if not known or not mine or known == mine or entry.get("state") in steps.DONE:
            return
        if isinstance(given, dict) and given.get("attempt"):
            if given["attempt"] == "f" + mine[:7]:
                return
            if given["attempt"] == entry.get("attempt") and given.get("answer") in ("done", "accept"):
                return  # no file is run then
        raise StepError(
            "the SQL file is another one than this upgrade was begun with",
            key,
            f"sha256 {known}",
            f"sha256 {mine}" + (f"; nobody saw the end of attempt {entry['attempt']}" if entry.get("state") in ("intent", "unknown") else ""),
            "put the file back as it was and run the same command again; where the vendor has corrected it and it may be run, answer\n    "
            + self.choice(key, "retry", "f" + mine[:7]),
            expected_sha256=known,
            seen_sha256=mine,
        )

    def _known_files(self):
        return json.loads(self.ledger.annotations.get(FILES) or "{}")

    def import_copies(self):
        """Results that an earlier run could only leave beside the backup: keys of the steps that were settled so."""
        settled = []
        for path, key, entry in self._copies.pending(self.ledger.attempt) if self._copies else []:
            if key not in self._steps:
                continue  # of the rollback, where this is the upgrade, or the other way round
            known = self.ledger.get(key) or {}
            same = known.get("state") in ("intent", "unknown") and known.get("attempt") == entry.get("attempt")
            if same:
                self._write(key, entry)
                settled.append(key)
            self._copies.settle(path, same)
        return settled

    def begin(self):
        """Under a lock that was just taken: nobody else's write fits any more, and what was left beside the backup is read."""
        self.ledger.take_over(self._lock_id)
        return self.import_copies()

    def _answer(self, step):
        """None: go on. Otherwise the operator's word on an attempt that nobody saw end."""
        entry, given = self.ledger.get(step.key) or {}, self._resolve.get(step.key)
        if isinstance(given, dict) and str(given.get("attempt")) == "f" + self._files.get(step.key, "-")[:7] and given.get("answer") == "retry":
            # The word on a corrected file lets it run once: its sum is in the ledger from its own intent on.
            fresh = self._known_files().get(step.key) != self._files[step.key]
            given = {"answer": "retry", "attempt": entry["attempt"]} if fresh and entry.get("attempt") else None
        return decisions.judge(step, entry, given, alive(entry), socket.gethostname(), self._words())

    def _told_home(self, step, told):
        """What an entry keeps of a client step besides: this home as the last of 20, and what it was told."""
        if step.kind != "client":
            return {}
        known = self.ledger.get(step.key) or {}
        homes = [home for home in known.get("homes", []) if home != self._home][-19:] + [self._home]
        digests = {home: text for home, text in known.get("digests", {}).items() if home in homes}
        return {"homes": homes, "digests": {**digests, self._home: self.digest(*told)} if told else digests}

    def _attempt(self, step, action, told):
        pid = os.getpid()
        entry = {
            "state": "intent",
            "attempt": "a" + uuid.uuid4().hex[:7],  # never a number, should it be typed into YAML without quotes
            "started": self._since(step.key) or now(),
            "host": socket.gethostname(),
            "pid": pid,
            "pid_start": process.start_time(pid),
            "lock": self._lock_id,
        }
        if step.kind == "client":
            entry["homes"] = (self.ledger.get(step.key) or {}).get("homes", [])
            entry["digests"] = (self.ledger.get(step.key) or {}).get("digests", {})
        self._intend(step.key, entry)
        try:
            with self._lease.renewing(self._lock_id), process.marked(entry["attempt"]):
                self._acting = True
                result = action()
        except MonqError as exc:
            entry.update(
                state="unknown" if step.ask and getattr(exc, "unknown", True) else "failed",
                finished=now(),
                error=exc.what + (": " + exc.seen.splitlines()[0] if exc.seen else ""),
            )
            with contextlib.suppress(LedgerError, ApiError, ApiUnreachable):  # the first failure is the one to tell
                self._write(step.key, entry)
            exc.details.setdefault("step", step.key)
            exc.details.setdefault("attempt", entry["attempt"])
            raise
        finally:
            self._acting = False
        return self._close(step, {**entry, "state": "done", "result": result, **self._told_home(step, told)})

    def _since(self, key):
        """The outage begins with the first try of the cut, however often it is resumed."""
        return (self.ledger.get(key) or {}).get("started") if key == "upgrade.routing.cut" else None

    def _intend(self, key, entry):
        try:
            self._write(key, entry)
        except (ApiError, ApiUnreachable, LedgerError):
            if not self._stored(key, entry):  # else the answer was lost, not the write: the step goes on, and its fence judges
                raise

    def _close(self, step, entry):
        known = self.ledger.get(step.key) or {}
        self._record(step.key, {**known, **entry, "finished": now()})
        self.done.append(step.key)
        return entry.get("result", known.get("result"))

    def _record(self, key, entry):
        """The result must not get lost: tried again, and left beside the backup where the API server does not take it."""
        for pause in (*PAUSES, None):
            try:
                return self._write(key, entry)
            except (ApiError, ApiUnreachable, LedgerError) as exc:
                if self._stored(key, entry):  # the answer was lost, not the write
                    return None
                # What was read since may be another run's: its word is not written over.
                ours = (self.ledger.get(key) or {}).get("attempt") == entry.get("attempt")
                if pause is None or not ours or not _passing(exc):
                    return self._save_copy(key, entry, exc)
                self._sleep(pause)

    def _stored(self, key, entry):
        with contextlib.suppress(ApiError, ApiUnreachable, LedgerError):
            self.ledger.load()
            return self.ledger.get(key) == entry
        return False

    def _save_copy(self, key, entry, cause):
        state = f"{entry['state']}, attempt {entry.get('attempt')}"
        try:
            path = self._copies.save(self.ledger.attempt, key, entry) if self._copies and entry.get("attempt") else None
            left = f"a copy of the result lies in {path}: the next run imports it" if path else "no copy could be left: there is no folder for it"
        except LedgerError as exc:
            left = f"no copy could be left either ({exc.obj}: {exc.seen}); keep this message: the step ended as {state}"
        raise LedgerError(
            "the result of a step cannot be written into the ledger; nothing more was begun",
            f"ConfigMap {self.ledger.name}, key {key}",
            f"the step's result: {state}",
            f"{cause.what}: {cause.seen}\n    {left}",
            "see that the API server answers, then run the same command again",
        ) from cause

    def _write(self, key, entry):
        notes = {FINGERPRINT: steps.fingerprint(self.plan), INPUTS: json.dumps(self._inputs, sort_keys=True)}
        if self._files:
            notes[FILES] = json.dumps({**self._files, **self._known_files(), **{k: v for k, v in self._files.items() if k == key}}, sort_keys=True)
        last = self.plan[-1].key
        if key == last and last.startswith("verify.") and entry.get("state") in steps.DONE:
            notes[CLOSED] = entry["finished"]
        self.ledger.write(key, entry, notes)

    @contextlib.contextmanager
    def _explained(self):
        """Every failure says what is changed so far and whether the platform is up, which the ledger knows."""
        try:
            yield
        except MonqError as exc:
            exc.platform, exc.changed = self.platform(), progress.changed_so_far(self.plan, self.ledger.entries, self._lock_id)
            exc.details.update(steps_done=self.done)
            raise

    def platform(self):
        """Whether the platform can be reached, in words."""
        return progress.platform(self.plan, self.ledger.entries)


def alive(entry):
    """The processes of this machine that are at work on an attempt: the one that wrote the intent, and whatever was started for it."""
    if entry.get("state") in (None, *steps.DONE) or entry.get("host") != socket.gethostname():
        return []
    found = process.bearing(entry.get("attempt"))
    own = entry.get("state") == "intent" and entry.get("pid_start") is not None and process.start_time(entry.get("pid")) == entry["pid_start"]
    return ([entry["pid"]] if own else []) + found


def _passing(exc):
    """Whether a second try may help: no answer, or an error of the server's own."""
    return isinstance(exc, ApiUnreachable) or (isinstance(exc, ApiError) and (exc.status >= 500 or exc.status == 429))
