# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import time
import uuid

from .. import process, timestamp
from ..errors import ApiError, ApiUnreachable, InputError, LedgerError, LockError, MonqError, StepError
from ..live_progress import LiveProgress
from . import decisions, progress, redo, sql_files, steps
from .attempts import alive
from .ledger import CLOSED, FILES, FINGERPRINT, INPUTS, PLAN
from .recorder import Recorder


def now():
    return timestamp.text()


class StepRunner:
    """Executes steps. Each is guarded by predecessors, lock and open attempts, and recorded: intent before, result
    after."""

    def __init__(
        self,
        *,
        plan,
        ledger,
        lease,
        lock_id="",
        home=None,
        make_home=None,
        resolve=None,
        check_mode=False,
        inputs=None,
        files=None,
        spool=None,
        approved="",
        sleep=time.sleep,
    ):
        """home: the marker of monqctl's home, or None; make_home: creates it. inputs: what the plan was built from, in
        the operator's terms. files: sha256 of the readable SQL files, by step key. approved: the id of the plan that
        this run must follow."""
        self.plan = plan
        self.ledger = ledger
        self._lease = lease
        self._lock_id = lock_id
        self._home = home
        self._make_home = make_home
        self._resolve = resolve or {}
        self._check_mode = check_mode
        self._inputs = inputs or {}
        self.files = files or {}
        self._approved = approved
        self._recorder = Recorder(ledger, self._notes, spool, sleep)
        self._progress = LiveProgress()
        self._acting = False  # the ledger's own writes are protected by its resourceVersion
        self._steps = {step.key: step for step in plan}
        self._again = None  # keys that a requested redo makes due once this run has the lock
        self.done = []  # keys executed by this call
        self.predicted = []  # keys that a real run would execute
        self.skipped = []  # keys already done in the ledger

    def report_to(self, progress):
        """From now on, what is executed is said there, and in the renewals of the lock."""
        self._progress, self._lease.progress = progress, progress.annotation

    @property
    def changed(self):
        """Returns whether anything was changed. Gates change nothing; all other steps do."""
        return any(self._steps[key].kind != "gate" for key in self.done + self.predicted)

    def result(self):
        return {"changed": self.changed, "steps": self.counted()}

    def counted(self):
        return {"done": self.done, "predicted": self.predicted, "skipped": self.skipped}

    def step(self, key):
        if key not in self._steps:
            raise InputError(
                "this step is not part of the plan",
                key,
                "a step of the plan for these modules",
                key,
                "see the list of steps in the docs; check monq_modules",
            )
        return self._steps[key]

    def below(self, prefix):
        """The steps of a phase, in order. Raises InputError if the plan has none."""
        found = steps.below(self.plan, prefix)
        if not found:
            self.step(prefix)
        return found

    def is_done(self, key):
        return key not in self._due_again() and steps.is_done(self.step(key), self.ledger.get(key), self._home)

    def all_done(self, chosen):
        return all(self.is_done(step.key) for step in self.plan if chosen(step))

    def may_begin(self, key):
        """Returns whether every predecessor is done, or in check mode would be, in the same home."""
        predicted = {k: {"state": "done", "homes": [self._home]} for k in self.predicted}
        return steps.first_missing(self.plan, {**self.ledger.entries, **predicted}, key, self._home) is None

    def digest(self, argv, secret):
        """A digest of what a client step configured, so that a corrected token or address makes it due."""
        return hashlib.sha256(json.dumps([self._home, argv, secret]).encode()).hexdigest()[:16]

    def corrected(self, key, configured):
        """Returns whether this home was configured with other values. Without a lock nothing is left to do."""
        if not configured or not (self._lock_id or self._check_mode) or not self.is_done(key):
            return False
        return ((self.ledger.get(key) or {}).get("digests") or {}).get(self._home) != self.digest(*configured)

    def execute(self, key, action, renewed=False, configured=None):
        """Executes the step unless it is done, and returns its result in the ledger, which is what action() returned.

        renewed: the step is done and must be repeated. configured: argv and secret of a client step. Raises StepError,
        LockError or LedgerError if it may not start, and whatever action raises.
        """
        step = self.step(key)
        corrected = self.corrected(key, configured)
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
            self._require_approved(step)
            self._require_same_file(key)
            answer = self._decision(step)
            if step.kind == "client" and self._make_home:
                self._home = self._make_home()
            # A decision about the attempt with the old value does not apply to the corrected one.
            if answer in ("done", "accept") and not corrected:
                state = "accepted" if answer == "accept" else "done"
                return self._close(step, {"state": state, "by": "operator", **self._of_home(step, configured)})
            return self._attempt(step, action, configured, answer)

    def _require_predecessors(self, key):
        missing = steps.first_missing(self.plan, self.ledger.entries, key, self._home)
        if missing:
            raise StepError(
                "a step that must come first is not done",
                key,
                f"{missing.key} done",
                (self.ledger.get(missing.key) or {}).get("state", "not started"),
                "run the whole playbook without --tags, --skip-tags and --start-at-task",
                missing=missing.key,
            )

    def require_decided(self, key):
        """Raises StepError if the step's last attempt needs a decision and monq_resolve has none."""
        self._decision(self.step(key))

    def _require_approved(self, step):
        known = self.ledger.annotations.get(PLAN)
        if self._approved and step.kind != "gate" and known != self._approved:
            raise StepError(
                "no approved plan was compared with the installation in this run",
                step.key,
                f"plan {self._approved} in the ledger",
                known or "none",
                "run the whole playbook without --tags, --skip-tags and --start-at-task",
            )

    def approve(self, plan):
        """Records, under the lock, the id of the plan that was compared with the installation."""
        self._require_lock("plan")
        self.ledger.note({PLAN: plan})

    def _require_lock(self, key):
        if not self._lock_id:
            raise StepError(
                "this run does not hold the lock",
                key,
                "the ID of the Lease monq-upgrade",
                "none",
                "run one of the collection's playbooks: they take the lock",
            )
        self._lease.renew(self._lock_id)

    def fence(self, fresh=0.0):
        """Called right before every changing call: a run that was frozen and replaced stops here.

        fresh: seconds for which an earlier check is valid.
        """
        if self._acting:
            self._lease.require(self._lock_id, fresh)

    def renewing(self):
        """Shows other runs that this one is alive during a long read outside a step."""
        return self._lease.renewing(self._lock_id) if self._locked else contextlib.nullcontext()

    def renew(self):
        """Shows other runs that this one is alive, even while it only skips steps."""
        if self._locked:
            with contextlib.suppress(ApiError, ApiUnreachable, LockError):
                self._lease.renew(self._lock_id)

    @property
    def _locked(self):
        return self._lock_id and not self._check_mode

    def _require_open(self, step):
        if self.ledger.closed and step.kind != "client":
            raise StepError(
                "this release is finished, verified and closed",
                step.key,
                "no step that changes the installation",
                f"closed {self.ledger.closed}",
                "there is nothing left to do; later changes are outside the scope of this upgrade",
            )

    def require_known_decisions(self):
        """Raises InputError or StepError for a decision that does not apply."""
        decisions.check(self._resolve, self._steps)
        self._redo()

    def _redo(self):
        return redo.requested(self.plan, self.ledger.entries, self._resolve, self.ledger.closed)

    def _due_again(self):
        if self._again is None and self._resolve:
            self._again = set()
            with contextlib.suppress(StepError):  # it is raised before the lock is taken
                self._again = {key for first, rest in self._redo().items() for key in (first, *rest)}
        return self._again or ()

    def redo_choice(self, key):
        """The option that has a done step done again, or None where that is not allowed."""
        entry = self.ledger.get(key) or {}
        possible = entry.get("attempt") and entry.get("state") in steps.DONE and not self.ledger.closed
        if not possible or redo.obstacle(self.plan, self.ledger.entries, self.step(key)):
            return None
        return self.choice(key, "redo", entry["attempt"])

    def choice(self, key, answer, attempt):
        """The option to type, with the decisions given earlier, as only the last monq_resolve counts."""
        return decisions.choice(key, answer, attempt, self._decided())

    def _decided(self):
        """The operator's decisions on steps that are not done yet."""
        return {
            key: given
            for key, given in self._resolve.items()
            if (self.ledger.get(key) or {}).get("state") not in steps.DONE
        }

    def require_same_plan(self):
        """Raises StepError if the ledger was started with other steps: its entries would not mean the same."""
        known, mine = self.ledger.annotations.get(FINGERPRINT), steps.fingerprints(self.plan)
        if known and known not in mine:
            begun = self.ledger.annotations.get(INPUTS, "unknown")
            given = json.dumps(self._inputs, sort_keys=True)
            same = "; the variables are the same, so the collection's version differs" if begun == given else ""
            raise StepError(
                "the step list differs from the one this upgrade started with",
                f"ConfigMap {self.ledger.name}",
                f"steps {known[:16]} ({begun})",
                f"steps {mine[0][:16]} ({given}){same}",
                "restore the variables or the collection's version, then run the same command again; or abandon this "
                "upgrade with rollback.yml",
                expected_sha256=known,
                seen_sha256=mine[0],
            )
        for key in self.files:
            self._require_same_file(key)

    def _require_same_file(self, key):
        known, mine = self._known_files().get(key), self.files.get(key)
        entry, given = self.ledger.get(key) or {}, self._resolve.get(key)
        if known and mine and entry.get("state") not in steps.DONE:
            choice = self.choice(key, "retry", "f" + mine[:7])
            sql_files.require_same(key, known, mine, entry, given, choice)

    def _known_files(self):
        return json.loads(self.ledger.annotations.get(FILES) or "{}")

    def _notes(self, key, entry):
        notes = {FINGERPRINT: steps.fingerprint(self.plan), INPUTS: json.dumps(self._inputs, sort_keys=True)}
        if self.files:
            own = {k: v for k, v in self.files.items() if k == key}
            notes[FILES] = json.dumps({**self.files, **self._known_files(), **own}, sort_keys=True)
        if steps.CLOSES in self._steps[key].traits and entry.get("state") in steps.DONE:
            notes[CLOSED] = entry["finished"]
        return notes

    def begin(self):
        """Called right after taking the lock: invalidates an earlier holder's writes, and imports spooled results."""
        self.ledger.take_over(self._lock_id)
        imported = self._recorder.import_spooled(self._steps)
        for key, repeated in self._redo().items():
            # The step itself is last: a run that ends in between finds the request still open.
            for other in repeated:
                self._recorder.write(other, redo.marked(self.ledger.get(other)))
            self._recorder.write(key, redo.marked(self.ledger.get(key), self.ledger.get(key)["attempt"]))
        return imported

    def _decision(self, step):
        """Returns None to continue, or the operator's answer on an attempt whose outcome is unknown."""
        entry, given = self.ledger.get(step.key) or {}, self._resolve.get(step.key)
        sha = self.files.get(step.key, "-")
        corrected = isinstance(given, dict) and str(given.get("attempt")) == "f" + sha[:7]
        if corrected and given.get("answer") == "retry":
            # The decision on a corrected file lets it run once: its sha256 is in the ledger from its intent on.
            fresh = self._known_files().get(step.key) != sha
            given = {"answer": "retry", "attempt": entry["attempt"]} if fresh and entry.get("attempt") else None
        return decisions.judge(step, entry, given, alive(entry), socket.gethostname(), self._decided())

    def _of_home(self, step, configured):
        """The additional fields of a client step's entry: its last 20 homes, and digests of their configuration."""
        if step.kind != "client":
            return {}
        known = self.ledger.get(step.key) or {}
        homes = [home for home in known.get("homes", []) if home != self._home][-19:] + [self._home]
        digests = {home: text for home, text in known.get("digests", {}).items() if home in homes}
        if configured:
            digests[self._home] = self.digest(*configured)
        return {"homes": homes, "digests": digests}

    def _attempt(self, step, action, configured, answer=None):
        pid = os.getpid()
        known = self.ledger.get(step.key) or {}
        entry = {
            "state": "intent",
            "attempt": "a" + uuid.uuid4().hex[:7],  # never a number, even when typed into YAML without quotes
            # The outage begins with the first attempt of the cutover, however often it is resumed.
            "started": (steps.CUTOVER in step.traits and known.get("started")) or now(),
            "host": socket.gethostname(),
            "pid": pid,
            "pid_start": process.start_time(pid),
            "lock": self._lock_id,
        }
        kept = ("homes", "digests") if step.kind == "client" else ()
        entry.update({name: known[name] for name in (*kept, "redone", "retried") if name in known})
        if answer == "retry":  # for the report
            entry["retried"] = [*known.get("retried", []), known["attempt"]][-redo.KEPT :]
        self._recorder.intend(step.key, entry)
        self._progress.at(self.plan, step, self._down_since)
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
            with contextlib.suppress(LedgerError, ApiError, ApiUnreachable):  # the first failure is the one to report
                self._recorder.write(step.key, entry)
            exc.details.setdefault("step", step.key)
            exc.details.setdefault("attempt", entry["attempt"])
            raise
        finally:
            self._acting = False
        return self._close(step, {**entry, "state": "done", "result": result, **self._of_home(step, configured)})

    def _close(self, step, entry):
        known = self.ledger.get(step.key) or {}
        self._recorder.record(step.key, {**known, **entry, "finished": now()})
        self.done.append(step.key)
        return entry.get("result", known.get("result"))

    @contextlib.contextmanager
    def _explained(self):
        """Adds to every failure what was changed so far and whether the platform is up, from the ledger."""
        try:
            yield
        except MonqError as exc:
            exc.platform = self.platform()
            exc.changed = progress.changed_so_far(self.plan, self.ledger.entries, self._lock_id)
            exc.details.update(steps=self.counted())
            raise

    def platform(self):
        """The platform's availability as text."""
        return progress.platform(self.plan, self.ledger.entries)

    def _down_since(self):
        return progress.down_since(self.plan, self.ledger.entries)
