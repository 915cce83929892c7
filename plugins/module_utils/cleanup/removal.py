# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what an upgrade has left, and removes it under the lock."""

from __future__ import annotations

import contextlib
import datetime
import os
import stat
import time

from .. import arguments, process, timestamp
from ..engine.lease import FRESH
from ..engine.ledger import SNAPSHOTS_REMOVED
from ..engine.snapshots import COUNT, NAMES, orphans
from ..errors import InputError, MonqError, StepError
from ..k8s.cluster import core
from ..postgres import dump
from ..postgres.client import Postgresql
from ..rollback.archive import SNAPSHOTS
from ..rollback.ledger import RollbackLedger, archived, unfinished_text
from ..rollback.sql import KEPT_COMMENT
from . import leftovers

_SIZED = (
    "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), ''), pg_database_size(oid) FROM pg_database"
    " WHERE datallowconn AND pg_has_role(datdba, 'USAGE') ORDER BY 1"
)


class Cleanup:
    """Everything that is left of one release on one installation."""

    def __init__(self, session, clock=time.time, connect=Postgresql):
        given = session.params
        self._session, self._given, self._clock = session, given, clock
        self._cluster, self._namespace = session.cluster, session.namespace
        self._version, self._ledger = session.release["version"], session.run.ledger
        self._source = connect(given["postgresql"])
        self._scratch = connect(dump.scratch_server(given["postgresql"], given["scratch_postgresql"]))
        self.unread = []

    # ---- what there is

    def items(self):
        found = [*self._snapshots(), *self._files()]
        for read in (self._scratch_databases, self._kept_databases):
            try:
                found += read()
            except MonqError as exc:
                self.unread.append(f"{exc.what}: {exc.seen}")
        return leftovers.judge(found, self._given["also"])

    def _last_generation(self):
        rollback = RollbackLedger(self._cluster, self._namespace, self._version).load()
        return max(self._ledger.generation, rollback.generation if rollback.exists else 1)

    def _snapshots(self):
        live = self._ledger.exists
        found = self._secrets(self._version, NAMES, self._ledger.generation, live)
        for generation in range(1, self._last_generation() + 1):
            found += self._secrets(archived(self._version, generation), SNAPSHOTS, generation, False)
        return found

    def _secrets(self, part, names, generation, rollback):
        found = []
        for name in names:
            index, chunks = 0, 1
            while index < chunks:
                full = f"monq-upgrade-{part}-{name}-{index}"
                secret = self._cluster.find(core(self._namespace, "secrets", full))
                if secret:
                    meta = secret["metadata"]
                    chunks = int((meta.get("annotations") or {}).get(COUNT, "1"))
                    size = sum(len(text) * 3 // 4 for text in (secret.get("data") or {}).values())
                    made = _seconds(meta.get("creationTimestamp"))
                    found.append(leftovers.item(leftovers.SNAPSHOT, full, size, made, generation, rollback))
                index += 1
        return found

    def _files(self):
        found, base = [], os.path.join(os.path.abspath(self._given["spool_directory"]), self._given["spool_host"])
        for release in (self._version, f"{self._version}-rollback"):
            for generation in _numbers(os.path.join(base, release)):
                folder = os.path.join(base, release, str(generation))
                for name in sorted(os.listdir(folder)):
                    path, kind = os.path.join(folder, name), leftovers.kind_of(name)
                    seen = os.lstat(path)
                    if kind and stat.S_ISREG(seen.st_mode):
                        live = kind == leftovers.DUMP and generation == self._ledger.generation and self._ledger.exists
                        found.append(leftovers.item(kind, path, seen.st_size, seen.st_mtime, generation, live))
        return found

    def _scratch_databases(self):
        run = {"installation": f"{self._namespace} in {self._cluster.server}", "lock": "that of the cleanup"}
        found = []
        with self._scratch.maintenance() as session:
            for name, comment, size in session.query(_SIZED):
                if dump.is_abandoned(name, comment, self._clock(), process.here(), process.start_time, run):
                    found.append(leftovers.item(leftovers.SCRATCH, name, size, None, None))
        return found

    def _kept_databases(self):
        ours = {one["database"] for one in self._given["databases"]}
        with self._source.maintenance(sorted(ours)) as session:
            found = []
            for name, comment, size in session.query(_SIZED):
                kept = leftovers.kept_generation(comment, KEPT_COMMENT, ours)
                if kept and name not in ours:
                    found.append(leftovers.item(leftovers.DATABASE, name, size, None, kept[1]))
        return found

    # ---- whether anything may be removed

    def refused(self):
        """The reasons why nothing may be removed now."""
        holder, found = self._session.lease.holder(), []
        if holder != "none":
            found.append(f"the lock is held: {holder}")
        carried = all("earlier_attempt" in entry for entry in self._ledger.entries.values())
        if self._ledger.entries and not carried and not self._ledger.closed:
            found.append("the upgrade is not finished and verified: finish it, or run rollback.yml")
        rollback = unfinished_text(self._cluster, self._namespace, self._version)
        if rollback:
            found.append(rollback)
        lost = orphans(self._cluster, self._namespace, self._version, self._ledger)
        if lost:
            found.append(f"the ledger of the run that created {lost[0]} was deleted: see preflight.yml")
        return found

    # ---- removing

    def remove(self, items):
        """Removes what is to be removed, under the lock. Raises MonqError for what could not be removed, at the end."""
        lease, failed = self._session.lease, []
        lock_id = lease.acquire()
        self._cluster.fence = lambda: lease.require(lock_id, FRESH)
        try:
            self._require_still_allowed(lock_id)
            with lease.renewing(lock_id):
                if any(
                    one["kind"] == leftovers.SNAPSHOT and one["rollback"] for one in items if one["action"] == "remove"
                ):
                    self._note_removal()
                for one in reversed(items):  # the first part of a snapshot goes last
                    if one["action"] == "remove":
                        try:
                            lease.require(lock_id)
                            self._remove(one)
                            one["action"] = "removed"
                        except (MonqError, OSError) as exc:
                            one["action"], one["why"] = "failed", getattr(exc, "seen", "") or str(exc)
                            failed.append(one)
        finally:
            with contextlib.suppress(MonqError):
                lease.release(lock_id)
        if failed:
            raise MonqError(
                "not everything could be removed",
                ", ".join(one["name"] for one in failed),
                "removed",
                "; ".join(f"{one['name']}: {one['why']}" for one in failed),
                "fix the cause, then run the same command again",
            )

    def _require_still_allowed(self, lock_id):
        """What forbids it is asked again under the lock: a run may have begun in between."""
        self._ledger.load()
        found = [why for why in self.refused() if lock_id not in why]
        if found:
            raise StepError("nothing may be removed now", "the leftovers", "nothing that forbids it", "; ".join(found))

    def _note_removal(self):
        if self._ledger.exists:
            moment = datetime.datetime.fromtimestamp(self._clock(), datetime.timezone.utc)
            note = {"metadata": {"annotations": {SNAPSHOTS_REMOVED: timestamp.text(moment)}}}
            self._cluster.patch(core(self._namespace, "configmaps", self._ledger.name), note)

    def _remove(self, one):
        kind, name = one["kind"], one["name"]
        if kind == leftovers.SNAPSHOT:
            self._cluster.delete(core(self._namespace, "secrets", name))
        elif kind == leftovers.SCRATCH:
            with self._scratch.maintenance() as session:
                self._scratch.drop_scratch(session, name)
        elif kind == leftovers.DATABASE:
            # Never with its connections ended: whoever reads it still needs it.
            with self._source.maintenance() as session:
                session.query(f"DROP DATABASE IF EXISTS {dump.identifier(name)}")
        else:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)


