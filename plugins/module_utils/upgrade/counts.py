# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..errors import CommandError
from ..k8s import objects
from ..k8s.cluster import apps
from . import replicas


class CountRestore:
    """Restores the counts of the snapshot `cut`, in each store its own."""

    def __init__(self, session):
        self._session = session
        self.report = {"registry": [], "kubernetes": [], "appeared": [], "vanished": []}

    def execute(self, key):
        """Executes upgrade.<module>.replicas.kubernetes or .registry."""
        work = {"kubernetes": self.kubernetes, "registry": self.registry}
        return self._session.run.execute(key, work[key.rpartition(".")[2]])

    def kubernetes(self):
        """Restores the counts that differ in Kubernetes, zeros first, before their pods start."""
        before = self._session.snapshot("cut-replicas")
        found = self._scale(before)
        names = [deployment["metadata"]["name"] for deployment in found]
        appeared, vanished = replicas.appeared(before, names), replicas.vanished(before, names)
        self.report.update(appeared=appeared, vanished=vanished)
        return {"changed": len(self.report["kubernetes"]), "appeared": appeared, "vanished": vanished}

    def registry(self):
        """Restores the counts that differ in the registry, then checks Kubernetes again: a registry may apply its new
        counts there."""
        before = self._session.snapshot("cut-replicas")
        registry = self._session.registry
        changes = replicas.registry_changes(before, registry.counts(known=before))
        if changes:
            registry.put(changes, lambda change: self._written(change, len(changes)))
            self._require_restored(before, registry)
        again = len(self.report["kubernetes"])
        self._scale(before)
        return {"changed": len(changes), "again": len(self.report["kubernetes"]) - again}

    def _written(self, change, total):
        self.report["registry"].append(_row(*change))
        self._session.progress.say("counts restored in the registry", len(self.report["registry"]), total)

    @staticmethod
    def _require_restored(before, registry):
        """Raises CommandError unless the registry has the counts that monqctl has claimed to write."""
        left = replicas.registry_changes(before, registry.counts(known=before))
        if left:
            raise CommandError(
                "monqctl reported success, but the registry has other counts",
                "replica counts in the registry",
                ", ".join(f"{name}: {wanted}" for name, _seen, wanted in left),
                ", ".join(f"{name}: {seen}" for name, seen, _wanted in left),
                "run the same command again; where the registry keeps refusing, enter these counts by hand first",
            )

    def _scale(self, before):
        """Sets the counts to those in `before`; returns the Deployments as they were read."""
        cluster, namespace = self._session.cluster, self._session.namespace
        found = objects.deployments(cluster, namespace)
        changes = replicas.kubernetes_changes(before, found, objects.hpas(cluster, namespace))
        changes = sorted(changes, key=lambda change: (change[2] != 0, change[0]))
        for number, (name, seen, wanted) in enumerate(changes):
            self._session.progress.say("counts restored in Kubernetes", number, len(changes))
            cluster.patch(apps(namespace, "deployments", name) + "/scale", {"spec": {"replicas": wanted}})
            self.report["kubernetes"].append(_row(name, seen, wanted))
        return found


def _row(name, seen, wanted):
    return {"name": name, "seen": seen, "wanted": wanted}
