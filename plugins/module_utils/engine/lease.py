# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import datetime
import getpass
import os
import socket
import threading
import time
import uuid

from ..errors import ApiError, LockError

NAME = "monq-upgrade"
BEAT = 3.0  # longest pause between renewals in seconds: a run that watches for 8 s sees a live holder
# Seconds for which a confirmed lock is not checked again: far shorter than the silence after which it can be taken.
FRESH = 0.25
ID = "monq.platform/lock-id"
HOLDER = "monq.platform/lock-holder"
PROGRESS = "monq.platform/progress"  # what the holder is doing, for whoever looks at the Lease


def holder_text():
    job = os.environ.get("JOB_ID") or os.environ.get("AWX_JOB_ID") or os.environ.get("TOWER_JOB_ID")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # an execution environment may run as a uid without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}" + (f" job {job}" if job else "")


def elapsed():
    """Seconds on a clock that keeps running while the process is stopped or the machine suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def described(found):
    """The holder as text. found: what Lease.details() returned."""
    return f"{found['holder']}, lock id {found['id']}, renewed {found['renewed']}" if found else "none"


class Lease:
    """A Lease with compare-and-swap. Clock and sleep are injected; other machines' clocks are never trusted."""

    def __init__(self, cluster, namespace, duration=120, clock=elapsed, sleep=time.sleep):
        self._cluster = cluster
        self._namespace = namespace
        self._base = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._duration = duration
        self._clock = clock
        self._sleep = sleep
        self.id = None
        self.progress = lambda: ""  # the line that a renewal carries
        self._confirmed = (None, 0.0)  # the lock last seen to be ours, and when that was asked

    def _read(self):
        return self._cluster.find(f"{self._base}/{NAME}")

    def holder(self):
        """The holder of the lock as text; "none" if it is free."""
        return self.seen()[0]

    def seen(self):
        """(the holder as text, what it said last that it was doing)"""
        found = self.details()
        return described(found), found.get("progress", "")

    def details(self):
        """Who holds the lock, since when, when it was renewed, for how many seconds, and what the holder said last that
        it was doing; empty if it is free."""
        lease = self._read()
        if not _held(lease):
            return {}
        notes, spec = lease["metadata"].get("annotations") or {}, lease["spec"]
        return {
            "holder": notes.get(HOLDER, "unknown"),
            "id": notes.get(ID, "?"),
            "since": spec.get("acquireTime"),
            "renewed": spec.get("renewTime"),
            "duration": spec.get("leaseDurationSeconds") or self._duration,
            "progress": notes.get(PROGRESS, ""),
        }

    def renewal(self, lock_id):
        """What changes with each renewal of this lock; None where it is no longer held."""
        lease = self._read()
        notes = ((lease or {}).get("metadata") or {}).get("annotations") or {}
        return lease["metadata"]["resourceVersion"] if _held(lease) and notes.get(ID) == lock_id else None

    def acquire(self, holder=None):
        """Takes the lock and returns its ID. If the current holder is still renewing it, raises a LockError that names
        the holder; waits out a silent one."""
        lease = self._read()
        if _held(lease):
            lease = self._wait_out(lease)
        self._swap(lease, uuid.uuid4().hex[:12], holder or holder_text())
        return self.id

    def _wait_out(self, lease):
        first, started = lease, self._clock()
        promised = max(1.0, float(first["spec"].get("leaseDurationSeconds") or self._duration))
        while _held(lease):
            if lease["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]:
                self._refuse(lease)
            if self._clock() - started >= promised:
                return lease
            self._sleep(0.5)
            lease = self._read()
        return lease

    def _refuse(self, lease):
        notes = lease["metadata"].get("annotations") or {}
        raise LockError(
            "another run holds the lock",
            f"Lease {self._namespace}/{NAME}",
            "no holder, or one that no longer renews it",
            f"{notes.get(HOLDER, 'unknown')}, lock id {notes.get(ID, '?')}, since {lease['spec'].get('acquireTime')}",
            "wait for that run to finish, then run the same command again; if it is known to be dead: "
            f"ansible-playbook monq.platform.unlock -e monq_lock_id={notes.get(ID, '?')}",
            holder=notes.get(HOLDER),
            lock_id=notes.get(ID),
        )

    def _swap(self, lease, new_id, holder):
        now = _now()
        spec = {
            "holderIdentity": f"{holder} {new_id}",
            "leaseDurationSeconds": int(self._duration),
            "acquireTime": now,
            "renewTime": now,
        }
        spec["leaseTransitions"] = ((lease or {}).get("spec", {}).get("leaseTransitions") or 0) + (1 if lease else 0)
        meta = {"name": NAME, "annotations": {ID: new_id, HOLDER: holder}}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
        try:
            if lease:
                meta["resourceVersion"] = lease["metadata"]["resourceVersion"]
                self._cluster.replace(f"{self._base}/{NAME}", body)
            else:
                self._cluster.create(self._base, body)
        except ApiError as exc:
            if exc.status != 409:
                raise
            winner = self._read()
            if winner:
                self._refuse(winner)
            raise LockError(
                "another run took the lock at the same moment",
                f"Lease {self._namespace}/{NAME}",
                "the lock",
                exc.message,
                "run the same command again",
            ) from exc
        self.id = new_id

    def renew(self, lock_id):
        """Renews the lock. Raises LockError unless the API server still has this lock as ours."""
        asked = self._clock()
        lease = self._read()
        self._require(lease, lock_id)
        body = {
            "metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]},
            "spec": {"renewTime": _now(), "leaseDurationSeconds": int(self._duration)},
        }
        line = self.progress()
        if line:
            body["metadata"]["annotations"] = {PROGRESS: line}
        try:
            self._cluster.patch(f"{self._base}/{NAME}", body)
        except ApiError as exc:
            if exc.status != 409:
                raise
            self._require(self._read(), lock_id)  # two renewals of the same run may collide
        self.id, self._confirmed = lock_id, (lock_id, asked)

    def require(self, lock_id, fresh=0.0):
        """The fence before a single call. Raises LockError unless this lock is still ours.

        fresh: seconds for which an earlier confirmation is valid. A holder that was stopped for longer asks again.
        """
        asked = self._clock()
        if self._confirmed[0] == lock_id and asked - self._confirmed[1] < fresh:
            return
        self._require(self._read(), lock_id)
        self._confirmed = (lock_id, asked)

    def _require(self, lease, lock_id):
        notes = ((lease or {}).get("metadata") or {}).get("annotations") or {}
        if not lease or not _held(lease) or notes.get(ID) != lock_id:
            raise LockError(
                "this run no longer holds the lock",
                f"Lease {self._namespace}/{NAME}",
                f"lock id {lock_id}",
                f"{notes.get(HOLDER, 'nobody')}, lock id {notes.get(ID, 'none')}",
                "run status.yml to see who does",
            )

    def release(self, lock_id):
        """Releases the lock; True if it was ours. A lock held by another run is left alone."""
        lease = self._read()
        notes = ((lease or {}).get("metadata") or {}).get("annotations") or {}
        if not lease or not _held(lease) or notes.get(ID) != lock_id:
            return False
        meta = {"resourceVersion": lease["metadata"]["resourceVersion"]}
        if PROGRESS in notes:
            meta["annotations"] = {PROGRESS: None}
        body = {"metadata": meta, "spec": {"holderIdentity": None}}
        try:
            self._cluster.patch(f"{self._base}/{NAME}", body)
        except ApiError as exc:
            if exc.status != 409:
                raise
            return self.release(lock_id)  # changed since it was read: by our own renewal, or by a new holder
        return True

    def unlock(self, lock_id, check_mode=False):
        """Breaks the lock with that ID on the operator's behalf; its holder is fenced off from then on. Raises
        LockError if no lock with that ID is held."""
        notes = ((self._read() or {}).get("metadata") or {}).get("annotations") or {}
        if not (_held(self._read()) and notes.get(ID) == lock_id if check_mode else self.release(lock_id)):
            raise LockError(
                "no lock with this ID is held",
                f"Lease {self._namespace}/{NAME}",
                f"lock id {lock_id}",
                self.holder(),
                "run status.yml to see who holds it now, and use that ID",
            )

    @contextlib.contextmanager
    def renewing(self, lock_id):
        """Renews the lock in a thread during a long operation."""
        stop = threading.Event()

        def work():
            while not stop.wait(min(BEAT, self._duration / 3.0)):
                with contextlib.suppress(Exception):  # the next fence decides; one bad response must not end the thread
                    self.renew(lock_id)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(timeout=10)


def _held(lease):
    return bool(lease and lease.get("spec", {}).get("holderIdentity"))


def _now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
