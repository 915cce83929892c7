# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import time
from functools import partial

from ..errors import MonqError, SnapshotError
from ..k8s import objects, rollout
from ..k8s.cluster import apps, core, ingress_api, ingresses
from ..k8s.routes import to_cut
from ..k8s.watch import LATE, POLL, RolloutWatcher
from ..monqctl.registry import TEMPLATE
from ..upgrade import replicas
from ..upgrade.registry_token import RegistryToken
from . import differences, verification
from . import steps as rollback_steps
from .archive import Archive, new_id
from .send import Sending

TEMPLATE_APPLY = ["registry", "apply", "service", "K8s", "--file", "{file}"]


class Rollback:
    """Compares the current state with `original` and restores the differences. Without any, it makes no changing
    call."""

    def __init__(self, session, clock=time.monotonic, sleep=time.sleep):
        given = session.params
        self.given = given
        self.cluster, self.run, self.monqctl = session.cluster, session.run, session.monqctl
        self.namespace, self._timeout = session.namespace, given.get("timeout") or 900
        self.release, self.modules = session.release, session.modules
        self._domains = [given["domain"], *given["alias_domains"]]
        self._alias = (given["alias_domains"], given["alias_ingresses"])
        self._registry, self.manual = session.registry, session.registry is None
        self._store = session.store
        self._clock, self._sleep, self._say = clock, sleep, session.progress.say
        self._opened = {}

    # ---- what is known

    def snapshot(self, name):
        """A snapshot of the upgrade, opened once and verified against the digest in the ledger; `cut` is empty if the
        upgrade did not get that far. Raises SnapshotError."""
        if name not in self._opened:
            stage = "prepare" if name.startswith("original") else "upgrade"
            key = f"{stage}.{'replicas' if name.endswith('-replicas') else 'snapshot'}.{name.partition('-')[0]}"
            digest = (self.run.upgrade.get(key) or {}).get("result")
            if not digest and stage == "prepare":
                raise SnapshotError(
                    "the upgrade's ledger has no digest of its snapshot",
                    f"ConfigMap {self.namespace}/{self.run.upgrade.name}, key {key}",
                    "the digest that prepare recorded",
                    "none: it was deleted or altered",
                    "restore the ConfigMap from a backup of the cluster, then run rollback.yml again",
                )
            empty = {} if name.endswith("-replicas") else {"deployments": [], "ingresses": []}
            self._opened[name] = self._store.open(name, digest) if digest else empty
        return self._opened[name]

    @property
    def registry_deployment(self):
        return self.release["registry_deployment"]

    @property
    def _patterns(self):
        return differences.patterns_of(self.release, self.modules)

    def _now(self):
        return objects.deployments(self.cluster, self.namespace)

    def _routes_now(self):
        return objects.routes(self.cluster, self.namespace)

    def _select(self, found):
        return to_cut(found, self.release, self.modules, *self._alias)

    # ---- the differences that are left

    def deployment_changes(self):
        now = self._now()
        changes = differences.deployments(
            self.snapshot("original")["deployments"],
            now,
            objects.hpas(self.cluster, self.namespace),
            self.registry_deployment,
        )
        if rollback_steps.replaced(self.run.upgrade_plan, self.run.upgrade.entries):
            changes += differences.brought(
                self.snapshot("original")["deployments"],
                self.snapshot("cut")["deployments"],
                now,
                self._patterns,
                self.registry_deployment,
            )
        return changes

    def to_start_again(self):
        """[(name, count)] of Deployments that were stopped for the databases but are not in the snapshot: created after
        prepare."""
        digest = (self.run.ledger.get("rollback.diagnostics.save") or {}).get("result")
        stopped = self.run.ledger.get("rollback.deployments.stop")
        before = self._store.open("rollback", digest)["deployments"] if digest and stopped else []
        if isinstance(before, str):  # the Deployments could not be read
            return []
        known = {d["metadata"]["name"] for d in self.snapshot("original")["deployments"]} | {
            change.name for change in self.deployment_changes()
        }
        now = {d["metadata"]["name"]: rollout.desired(d) for d in self._now()}
        ran = {
            d["metadata"]["name"]: rollout.desired(d)
            for d in differences.running(before, self._patterns, self.registry_deployment)
        }
        return [(name, count) for name, count in sorted(ran.items()) if name not in known and now.get(name) == 0]

    def new_routes(self):
        if not rollback_steps.begun(self.run.upgrade.entries, "upgrade.routing.apply"):
            return []
        known = self.snapshot("original")["ingresses"] + self.snapshot("cut")["ingresses"]
        return differences.new_routes(self._routes_now(), known, self._domains)

    def old_routes(self):
        # Opened first: a lost ledger must not look like one from before the cutover.
        original, cut = self.snapshot("original")["ingresses"], self.snapshot("cut")["ingresses"]
        if rollback_steps.CUT not in self.run.upgrade.entries:
            return []
        removed = ((self.run.upgrade.get(rollback_steps.CUT) or {}).get("result") or {}).get("removed") or []
        return differences.old_routes(original, cut, self._routes_now(), self._select, removed)

    def template_differs(self):
        self.monqctl.require_context()  # another context is another registry (trap 11)
        return self.monqctl.read_json(*TEMPLATE) != self.snapshot("original")["template"]

    def registry_counts(self):
        self.monqctl.require_context()
        saved = self.snapshot("original-replicas")
        return replicas.registry_changes(saved, self._registry.counts(known=saved))

    def registry_entries(self):
        """The registry entries to restore, if a Replace has run: only it writes entries, other changes are the
        operator's."""
        saved = self.snapshot("original").get("microservices") or {}
        if not saved or not rollback_steps.replaced(self.run.upgrade_plan, self.run.upgrade.entries):
            return [], {}
        self.monqctl.require_context()
        return differences.entries(saved, self._registry.entries(), self.registry_deployment)

    def by_hand(self):
        """The counts to enter in the registry by hand, if monqctl is not used for them: the saved Kubernetes counts."""
        if not self.manual:
            return {}
        return {
            name: row["kubernetes"]
            for name, row in sorted(self.snapshot("original-replicas").items())
            if row["kubernetes"] is not None
        }

    # ---- steps

    def save_diagnostics(self):
        return self._store.save("rollback", self._diagnostics())

    def _diagnostics(self):
        def counts():
            return replicas.table(
                self._now(),
                objects.hpas(self.cluster, self.namespace),
                None if self.manual else self._registry.counts(),
            )

        parts = {
            "deployments": self._now,
            "ingresses": self._routes_now,
            "hpas": lambda: objects.hpas(self.cluster, self.namespace),
            "pods": lambda: objects.pods(self.cluster, self.namespace),
            "events": lambda: self.cluster.items(core(self.namespace, "events")),
            "replicas": counts,
        }
        found = {"ledger": self.run.upgrade.entries, "generation": self.run.generation}
        for name, read in parts.items():
            try:
                found[name] = read()
            except MonqError as exc:  # the rest is useful all the same
                found[name] = f"not readable: {exc.what}: {exc.seen}"[:500]
        return found

    def stop(self):
        stopped = differences.running(self._now(), self._patterns, self.registry_deployment)
        for deployment in stopped:
            self.cluster.patch(
                apps(self.namespace, "deployments", deployment["metadata"]["name"]) + "/scale",
                {"spec": {"replicas": 0}},
            )
        self._wait_gone()
        return {"stopped": [d["metadata"]["name"] for d in stopped]}

    def _wait_gone(self):
        """Waits until no pod of a stopped Deployment is left, including those of older revisions."""
        started = self._clock()
        while True:
            owners = {
                d["metadata"]["uid"]
                for d in rollout.selected(self._now(), self._patterns)
                if d["metadata"]["name"] != self.registry_deployment
            }
            sets = {
                s["metadata"]["uid"]
                for s in objects.replica_sets(self.cluster, self.namespace)
                if rollout.owner(s, "Deployment") in owners
            }
            left = sorted(
                p["metadata"]["name"]
                for p in objects.pods(self.cluster, self.namespace)
                if rollout.owner(p, "ReplicaSet") in sets
            )
            if not left:
                return
            if self._clock() - started > self._timeout:
                raise MonqError(
                    "pods of stopped Deployments do not terminate",
                    ", ".join(left[:5]),
                    "no pods",
                    f"{len(left)} after {self._timeout} s",
                    f"kubectl -n {self.namespace} describe pod {left[0]}; then run the same command again",
                )
            late = left if self._clock() - started >= LATE else []
            self._say(f"{len(left)} pods of stopped Deployments are left", late=dict.fromkeys(late, "still running"))
            self._sleep(POLL)

    def remove_routes(self):
        removed = self.new_routes()
        for change in removed:
            self.cluster.delete(
                ingresses(self.cluster, self.namespace, change.name), uid=change.present["metadata"]["uid"]
            )
        return {"removed": [change.name for change in removed]}

    def restore_registry(self):
        """Restores the registry's own Deployment, which keeps its version and token; if Replace lost it, from `cut`, as
        prepare left it."""
        name, path = self.registry_deployment, apps(self.namespace, "deployments")
        saved = {d["metadata"]["name"]: d for d in self.snapshot("original")["deployments"]}.get(name)
        last = {d["metadata"]["name"]: d for d in self.snapshot("cut")["deployments"]}.get(name) or saved
        found, report = self.cluster.find(f"{path}/{name}"), {"created": False, "count": None}
        if last and (not found or differences.leaving(found)):
            found = self._deployments().send(differences.Change("create", name, found, differences.content(last)))
            report["created"] = True
        wanted = rollout.desired(saved) if saved else None
        if found and wanted is not None and rollout.desired(found) != wanted:
            self.cluster.patch(f"{path}/{name}/scale", {"spec": {"replicas": wanted}})
            report["count"] = wanted
        if found and rollback_steps.begun(self.run.upgrade.entries, "prepare.registry_token.env"):
            token = RegistryToken(self.cluster, self.namespace, self.release, self._watcher())
            if token.stored():
                report.update(token.ensure_env())
        return report

    def apply_template(self):
        if not self.template_differs():
            return {"applied": False}
        self.monqctl.change(
            TEMPLATE_APPLY, content=json.dumps(self.snapshot("original")["template"], ensure_ascii=False)
        )
        return {"applied": True}

    def restore_deployments(self):
        report = {"created": [], "updated": [], "deleted": [], "started": []}
        self._deployments().all(
            self.deployment_changes,
            lambda change: report[{"create": "created", "delete": "deleted"}.get(change.action, "updated")].append(
                change.name
            ),
            lambda: [(name, partial(self._start_again, name, count, report)) for name, count in self.to_start_again()],
        )
        return report

    def _start_again(self, name, count, report):
        self.cluster.patch(apps(self.namespace, "deployments", name) + "/scale", {"spec": {"replicas": count}})
        report["started"].append(name)

    def _deployments(self):
        return self._sending(apps(self.namespace, "deployments"), "Deployment", "apps/v1")

    def _sending(self, path, kind, api_version):
        return Sending(self.cluster, self.namespace, path, kind, api_version, self._timeout, self._clock, self._sleep)

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
        if counts:
            self._registry.put(counts)
        return {
            "described": described,
            "counts": [name for name, _seen, _wanted in counts],
            "left": {**missing, **left},
        }

    def wait_rollout(self):
        names = [d["metadata"]["name"] for d in self.snapshot("original")["deployments"]]
        return self._watcher().wait(names, self.snapshot("original-replicas"))

    def _watcher(self):
        return RolloutWatcher(self.cluster, self.namespace, self._timeout, say=self._say)

    def restore_routes(self):
        path, report = ingress_api(self.cluster), {"created": [], "updated": []}
        self._sending(f"{path}/namespaces/{self.namespace}/ingresses", "Ingress", path[len("/apis/") :]).all(
            self.old_routes,
            lambda change: report["created" if change.action == "create" else "updated"].append(change.name),
        )
        return report

    def check(self, again=False):
        return verification.check(self, again)

    def archive(self):
        # An accepted step has restored nothing.
        restored = [
            name
            for name in self.run.databases
            if (self.run.ledger.get(f"rollback.database.{name}") or {}).get("state") == "done"
        ]
        carried = rollback_steps.carried(
            self.run.upgrade_plan, self.run.upgrade.entries, restored, self.run.generation, new_id
        )
        return Archive(self.cluster, self.namespace, self.release["version"], self.run.generation).upgrade(carried)

    def perform(self, name):
        """Executes the step with that key, or the steps below it; one that is not in this plan does nothing."""
        for step in self.run.plan:
            if step.key == name or step.key.startswith(name + "."):
                if step.kind == "client":
                    self._configure_home(step)
                else:
                    self.run.execute(step.key, self._action(step.key))

    def _configure_home(self, step):
        """Executes a client step that this home is missing. If the cluster has no token yet, the registry requires
        none."""
        secret = ""
        if step.secret:
            secret = RegistryToken(self.cluster, self.namespace, self.release, None).stored() or ""
        if step.secret and not secret:
            self.run.execute(step.key, lambda: None)
            return

        def call():
            self.monqctl.change(step.argv, secret, in_context=bool(step.secret))

        self.run.execute(step.key, call, configured=(step.argv, secret))

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
            rollback_steps.CHECK: partial(self.check, again=bool(self.run.ledger.get(rollback_steps.CHECK))),
            rollback_steps.ARCHIVE: self.archive,
        }[key]
