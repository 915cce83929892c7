# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import time

from . import installation, replicas, rollback_differences, rollback_steps, rollout
from .errors import ApiError, MonqError
from .kubernetes_client import apps, core, ingress_api, ingresses
from .registry_secret import RegistrySecret
from .rollback_archive import Archive, new_id
from .routes import to_cut
from .sealed import SealedStore
from .waiting import POLL, Rollouts

TRIES = 5
TEMPLATE_APPLY = ["registry", "apply", "service", "K8s", "--file", "{file}"]


class Rollback:
    """Reads what stands and what `original` holds, and puts back the difference. Where there is none, no call is made."""

    def __init__(self, cluster, run, given, monqctl, clock=time.monotonic, sleep=time.sleep):
        self.cluster, self.run, self.monqctl = cluster, run, monqctl
        self.namespace, self._timeout = given["namespace"], given.get("timeout") or 900
        self.release, self.modules = given["plan"]["release"], given["plan"]["modules"]
        self._domains, self._alias = [given["domain"], *given["alias_domains"]], (given["alias_domains"], given["alias_ingresses"])
        self._manual = given["plan"]["registry_replicas"] == "manual"
        self._registry = installation.RegistryReplicas(monqctl, given["replica_commands"])
        self._store = SealedStore(cluster, self.namespace, self.release["version"])
        self._clock, self._sleep = clock, sleep
        self._opened = {}

    # ---- what is known

    def sealed(self, name):
        """A snapshot of the upgrade, opened once and proved by the sha256 in the ledger; `cut` is nothing where the upgrade did not come so far."""
        if name not in self._opened:
            stage = "prepare" if name.startswith("original") else "upgrade"
            key = f"{stage}.{'replicas' if name.endswith('-replicas') else 'snapshot'}.{name.partition('-')[0]}"
            seal = (self.run.upgrade.get(key) or {}).get("result")
            empty = {} if name.endswith("-replicas") else {"deployments": [], "ingresses": []}
            self._opened[name] = self._store.open(name, seal) if seal or stage == "prepare" else empty
        return self._opened[name]

    @property
    def _registry_deployment(self):
        return self.release["registry_deployment"]

    @property
    def _patterns(self):
        return rollback_differences.patterns_of(self.release, self.modules)

    def _now(self):
        return installation.deployments(self.cluster, self.namespace)

    def _routes_now(self):
        return installation.routes(self.cluster, self.namespace)

    def _select(self, found):
        return to_cut(found, self.release, self.modules, *self._alias)

    # ---- the differences that are left

    def deployment_changes(self):
        now = self._now()
        changes = rollback_differences.deployments(
            self.sealed("original")["deployments"], now, installation.hpas(self.cluster, self.namespace), self._registry_deployment
        )
        if rollback_steps.replaced(self.run.upgrade_plan, self.run.upgrade.entries):
            changes += rollback_differences.brought(
                self.sealed("original")["deployments"], self.sealed("cut")["deployments"], now, self._patterns, self._registry_deployment
            )
        return changes

    def to_start_again(self):
        """[(name, count)] of what was stopped for the databases and is in no snapshot of before: somebody made it after prepare."""
        seal = (self.run.ledger.get("rollback.diagnostics.save") or {}).get("result")
        stopped = self.run.ledger.get("rollback.deployments.stop")
        before = self._store.open("rollback", seal)["deployments"] if seal and stopped else []
        if isinstance(before, str):  # they could not be read
            return []
        known = {d["metadata"]["name"] for d in self.sealed("original")["deployments"]} | {change.name for change in self.deployment_changes()}
        now = {d["metadata"]["name"]: replicas.desired(d) for d in self._now()}
        ran = {d["metadata"]["name"]: replicas.desired(d) for d in rollback_differences.running(before, self._patterns, self._registry_deployment)}
        return [(name, count) for name, count in sorted(ran.items()) if name not in known and now.get(name) == 0]

    def new_routes(self):
        if not rollback_steps.begun(self.run.upgrade.entries, "upgrade.routing.apply"):
            return []
        known = self.sealed("original")["ingresses"] + self.sealed("cut")["ingresses"]
        return rollback_differences.new_routes(self._routes_now(), known, self._domains)

    def old_routes(self):
        if rollback_steps.CUT not in self.run.upgrade.entries:
            return []
        removed = ((self.run.upgrade.get(rollback_steps.CUT) or {}).get("result") or {}).get("removed") or []
        original, cut = self.sealed("original")["ingresses"], self.sealed("cut")["ingresses"]
        return rollback_differences.old_routes(original, cut, self._routes_now(), self._select, removed)

    def template_differs(self):
        return self.monqctl.read_json(*installation.TEMPLATE) != self.sealed("original")["template"]

    def registry_counts(self):
        sealed = self.sealed("original-replicas")
        return replicas.registry_changes(sealed, self._registry.counts(known=sealed))

    def registry_entries(self):
        """Only a Replace writes entries; what an operator changed in the registry otherwise is his."""
        saved = self.sealed("original").get("microservices") or {}
        if not saved or not rollback_steps.replaced(self.run.upgrade_plan, self.run.upgrade.entries):
            return [], {}
        return rollback_differences.entries(saved, self._registry.entries(), self._registry_deployment)

    def by_hand(self):
        """The counts to enter in the registry where monqctl does not: the registry's own counts were not read then."""
        if not self._manual:
            return {}
        return {name: row["kubernetes"] for name, row in sorted(self.sealed("original-replicas").items()) if row["kubernetes"] is not None}

    # ---- steps

    def save_diagnostics(self):
        return self._store.seal("rollback", self._diagnostics())

    def _diagnostics(self):
        def counts():
            return replicas.table(self._now(), installation.hpas(self.cluster, self.namespace), None if self._manual else self._registry.counts())

        parts = {
            "deployments": self._now,
            "ingresses": self._routes_now,
            "hpas": lambda: installation.hpas(self.cluster, self.namespace),
            "pods": lambda: installation.pods(self.cluster, self.namespace),
            "events": lambda: self.cluster.items(core(self.namespace, "events")),
            "replicas": counts,
        }
        found = {"ledger": self.run.upgrade.entries, "attempt": self.run.attempt}
        for name, read in parts.items():
            try:
                found[name] = read()
            except MonqError as exc:  # whoever looks for the cause wants the rest all the same
                found[name] = f"not readable: {exc.what}: {exc.seen}"[:500]
        return found

    def stop(self):
        stopped = rollback_differences.running(self._now(), self._patterns, self._registry_deployment)
        for deployment in stopped:
            self.cluster.patch(apps(self.namespace, "deployments", deployment["metadata"]["name"]) + "/scale", {"spec": {"replicas": 0}})
        self._wait_gone()
        return {"stopped": [d["metadata"]["name"] for d in stopped]}

    def _wait_gone(self):
        """Until no pod of a stopped Deployment is left, those of older revisions included."""
        started = self._clock()
        while True:
            owners = {d["metadata"]["uid"] for d in rollout.selected(self._now(), self._patterns) if d["metadata"]["name"] != self._registry_deployment}
            sets = {s["metadata"]["uid"] for s in installation.replica_sets(self.cluster, self.namespace) if rollout.owner(s, "Deployment") in owners}
            left = sorted(p["metadata"]["name"] for p in installation.pods(self.cluster, self.namespace) if rollout.owner(p, "ReplicaSet") in sets)
            if not left:
                return
            if self._clock() - started > self._timeout:
                raise MonqError(
                    "pods of stopped Deployments do not end",
                    ", ".join(left[:5]),
                    "no pods",
                    f"{len(left)} after {self._timeout} s",
                    f"kubectl -n {self.namespace} describe pod {left[0]}; then run the same command again",
                )
            self._sleep(POLL)

    def remove_routes(self):
        removed = self.new_routes()
        for change in removed:
            self.cluster.delete(ingresses(self.cluster, self.namespace, change.name), uid=change.present["metadata"]["uid"])
        return {"removed": [change.name for change in removed]}

    def restore_registry(self):
        """The registry's Deployment keeps its version and its token. Where Replace lost it, `cut` knows it as prepare left it."""
        name, path = self._registry_deployment, apps(self.namespace, "deployments")
        sealed = {d["metadata"]["name"]: d for d in self.sealed("original")["deployments"]}.get(name)
        last = {d["metadata"]["name"]: d for d in self.sealed("cut")["deployments"]}.get(name) or sealed
        found, report = self.cluster.find(f"{path}/{name}"), {"created": False, "count": None}
        if not found and last:
            found = self._send(rollback_differences.Change("create", name, None, rollback_differences.content(last)), path, "Deployment", "apps/v1")
            report["created"] = True
        wanted = replicas.desired(sealed) if sealed else None
        if found and wanted is not None and replicas.desired(found) != wanted:
            self.cluster.patch(f"{path}/{name}/scale", {"spec": {"replicas": wanted}})
            report["count"] = wanted
        if found and rollback_steps.begun(self.run.upgrade.entries, "prepare.registry_token.env"):
            secret = RegistrySecret(self.cluster, self.namespace, self.release, Rollouts(self.cluster, self.namespace, self._timeout, self._clock, self._sleep))
            if secret.token():
                report.update(secret.ensure_env())
        return report

    def apply_template(self):
        if not self.template_differs():
            return {"applied": False}
        self.monqctl.change(TEMPLATE_APPLY, content=json.dumps(self.sealed("original")["template"], ensure_ascii=False))
        return {"applied": True}

    def restore_deployments(self):
        report = {"created": [], "updated": [], "deleted": [], "started": []}
        for _again in range(TRIES - 1):
            try:
                self._restore_deployments(report)
                return report
            except ApiError as exc:  # its controller wrote a status since it was read: what is left is looked up again
                if exc.status != 409:
                    raise
                self._sleep(POLL)
        self._restore_deployments(report)
        return report

    def _restore_deployments(self, report):
        for change in self.deployment_changes():
            self._send(change, apps(self.namespace, "deployments"), "Deployment", "apps/v1")
            report[{"create": "created", "delete": "deleted"}.get(change.action, "updated")].append(change.name)
        for name, count in self.to_start_again():
            self.cluster.patch(apps(self.namespace, "deployments", name) + "/scale", {"spec": {"replicas": count}})
            report["started"].append(name)

    def _send(self, change, path, kind, api_version):
        made = rollback_differences.body(change, kind, api_version, self.namespace) if change.content else None
        if change.action == "update":
            return self.cluster.replace(f"{path}/{change.name}", made)
        if change.action in ("delete", "recreate"):
            self.cluster.delete(f"{path}/{change.name}", uid=change.present["metadata"]["uid"])
        if change.action in ("create", "recreate"):
            return self._create(path, change, made)
        return None

    def _create(self, path, change, made):
        """An old one of that name may still be on its way out."""
        started = self._clock()
        while True:
            try:
                return self.cluster.create(path, made)
            except ApiError as exc:
                if exc.status != 409 or change.action != "recreate" or self._clock() - started > self._timeout:
                    raise
            self._sleep(POLL)

    def restore_registry_replicas(self):
        described, left = [], {}
        changed, missing = self.registry_entries()
        known = self._registry.counts() if changed else {}
        for name, entry in changed:
            reason = self._registry.describe(name, entry, name in known)
            if reason:
                left[name] = reason
            else:
                described.append(name)
        counts = self.registry_counts()
        for name, _seen, wanted in counts:
            self._registry.put(name, wanted)
        return {"described": described, "counts": [name for name, _seen, _wanted in counts], "left": {**missing, **left}}

    def wait_rollout(self):
        names = [d["metadata"]["name"] for d in self.sealed("original")["deployments"]]
        return Rollouts(self.cluster, self.namespace, self._timeout, self._clock, self._sleep).wait(names, self.sealed("original-replicas"))

    def restore_routes(self):
        path, report = ingress_api(self.cluster), {"created": [], "updated": []}
        for change in self.old_routes():
            self._send(change, f"{path}/namespaces/{self.namespace}/ingresses", "Ingress", path[len("/apis/") :])
            report["created" if change.action == "create" else "updated"].append(change.name)
        return report

    def check(self):
        """Everything is read again and compared with `original`; MonqError where something differs."""
        found = [f"Deployment {change.name}: {change.action}" for change in self.deployment_changes()]
        found += [f"Deployment {name}: still stopped, {count} before" for name, count in self.to_start_again()]
        found += [f"Ingress {change.name}: a new route is still there" for change in self.new_routes()]
        found += [f"Ingress {change.name}: {change.action}" for change in self.old_routes()]
        if not self.cluster.find(apps(self.namespace, "deployments", self._registry_deployment)):
            found.append(f"Deployment {self._registry_deployment}: create")
        if self.template_differs():
            found.append("K8s template in the registry: another one")
        if not self._manual:
            found += [f"{name} in the registry: {seen} instead of {wanted}" for name, seen, wanted in self.registry_counts()]
        if found:
            raise MonqError(
                "the installation is not what it was",
                f"namespace {self.namespace}",
                "Deployments, routes, template and counts of the snapshot original",
                "; ".join(found),
                "find out who changes it, then run rollback.yml again",
                findings=found,
            )
        return {"deployments": len(self.sealed("original")["deployments"]), "by_hand": self.by_hand()}

    def archive(self):
        # An accepted step has put nothing back.
        restored = [name for name in self.run.databases if (self.run.ledger.get(f"rollback.database.{name}") or {}).get("state") == "done"]
        carried = rollback_steps.carried(self.run.upgrade_plan, self.run.upgrade.entries, restored, self.run.attempt, new_id)
        return Archive(self.cluster, self.namespace, self.release["version"], self.run.attempt).attempt(carried)

    def perform(self, name):
        """The step of that key, or the steps below it; one that is not in this plan has nothing to do."""
        for step in self.run.plan:
            if step.key == name or step.key.startswith(name + "."):
                if step.kind == "client":
                    self._tell_home(step)
                else:
                    self.run.run(step.key, self._action(step.key))

    def _tell_home(self, step):
        """What a home of monqctl lacks. Where the cluster holds no token yet, the registry asks for none."""
        secret = ""
        if step.secret:
            secret = RegistrySecret(self.cluster, self.namespace, self.release, None).token() or ""
        makes_context = not step.secret
        if step.secret and not secret:
            self.run.run(step.key, lambda: None)
        else:
            self.run.run(
                step.key, lambda: self.monqctl.change(step.argv, secret, guard=not makes_context) and None, told=(step.argv, secret)
            )

    def _action(self, key):
        return {
            "rollback.diagnostics.save": self.save_diagnostics,
            "rollback.deployments.stop": self.stop,
            "rollback.routing.remove": self.remove_routes,
            "rollback.registry.restore": self.restore_registry,
            "rollback.registry_template.apply": self.apply_template,
            "rollback.deployments.restore": self.restore_deployments,
            "rollback.replicas.registry": self.restore_registry_replicas,
            "rollback.rollout.wait": self.wait_rollout,
            "rollback.routing.restore": self.restore_routes,
            "rollback.installation.check": self.check,
            rollback_steps.ARCHIVE: self.archive,
        }[key]
