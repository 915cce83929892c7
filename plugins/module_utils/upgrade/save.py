# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..k8s import objects
from ..monqctl.registry import TEMPLATE
from .replicas import table
from .template import check

STAGES = {"original": "prepare", "cut": "upgrade"}


class Saving:
    """Saves a snapshot of the installation in two halves; data that both need is read once."""

    def __init__(self, session, name):
        """name: original or cut."""
        self._session, self._name = session, name
        self._read = {}

    def manifests(self):
        """Saves manifests, template and registry entries; returns the digest, or None in check mode."""
        key = f"{STAGES[self._name]}.snapshot.{self._name}"
        return self._session.run.execute(key, lambda: self._session.store.save(self._name, self._manifests()))

    def counts(self):
        """Saves the replica counts of both stores; returns the digest, or None in check mode."""
        key, name = f"{STAGES[self._name]}.replicas.{self._name}", f"{self._name}-replicas"
        return self._session.run.execute(key, lambda: self._session.store.save(name, self._counts()))

    def seen(self):
        """The Deployments and the Ingresses that were saved; None where the step was done before."""
        return self._read.get("deployments"), self._read.get("ingresses")

    def _once(self, what, read):
        if what not in self._read:
            self._read[what] = read(self._session.cluster, self._session.namespace)
        return self._read[what]

    def _registry(self):
        """Returns {name: count}, or None if counts are entered by hand, and {name: whole entry}."""
        if "registry" not in self._read:
            registry = self._session.registry
            self._read["registry"] = registry.table() if registry else (None, {})
        return self._read["registry"]

    def _manifests(self):
        """Everything that rollback and drift report need."""
        template = self._session.monqctl.read_json(*TEMPLATE)
        check(template)
        return {
            "deployments": self._once("deployments", objects.deployments),
            "ingresses": self._once("ingresses", objects.routes),
            "hpas": self._once("hpas", objects.hpas),
            "template": template,
            "microservices": self._registry()[1],
        }

    def _counts(self):
        deployments, hpas = self._once("deployments", objects.deployments), self._once("hpas", objects.hpas)
        return table(deployments, hpas, self._registry()[0])
