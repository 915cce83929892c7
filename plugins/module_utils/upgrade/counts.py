# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..k8s import objects
from ..k8s.cluster import apps
from . import replicas


class Restore:
    """Puts the sealed counts back, registry first (the order of the calls is the module's)."""

    def __init__(self, ledger, store, cluster, namespace, registry):
        self._ledger, self._store, self._cluster, self._namespace, self._registry = ledger, store, cluster, namespace, registry
        self.report = {"registry": [], "kubernetes": []}

    def _sealed(self):
        return self._store.open("cut-replicas", self._ledger.get("upgrade.replicas.cut")["result"])

    def registry(self):
        sealed = self._sealed()
        changes = replicas.registry_changes(sealed, self._registry.counts(known=sealed))
        for name, seen, wanted in changes:
            self._registry.put(name, wanted)
            self.report["registry"].append({"name": name, "seen": seen, "wanted": wanted})
        return {"changed": len(changes)}

    def kubernetes(self):
        sealed, found = self._sealed(), objects.deployments(self._cluster, self._namespace)
        for name, seen, wanted in replicas.kubernetes_changes(sealed, found, objects.hpas(self._cluster, self._namespace)):
            self._cluster.patch(apps(self._namespace, "deployments", name) + "/scale", {"spec": {"replicas": wanted}})
            self.report["kubernetes"].append({"name": name, "seen": seen, "wanted": wanted})
        names = [d["metadata"]["name"] for d in found]
        self.report.update(appeared=replicas.appeared(sealed, names), vanished=replicas.vanished(sealed, names))
        return {"changed": len(self.report["kubernetes"]), "appeared": self.report["appeared"], "vanished": self.report["vanished"]}
