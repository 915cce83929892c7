# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
import threading
import time

from ..errors import MonqError
from ..redaction.text import redact
from . import diagnostics, rollout, routes
from .cluster import apps, core, ingresses
from .mirror import Mirror
from .objects import replica_sets
from .objects import routes as read_routes

POLL = 0.5
SETTLE = 0.05  # seconds in which changes are collected into one
EXPLAINED = 3  # Deployments that a failure explains in detail: they often share one cause
LATE = 10.0  # seconds after which a line names what is waited for
GRACE = 3.0  # seconds a reason must last: an image pull that is retried is not a failure yet


def silent(text, done=None, total=None, late=None):
    """Says nothing."""


class Watched:
    """Deployments and pods of a namespace, each kept current by a watch. Pods are watched only once they are asked
    for."""

    def __init__(self, cluster, namespace):
        self._cluster, self._namespace = cluster, namespace
        self._changed = threading.Event()
        self._mirrors = {}

    def deployments(self):
        return self._mirror(apps(self._namespace, "deployments")).objects()

    def pods(self):
        return self._mirror(core(self._namespace, "pods")).objects()

    def replica_sets(self):
        return replica_sets(self._cluster, self._namespace)

    def _mirror(self, path):
        if path not in self._mirrors:
            self._mirrors[path] = Mirror(self._cluster, path, self._changed).start()
        return self._mirrors[path]

    def wait(self, seconds):
        """Waits until something changes, at most so many seconds."""
        if self._changed.wait(seconds):
            time.sleep(SETTLE)
            self._changed.clear()

    def close(self):
        for mirror in self._mirrors.values():
            mirror.stop()


class RolloutWatcher:
    """Watches Deployments until they are rolled out. Clock and source are injected."""

    def __init__(self, cluster, namespace, timeout, clock=time.monotonic, source=Watched, say=silent):
        """say: told how many are ready, and which are late and why."""
        self._cluster, self._namespace, self._timeout = cluster, namespace, timeout
        self._clock, self._source, self._say = clock, source, say
        self._suspects = []

    def wait(self, patterns, before):
        """Waits until all non-exempt Deployments are rolled out; returns {ready, exempt}. before: rows of the
        snapshot's counts.

        Raises MonqError with the reason if a pod cannot start, or after the timeout.
        """
        return self.wait_for_groups({"": patterns}, before)[""]

    def wait_for_groups(self, groups, before):
        """Does the same for several lists of patterns at once: {group: {ready, exempt}}."""
        source = self._source(self._cluster, self._namespace)
        try:
            return self._wait(source, groups, before)
        finally:
            source.close()

    def _wait(self, source, groups, before):
        started, since = self._clock(), {}
        while True:
            deployments = source.deployments()
            found = {group: rollout.selected(deployments, patterns) for group, patterns in groups.items()}
            exempt = {d["metadata"]["name"]: rollout.exempt(d["metadata"]["name"], before) for d in deployments}
            late = {
                d["metadata"]["name"]: (d, rollout.pending(d))
                for row in found.values()
                for d in row
                if not exempt[d["metadata"]["name"]] and rollout.pending(d)
            }
            if all(found.values()) and not late:
                return {group: _report(row, exempt) for group, row in found.items()}
            waited = self._clock() - started
            if not all(found.values()) and waited > GRACE:
                self._nothing([pattern for group, row in found.items() if not row for pattern in groups[group]])
            reasons = self._reasons(source, [deployment for deployment, _why in late.values()])
            names = {d["metadata"]["name"] for row in found.values() for d in row}
            total = sum(not exempt[name] for name in names)
            self._tell(total, {name: why for name, (_d, why) in late.items()}, reasons, since, waited)
            self._stop_if_stuck(reasons, since)
            if late and waited > self._timeout:
                self._fail({name: why for name, (_d, why) in late.items()}, f"timed out after {self._timeout} s")
            source.wait(self._patience(since, waited))

    def _patience(self, since, waited):
        """Seconds until the next deadline."""
        ends = [first + GRACE - self._clock() for first in since.values()] + [
            self._timeout - waited,
            GRACE - waited,
            LATE - waited,
        ]
        return max(0.05, min([left for left in ends if left > 0] or [POLL]))

    def _nothing(self, patterns):
        raise MonqError(
            "there is nothing to roll out",
            f"Deployments {', '.join(patterns)} in {self._namespace}",
            "at least one",
            "none",
            "check monq_namespace and the output of Replace",
        )

    def _tell(self, total, late, reasons, since, waited):
        """Says who is late and why: at once what cannot start, the others after a while."""
        named = {}
        for name in sorted(reasons):
            seconds = int(self._clock() - since.get(name, self._clock()))
            why = redact(reasons[name], self._cluster.secrets)
            named[name] = f"{why} for {seconds} s" if seconds else why
        if waited >= LATE:
            named.update((name, why) for name, why in sorted(late.items()) if name not in named)
        self._say("ready", total - len(late), total, named)

    def _stop_if_stuck(self, reasons, since):
        now = self._clock()
        for name in list(since):
            if not reasons.get(name):
                del since[name]
        for name in reasons:
            since.setdefault(name, now)
        lasting = {name: reasons[name] for name, first in since.items() if now - first >= GRACE}
        if lasting:
            self._fail(lasting, "a pod cannot start")

    def _reasons(self, source, late):
        """{name: why it will not roll out by itself}. ReplicaSets are read only if a pod looks stuck."""
        found = {d["metadata"]["name"]: rollout.stuck(d, []) for d in late}
        pods = [pod for pod in source.pods() if rollout.stuck_pod(pod)] if late else []
        if pods:
            sets = source.replica_sets()
            for deployment in late:
                name = deployment["metadata"]["name"]
                found[name] = found[name] or rollout.stuck(deployment, rollout.pods_of(deployment, sets, pods))
        return {name: why for name, why in found.items() if why}

    def _fail(self, reasons, what):
        reasons = {name: redact(why, self._cluster.secrets) for name, why in reasons.items()}  # controllers' texts
        names = sorted(reasons)
        error = MonqError(
            f"the rollout has not finished: {what}",
            ", ".join(f"Deployment {self._namespace}/{name}" for name in names),
            "observed, updated, available, no old pods",
            "; ".join(f"{name}: {reasons[name]}" for name in names),
            f"kubectl -n {self._namespace} describe deployment {names[0]}; fix the cause, then run the same command "
            "again",
            deployments=reasons,
        )
        for name in names[:EXPLAINED]:
            error.evidence += diagnostics.of_deployment(self._cluster, self._namespace, name)
        raise error


