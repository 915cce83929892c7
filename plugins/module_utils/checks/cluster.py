# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

from ..engine.snapshots import orphans
from ..errors import ApiError
from ..k8s import objects, permissions
from ..k8s.cluster import core, ingress_api
from ..k8s.rollout import selected
from . import admission, catalogue, certificates, clocks, ingress, quotas, rules
from .examination import Examination
from .finding import INFO, STOP, finding, inside_outage, lost_ledger

OUTSIDE = {
    resource: permissions.in_words(group, resource, verbs[0])
    for group, resource, verbs, _purpose in permissions.OPTIONAL
}


def examine(cluster, given, session, state):
    """All findings on the cluster.

    session: None if the ledger or the plan cannot be read. state: the preflight's; finished and cut are used.
    """
    return _Cluster(cluster, given, session, state).examine()


class _Cluster:
    """The checks, and what several of them read."""

    def __init__(self, cluster, given, session, state):
        self._cluster, self._given, self._session, self._state = cluster, given, session, state
        self._release, self._namespace = given["plan"]["release"], given["namespace"]
        self._declared = [m for m in given["plan"]["modules"] if m in self._release["modules"]]
        self._made = Examination(cluster.secrets, one_server=True)
        once, where = self._made.once, (cluster, self._namespace)
        self._deployments = once(lambda: objects.deployments(*where), subject="Deployments")
        self._routes = once(lambda: objects.routes(*where), subject="Ingresses")
        self._elsewhere = once(self._read_elsewhere, subject="Ingresses in other namespaces")
        self._lost, self._absent = [], False

    def examine(self):
        make = self._made.make
        make("identity.namespace", self._is_there, subject=self._namespace)
        if self._absent:
            return self._made.findings
        if self._state["finished"]:
            make("identity.registry", self._registry, subject=self._namespace)
            return self._made.findings
        make("kubernetes.version", self._version, subject="/version")
        make("kubernetes.api", self._api, subject="extensions/v1beta1")
        make("clock.skew", lambda: clocks.compare("the API server", self._cluster.clock), subject="the API server")
        self._permissions()
        if self._session is None:  # what depends on the upgrade's progress cannot be judged
            self._lasting()
            return self._made.findings
        make("ledger.lost", self._orphans, subject="snapshots")
        if self._lost:  # other differences are that run's changes, not findings
            return self._made.findings
        self._installation()
        return self._made.findings

    def _permissions(self):
        where = (self._cluster, self._namespace)
        tables = (
            ("permissions", STOP, permissions.reviews(self._namespace, named=permissions.names(self._release))),
            ("permissions.following", INFO, permissions.reviews(self._namespace, permissions.FOLLOWED)),
            ("permissions.examining", INFO, permissions.reviews(self._namespace, permissions.EXAMINED)),
            ("permissions.diagnostics", INFO, permissions.reviews(self._namespace, permissions.DIAGNOSTICS)),
        )
        for name, severity, reviews in tables:
            found = self._made.make(name, refused, *where, reviews, name, severity, subject=self._namespace)
            if name == "permissions" and found:
                self._made.denied = found[0]

    def _lasting(self):
        """The checks that mean the same before, in and after an upgrade."""
        self._made.make("identity.registry", self._registry, subject=self._namespace)
        for item in self._given["ingress_secrets"]:
            name = f"Secret {self._namespace}/{item.get('secretName')}"
            self._made.make("tls.secret", self._certificate, item, subject=name)

    def _installation(self):
        begun, cut, make = bool(self._session.run.ledger.entries), self._state["cut"], self._made.make
        before = len(self._made.findings)
        self._lasting()
        make("modules.absent", self._modules, subject="monq_modules")
        if cut:  # a killed Replace may have left a module without a Deployment: only running it again restores it
            self._made.findings[before:] = inside_outage(self._made.findings[before:])
        else:
            make("permissions.outside", lambda: self._elsewhere()[1], subject="Ingresses in other namespaces")
            make("routing.conflict", self._routing, subject="Ingresses")
            make("routing.duplicate", self._duplicates, subject="Ingresses")
            make("ingress.snippets", self._snippets, subject="ingress-nginx")
            make("version.routes", self._signature, subject="Ingresses")
            make("health.deleting", self._leaving, subject="Deployments and Ingresses")
            make("admission.refused", self._admission, subject="admission")
        make("quota.exceeded", self._quotas, subject="ResourceQuotas")
        if not begun:
            make("health.unhealthy", lambda: rules.health(self._deployments()), subject="Deployments")

    # ---- the checks

    def _is_there(self):
        """An account limited to the namespace may not read Namespaces; the registry's Deployment then decides (trap
        11)."""
        path = f"/api/v1/namespaces/{self._namespace}"
        seen, unread = optional(self._cluster, path, f"namespace {self._namespace}", OUTSIDE["namespaces"])
        self._absent = not (seen or unread)
        return [finding("identity.namespace", STOP, namespace=self._namespace)] if self._absent else unread

    def _version(self):
        version, unread = optional(self._cluster, "/version", "the API server's version", OUTSIDE["/version"])
        return unread + rules.server_version(version)

    def _api(self):
        found = self._cluster.find("/apis/extensions/v1beta1")
        return rules.server_api({f"extensions/v1beta1/{r['name']}" for r in (found or {}).get("resources", [])})

    def _orphans(self):
        ledger = self._session.run.ledger
        snapshots = orphans(self._cluster, self._namespace, self._release["version"], ledger)
        self._lost = [lost_ledger(self._release, self._namespace, snapshots)] if snapshots else []
        return self._lost

    def _registry(self):
        wanted = self._release["registry_deployment"]
        if any(d["metadata"]["name"] == wanted for d in self._deployments()):
            return []
        return [finding("identity.registry", STOP, namespace=self._namespace, deployment=wanted)]

    def _modules(self):
        return rules.modules(self._release, self._declared, self._deployments(), self._routes())

    def _routing(self):
        elsewhere = self._elsewhere()[0]
        return rules.routing(self._release, self._declared, self._routes(), self._given, elsewhere)

    def _duplicates(self):
        conflict = catalogue.of("routing.conflict")[0]
        reported = [one["parameters"]["ingress"] for one in self._made.findings if one["id"] == conflict]
        return ingress.duplicates(self._routes(), self._elsewhere()[0], reported)

    def _snippets(self):
        """Looks for the Ingress controller only if Monq's routes have snippets."""
        if not ingress.snippets(self._routes()):
            return []
        workloads, found = [], []
        for kind in ("Deployment", "DaemonSet"):
            resource, what = f"{kind.lower()}s", f"{kind}s in other namespaces"
            listed, unread = optional(self._cluster, f"/apis/apps/v1/{resource}", what, OUTSIDE[resource])
            workloads += [(kind, workload) for workload in (listed or {}).get("items") or []]
            found += unread
        return found + ingress.snippet_findings(self._routes(), ingress.controllers(workloads), self._settings)

    def _settings(self, configmap):
        """The data of a ConfigMap, namespace/name; None if it may not be read."""
        namespace, _slash, name = configmap.partition("/")
        path = core(namespace, "configmaps", name)
        kept, unread = optional(self._cluster, path, f"ConfigMap {configmap}", OUTSIDE["configmaps"])
        return None if unread else (kept or {}).get("data") or {}

    def _quotas(self):
        try:
            found = self._cluster.items(core(self._namespace, "resourcequotas"))
        except ApiError as exc:
            if exc.status == 403:  # a finding of the permissions
                return []
            raise
        patterns = [p for module in self._declared for p in self._release["modules"][module]["deployments"]]
        return quotas.findings(self._namespace, found, selected(self._deployments(), patterns))

    def _signature(self):
        return rules.signature(self._release, self._declared, self._routes())

    def _admission(self):
        wanted = self._release["registry_deployment"]  # the only one that the account may always patch
        deployment = next((d for d in self._deployments() if d["metadata"]["name"] == wanted), None)
        route = next(iter(self._routes()), None)
        return admission.examine(self._cluster, self._namespace, deployment, route)

    def _leaving(self):
        return rules.leaving(self._namespace, self._deployments(), self._routes())

    def _read_elsewhere(self):
        """Ingresses in other namespaces, which may use Monq's hosts too. An account that may not read them is not a
        reason to stop."""
        path = ingress_api(self._cluster) + "/ingresses"
        found, unread = optional(self._cluster, path, "Ingresses in other namespaces", OUTSIDE["ingresses"])
        rows = (found or {}).get("items") or []
        return [i for i in rows if i["metadata"]["namespace"] != self._namespace], unread

    def _certificate(self, item):
        name, data = item.get("secretName"), {}
        secret = self._cluster.find(core(self._namespace, "secrets", name)) if name else None
        if not secret or secret.get("type") != "kubernetes.io/tls":
            seen = f"a Secret of type {secret.get('type')}" if secret else "none"
            return [finding("tls.secret", STOP, namespace=self._namespace, secret=str(name), type=seen)]
        for key in ("tls.crt", "tls.key"):
            data[key] = base64.b64decode((secret.get("data") or {}).get(key) or "")
        return certificates.examine(name, item.get("hosts") or [], data["tls.crt"], data["tls.key"])


def optional(cluster, path, what, verb):
    """Returns (object, []), or (None, [information]) if this account may not read it, or (None, []) if it does not
    exist."""
    try:
        return cluster.find(path), []
    except ApiError as exc:
        if exc.status != 403:
            raise
        return None, [finding("permissions.outside", INFO, subject=what, permission=verb)]


def refused(cluster, namespace, reviews, name, severity):
    """Findings of that name for every verb that the API server denies to this account."""
    found = []
    for review, purpose in reviews:
        answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        if not answer.get("status", {}).get("allowed"):
            permission = permissions.described(review)
            found.append(finding(name, severity, permission=permission, namespace=namespace, purpose=purpose))
    return found
