# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from ..engine.ledger import SNAPSHOTS_REMOVED
from ..engine.steps import ordered
from ..errors import CommandError, MonqError
from ..k8s import objects, rollout, routes
from ..monqctl.registry import TEMPLATE
from ..upgrade import repair, replicas, template
from ..upgrade.drift import drift
from . import api_versions, rules
from .finding import INFO, STOP, WARNING, finding, of_error

GONE = "find out who created it; kubectl -n {} delete ingress {}, then run verify.yml again"


class Verification:
    """Compares cluster and registry with what the release promises."""

    def __init__(self, session):
        self._session, self._given = session, session.params
        self._cluster, self._run = session.cluster, session.run
        self._release, self._modules = session.release, session.modules
        self.report = {"findings": [], "versions": {}, "replicas": {}, "drift": {}}
        self.seen = {}  # what was read, for the report: before, deployments, hpas, routes, registry

    def require(self):
        """Examines the installation and returns what the ledger records. Raises MonqError if a finding stops."""
        self.examine()
        stops = [f for f in self.report["findings"] if f["severity"] == STOP]
        if stops:
            raise MonqError(
                "the installation does not match the release",
                f"namespace {self._given['namespace']}",
                "; ".join(f"{f['object']}: {f['expected']}" for f in stops),
                "; ".join(f"{f['object']}: {f['seen']}" for f in stops),
                "fix the deviations, then run verify.yml again",
                findings=stops,
            )
        return {
            "versions": self.report["versions"],
            "replicas": self.report["replicas"],
            "warnings": len(self.report["findings"]),
        }

    def examine(self):
        namespace = self._session.namespace
        before = self._before()
        deployments = objects.deployments(self._cluster, namespace)
        say = self._session.progress.say
        self.seen["before"] = {"replicas": before["cut-replicas"], "routes": before["cut"]["ingresses"]}
        self._rollouts(deployments, before["cut-replicas"])
        self._versions(deployments)
        say("comparing the replica counts")
        self._counts(deployments, before["cut-replicas"])
        self._routes(before["cut"]["ingresses"])
        say("comparing the K8s template")
        self._template()
        say("reading the registry's status")
        self._status()
        if self._given.get("api_versions"):
            say("asking the services for their versions")
            self._api_versions(before["cut"]["ingresses"])
        self.report["drift"] = drift(before["cut"]["deployments"], deployments)

    def _before(self):
        """Both halves of the snapshot right before the outage; empty where cleanup.yml has removed it."""
        removed = self._run.ledger.annotations.get(SNAPSHOTS_REMOVED)
        if removed and self._run.ledger.closed:
            seen = f"removed by cleanup.yml {removed}"
            self._add("snapshot", INFO, "snapshot cut", "to compare counts, routes and drift with", seen)
            return {"cut": {"deployments": [], "ingresses": []}, "cut-replicas": {}}
        return {name: self._snapshot(name) for name in ("cut", "cut-replicas")}

    def _snapshot(self, name):
        key = f"upgrade.{'replicas' if name.endswith('-replicas') else 'snapshot'}.cut"
        entry = self._run.ledger.get(key) or {}
        if not entry.get("result"):
            seen = entry.get("state", "not started")
            raise MonqError(
                "there is nothing to verify against", f"ledger, step {key}", "done", seen, "run upgrade.yml first"
            )
        return self._session.snapshot(name)

    def _add(self, check, severity, obj, expected, seen, next_step=""):
        self.report["findings"].append(finding(check, severity, obj, expected, seen, next_step))

    def _rollouts(self, deployments, before):
        patterns = [pattern for module in self._modules for pattern in self._release["modules"][module]["deployments"]]
        for deployment in rollout.selected(deployments, patterns):
            name, reason = deployment["metadata"]["name"], rollout.pending(deployment)
            exempt = rollout.exempt(name, before)
            if reason:
                self._add(
                    "rollout",
                    WARNING if exempt else STOP,
                    f"Deployment {name}",
                    "rolled out",
                    reason + (f" ({exempt})" if exempt else ""),
                    f"kubectl -n {self._given['namespace']} describe deployment {name}",
                )

    def _repair(self, words, key):
        again = repair.step(self._run, key)
        return f"{words}; {again}" if again else words

    def _versions(self, deployments):
        pattern = re.compile(self._given["version_pattern"])
        for module in ordered(self._release, "modules", self._modules):
            data, seen = self._release["modules"][module], {}
            for deployment in rollout.selected(deployments, data["deployments"]):
                if deployment["metadata"]["name"] == self._release["registry_deployment"]:
                    continue  # the registry has a version of its own
                tag = deployment["spec"]["template"]["spec"]["containers"][0].get("image", "").rpartition(":")[2]
                found = pattern.match(tag)
                if found:
                    seen.setdefault(found.group("version"), []).append(deployment["metadata"]["name"])
            self.report["versions"][module] = " ".join(sorted(seen))
            if not seen:
                self._add(
                    "version.unknown",
                    WARNING,
                    f"module {module}",
                    data["version"],
                    "no image tag shows a version",
                    "correct monq_module_version_pattern, or check the version yourself",
                )
            elif set(seen) != {data["version"]}:
                others = {version: names for version, names in seen.items() if version != data["version"]}
                self._add(
                    "version.images",
                    STOP,
                    f"module {module}",
                    data["version"],
                    "; ".join(f"{v}: {', '.join(sorted(n))}" for v, n in sorted(others.items())),
                    self._repair(
                        f"check what monqctl release update microservices --module={module} printed",
                        f"upgrade.{module}.microservices.replace",
                    ),
                )

    def _counts(self, deployments, before):
        hpas = objects.hpas(self._cluster, self._session.namespace)
        self.seen.update(deployments=deployments, hpas=hpas)
        differing = [("Kubernetes", row) for row in replicas.kubernetes_changes(before, deployments, hpas)]
        registry = self._session.registry
        if registry:
            counts = self.seen["registry"] = registry.counts(known=before)
            differing += [("the registry", row) for row in replicas.registry_changes(before, counts)]
        for store, (name, seen, wanted) in differing:
            module = repair.module_of(self._release, self._modules, name)
            key = f"upgrade.{module}.replicas.{'kubernetes' if store == 'Kubernetes' else 'registry'}"
            closed = self._run.is_done("verify.installation.check")  # it may have been scaled since
            self._add(
                "replicas.differ",
                WARNING if closed else STOP,
                f"{name} in {store}",
                wanted,
                seen,
                "no action needed if it was scaled on purpose"
                if closed
                else self._repair("find out who changed it", key),
            )
        names = [d["metadata"]["name"] for d in deployments]
        self.report["replicas"] = {
            "appeared": replicas.appeared(before, names) if before else [],
            "vanished": replicas.vanished(before, names),
            "hpa": sorted(name for name in replicas.hpa_targets(hpas) if name in before),
            "by_hand": {}
            if registry
            else {n: row["kubernetes"] for n, row in before.items() if row["kubernetes"] is not None},
        }

    def _routes(self, old):
        now = self.seen["routes"] = objects.routes(self._cluster, self._session.namespace)
        doomed = routes.to_cut(
            old, self._release, self._modules, self._given["alias_domains"], self._given["alias_ingresses"]
        )
        uids = {i["metadata"]["uid"] for i in now}
        for route in doomed:
            if route["uid"] in uids:
                then = GONE.format(self._session.namespace, route["name"])
                self._add("routes.old", STOP, f"Ingress {route['name']}", "gone", "the old route still exists", then)
        domains = [self._given["domain"], *self._given["alias_domains"]]
        served = routes.served(now, {i["metadata"]["uid"] for i in old}, domains)
        for domain in domains:
            if domain not in served:
                self._add(
                    "routes.unserved",
                    STOP,
                    domain,
                    "served by the new routes",
                    "no Ingress",
                    "compare the template in the registry with monq_alias_domains",
                )

    def _api_versions(self, old):
        given, uids = self._given, {i["metadata"]["uid"] for i in old}
        new = [i for i in self.seen["routes"] if i["metadata"]["uid"] not in uids]
        domains = [given["domain"], *given["alias_domains"]]
        targets = api_versions.asked(new, self._release, self._modules, domains, given["api_version_path"])
        self.report["findings"] += api_versions.examine(targets, self._release, given["version_pattern"])

    def _template(self):
        answer = self._session.monqctl.read_json(*TEMPLATE)
        if template.transform(answer, self._given["alias_domains"], self._given["ingress_secrets"]) != answer:
            self.report["findings"].append(rules.template_of_prepare())

    def _status(self):
        try:
            self._session.monqctl.healthy_status(self._release["ignored_status"])
        except CommandError as exc:
            self.report["findings"].append(of_error("status", exc))
