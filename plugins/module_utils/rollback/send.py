# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from functools import partial

from ..errors import ApiError, ApiUnreachable, LockError, MonqError
from ..k8s.watch import POLL
from . import differences

TRIES = 5


class Sending:
    """Sends changes of one kind of object; a failure of one does not hold back the others."""

    def __init__(self, cluster, namespace, path, kind, api_version, timeout, clock=time.monotonic, sleep=time.sleep):
        self._cluster, self._namespace, self._path, self._kind, self._version = (
            cluster,
            namespace,
            path,
            kind,
            api_version,
        )
        self._timeout, self._clock, self._sleep = timeout, clock, sleep

    def all(self, pending, done=None, more=None):
        """Sends every change of pending(), and calls done(change) after each; more(): further [(name, call)]. Raises
        one MonqError at the end that names all failures."""
        until = self._clock() + self._timeout  # for all of them: each may wait for a deletion

        def send(change):
            self.send(change, until)
            if done:
                done(change)

        for left in reversed(range(TRIES)):
            changes = sorted(pending(), key=lambda change: differences.leaving(change.present))
            failed = _each([(change.name, partial(send, change)) for change in changes] + (more() if more else []))
            # 409: a controller updated the object's status since it was read: find out again what is left.
            if not left or not any(isinstance(exc, ApiError) and exc.status == 409 for exc in failed.values()):
                break
            self._sleep(POLL)
        if failed:
            raise MonqError(
                f"not everything could be restored: {len(failed)} failed",
                ", ".join(f"{self._kind} {self._namespace}/{name}" for name in sorted(failed)),
                "as in the snapshot original",
                "; ".join(f"{name}: {exc.seen or exc.what}" for name, exc in sorted(failed.items())),
                "; ".join(dict.fromkeys(exc.next_step for _name, exc in sorted(failed.items()) if exc.next_step)),
            )

    def send(self, change, until=None):
        made = differences.body(change, self._kind, self._version, self._namespace) if change.content else None
        if change.action == "update":
            return self._cluster.replace(f"{self._path}/{change.name}", made)
        if change.action in ("delete", "recreate"):
            self._cluster.delete(f"{self._path}/{change.name}", uid=change.present["metadata"]["uid"])
        if change.action in ("create", "recreate"):
            return self._create(change, made, self._clock() + self._timeout if until is None else until)
        return None

    def _create(self, change, made, until):
        """Creates an object, waiting for an old one of that name that is still being deleted."""
        while True:
            try:
                return self._cluster.create(self._path, made)
            except ApiError as exc:
                if exc.status != 409:
                    raise
                there = self._cluster.find(f"{self._path}/{change.name}")
                if there and not differences.leaving(there):
                    raise
                if there and self._clock() > until:
                    raise self._stuck(there) from exc
                if self._clock() > until:
                    raise
            self._sleep(POLL)

    def _stuck(self, there):
        name, meta = there["metadata"]["name"], there["metadata"]
        where = f"{self._kind.lower()} {name}"
        return MonqError(
            "the old object is stuck in deletion, so it cannot be recreated",
            f"{self._kind} {self._namespace}/{name}",
            "gone",
            f"being deleted since {meta['deletionTimestamp']}, held by its finalizers: "
            f"{', '.join(meta.get('finalizers') or []) or 'none'}",
            "make sure that the finalizers' controllers work, or remove the finalizers: "
            f"kubectl -n {self._namespace} patch {where} --type=merge "
            '-p \'{"metadata": {"finalizers": null}}\'; then run the same command again',
        )


def _each(jobs):
    """Runs all jobs and returns {name: error} of those that failed. A lost lock or an unreachable API ends it at
    once."""
    failed = {}
    for name, call in jobs:
        try:
            call()
        except (LockError, ApiUnreachable):
            raise
        except MonqError as exc:
            failed[name] = exc
    return failed