def perform(session, cleanup=None):
    """The module's result."""
    given = session.params
    confirmed = _confirmed(given)
    cleanup = cleanup or Cleanup(session)
    items, refused = cleanup.items(), cleanup.refused()
    due = [one for one in items if one["action"] == "remove"]
    if confirmed and refused and due:
        raise StepError(
            "nothing may be removed now",
            f"namespace {session.namespace}",
            "a finished upgrade or rollback, and a free lock",
            "; ".join(refused),
            "run status.yml to see the current state",
        )
    removed = bool(confirmed and due)
    if removed and not session.check_mode:
        cleanup.remove(items)
    found = {
        "items": items,
        "refused": refused,
        "unread": cleanup.unread,
        "removed": removed and not session.check_mode,
        "environment": given["environment"],
        "now": time.time(),
    }
    return {
        "changed": removed,
        "items": items,
        "refused": refused,
        "text": leftovers.text(found, arguments.words(given)),
    }


def _confirmed(given):
    unknown = [kind for kind in given["also"] if kind not in leftovers.NAMED]
    if unknown:
        raise InputError(
            "monq_cleanup_also names something that is not known",
            "monq_cleanup_also",
            ", ".join(leftovers.NAMED),
            ", ".join(unknown),
            "correct monq_cleanup_also",
        )
    if given["confirm"] not in ("", given["environment"]):
        raise InputError(
            "monq_cleanup_confirm is not the name of this environment",
            "monq_cleanup_confirm",
            f"{given['environment']}, or nothing to see the list only",
            given["confirm"],
            "check that this is the right installation",
        )
    return bool(given["confirm"])


def _numbers(folder):
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(int(name) for name in names if name.isdigit())


def _seconds(text):
    try:
        return timestamp.seconds(text)
    except (TypeError, ValueError):
        return None