def _report(deployments, exempt):
    names = [deployment["metadata"]["name"] for deployment in deployments]
    left_out = {name: exempt[name] for name in names if exempt[name]}
    return {"ready": len(names) - len(left_out), "exempt": left_out}


def require_saved(saved, live, namespace):
    """Raises MonqError if there is an old route that was not saved: it was created later, and would let users in while
    SQL runs."""
    known = {(route["name"], route["uid"]) for route in saved}
    strange = sorted(route["name"] for route in live if (route["name"], route["uid"]) not in known)
    if strange:
        raise MonqError(
            "an old route was created after the pre-outage snapshot",
            ", ".join(f"Ingress {namespace}/{name}" for name in strange),
            "only the old routes in the snapshot cut",
            "not in the snapshot, or with a different UID",
            f"find out who created it; kubectl -n {namespace} delete ingress {' '.join(strange)}, then run the same "
            "command again",
        )


class RouteWatcher:
    """Removes old Ingresses and waits for new ones. Clock and sleep are injected."""

    def __init__(self, cluster, namespace, timeout, clock=time.monotonic, sleep=time.sleep, say=silent):
        self._cluster, self._namespace, self._timeout = cluster, namespace, timeout
        self._clock, self._sleep, self._say = clock, sleep, say

    def remove(self, doomed, pause):
        """Deletes routes by UID; returns their names once all are gone and the pause is over. Raises MonqError after
        the timeout."""
        started = self._clock()
        for route in doomed:
            self._delete(route)
        while True:
            live = {ingress["metadata"]["uid"] for ingress in read_routes(self._cluster, self._namespace)}
            left = live & {route["uid"] for route in doomed}
            waited = self._clock() - started
            if not left and waited >= pause:
                return [route["name"] for route in doomed]
            if left and waited > self._timeout:
                names = sorted(route["name"] for route in doomed if route["uid"] in left)
                raise MonqError(
                    "old routes could not be removed",
                    ", ".join(f"Ingress {self._namespace}/{name}" for name in names),
                    "gone",
                    f"still present after {self._timeout} s",
                    "check their finalizers, then run the same command again",
                )
            if left:
                names = [route["name"] for route in doomed if route["uid"] in left] if waited >= LATE else []
                late = dict.fromkeys(sorted(names), "still present")
                self._say("old routes removed", len(doomed) - len(left), len(doomed), late)
            else:
                self._say(f"old routes removed, pause for the ingress controller: {math.ceil(pause - waited)} s left")
            self._sleep(min(POLL, max(0.05, pause - waited)))

    def _delete(self, route):
        path = ingresses(self._cluster, self._namespace, route["name"])
        found = self._cluster.find(path)
        # A new route may have an old name; it must not be deleted.
        if found and found["metadata"]["uid"] == route["uid"]:
            self._cluster.delete(path, uid=route["uid"])

    def wait(self, old_uids, domains):
        """Waits until new routes serve all domains; returns the domains. Raises MonqError after the timeout."""
        started = self._clock()
        while True:
            served = routes.served(read_routes(self._cluster, self._namespace), old_uids, domains)
            if len(served) == len(domains):
                return served
            if self._clock() - started > self._timeout:
                raise MonqError(
                    "new routes are missing",
                    ", ".join(domain for domain in domains if domain not in served),
                    "an Ingress created by the new routing",
                    f"none after {self._timeout} s",
                    f"kubectl -n {self._namespace} get ingress; compare with the template in the registry, then run "
                    "the same command again",
                )
            late = [domain for domain in domains if domain not in served] if self._clock() - started >= LATE else []
            self._say("domains have a new route", len(served), len(domains), dict.fromkeys(late, "no new route"))
            self._sleep(POLL)
