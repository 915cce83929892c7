# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

from ..errors import MonqError
from ..redaction.text import redact
from . import diagnostics, rollout, routes
from .cluster import ingresses
from .objects import deployments, pods, replica_sets
from .objects import routes as read_routes

POLL = 0.5
EXPLAINED = 3  # Deployments that a failure shows the evidence of: one cause is often that of all
GRACE = 3.0  # a reason must last this long: a pull that is tried once more is not a failure yet


class Rollouts:
    """Watches Deployments. The clock and sleep are injected."""

    def __init__(self, cluster, namespace, timeout, clock=time.monotonic, sleep=time.sleep):
        self._cluster, self._namespace, self._timeout = cluster, namespace, timeout
        self._clock, self._sleep = clock, sleep

    def wait(self, patterns, sealed):
        """{ready, exempt} when all that gate are rolled out; MonqError with the reason otherwise."""
        started, since = self._clock(), {}
        while True:
            found = rollout.selected(deployments(self._cluster, self._namespace), patterns)
            exempt = {d["metadata"]["name"]: why for d in found for why in [rollout.exempt(d["metadata"]["name"], sealed)] if why}
            late = {d["metadata"]["name"]: why for d in found if d["metadata"]["name"] not in exempt for why in [rollout.pending(d)] if why}
            if found and not late:
                return {"ready": len(found) - len(exempt), "exempt": exempt}
            if not found and self._clock() - started > GRACE:
                raise MonqError(
                    "there is nothing to roll out",
                    f"Deployments {', '.join(patterns)} in {self._namespace}",
                    "at least one",
                    "none",
                    "check monq_namespace and what Replace printed",
                )
            self._stop_if_stuck([d for d in found if d["metadata"]["name"] in late], since)
            if late and self._clock() - started > self._timeout:
                self._fail(late, f"no end after {self._timeout} s")
            self._sleep(POLL)

    def _stop_if_stuck(self, late, since):
        sets, all_pods = (replica_sets(self._cluster, self._namespace), pods(self._cluster, self._namespace)) if late else ([], [])
        reasons = {d["metadata"]["name"]: rollout.stuck(d, rollout.pods_of(d, sets, all_pods)) for d in late}
        now = self._clock()
        for name in list(since):
            if not reasons.get(name):
                del since[name]
        for name, reason in reasons.items():
            if reason:
                since.setdefault(name, now)
        lasting = {name: reasons[name] for name, first in since.items() if now - first >= GRACE}
        if lasting:
            self._fail(lasting, "a pod cannot start")

    def _fail(self, reasons, what):
        reasons = {name: redact(why, self._cluster.secrets) for name, why in reasons.items()}  # words of controllers
        error = MonqError(
            f"the rollout has not ended: {what}",
            ", ".join(f"Deployment {self._namespace}/{name}" for name in sorted(reasons)),
            "observed, updated, available, no old pods",
            "; ".join(f"{name}: {why}" for name, why in sorted(reasons.items())),
            f"kubectl -n {self._namespace} describe deployment {sorted(reasons)[0]}; fix it, then run the same command again",
            deployments=reasons,
        )
        error.evidence = [line for name in sorted(reasons)[:EXPLAINED] for line in diagnostics.of_deployment(self._cluster, self._namespace, name)]
        raise error


def require_sealed(sealed, live, namespace):
    """MonqError where an old route stands that was not sealed: it was made since, and users would still be led in during the SQL."""
    known = {(route["name"], route["uid"]) for route in sealed}
    strange = sorted(route["name"] for route in live if (route["name"], route["uid"]) not in known)
    if strange:
        raise MonqError(
            "an old route was made after the installation was sealed for the outage",
            ", ".join(f"Ingress {namespace}/{name}" for name in strange),
            "the routes of the snapshot cut, and no other",
            "another uid than the sealed one, or a route that is not in it",
            f"find out who made it; kubectl -n {namespace} delete ingress {' '.join(strange)}, then run the same command again",
        )


class Routes:
    """Removes old Ingresses and watches for new ones."""

    def __init__(self, cluster, namespace, timeout, clock=time.monotonic, sleep=time.sleep):
        self._cluster, self._namespace, self._timeout = cluster, namespace, timeout
        self._clock, self._sleep = clock, sleep

    def cut(self, doomed, pause):
        """Deletes by UID; returns the names once all are gone and the pause is over."""
        started = self._clock()
        for route in doomed:
            self._delete(route)
        while True:
            left = {i["metadata"]["uid"] for i in read_routes(self._cluster, self._namespace)} & {route["uid"] for route in doomed}
            waited = self._clock() - started
            if not left and waited >= pause:
                return [route["name"] for route in doomed]
            if left and waited > self._timeout:
                names = sorted(route["name"] for route in doomed if route["uid"] in left)
                raise MonqError(
                    "old routes do not go away",
                    ", ".join(f"Ingress {self._namespace}/{name}" for name in names),
                    "gone",
                    f"still there after {self._timeout} s",
                    "look at their finalizers, then run the same command again",
                )
            self._sleep(min(POLL, max(0.05, pause - waited)))

    def _delete(self, route):
        path = ingresses(self._cluster, self._namespace, route["name"])
        found = self._cluster.find(path)
        if not found:
            return
        if found["metadata"]["uid"] != route["uid"]:
            # A new route may bear an old name; it is not ours to delete.
            return
        self._cluster.delete(path, uid=route["uid"])

    def stand(self, old_uids, domains):
        """The domains that new routes serve, once they serve all."""
        started = self._clock()
        while True:
            served = routes.served(read_routes(self._cluster, self._namespace), old_uids, domains)
            if len(served) == len(domains):
                return served
            if self._clock() - started > self._timeout:
                missing = [domain for domain in domains if domain not in served]
                raise MonqError(
                    "new routes are missing",
                    ", ".join(missing),
                    "an Ingress made by the new routing",
                    f"none after {self._timeout} s",
                    f"kubectl -n {self._namespace} get ingress; compare with the template in the registry, then run the same command again",
                )
            self._sleep(POLL)
