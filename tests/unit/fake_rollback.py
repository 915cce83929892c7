"""An installation that is upgraded and rolled back, on an API server in a dictionary."""

from __future__ import annotations

import contextlib
import copy
import json

from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger, number
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.k8s.watch import RolloutWatcher
from ansible_collections.monq.platform.plugins.module_utils.monqctl.registry import TEMPLATE, RegistryReplicas
from ansible_collections.monq.platform.plugins.module_utils.rollback import checks as rollback_checks
from ansible_collections.monq.platform.plugins.module_utils.rollback import run as rollback_run
from ansible_collections.monq.platform.plugins.module_utils.rollback.ledger import RollbackLedger
from ansible_collections.monq.platform.plugins.module_utils.rollback.restore import Rollback
from ansible_collections.monq.platform.plugins.module_utils.rollback.steps import plan
from ansible_collections.monq.platform.plugins.module_utils.upgrade.replicas import table
from fake_cluster import DEPLOYMENTS, INGRESSES, Clock, FakeCluster, Listed, deployment, ingress
from fake_session import FakeSession
from repository import RELEASE

REGISTRY = RELEASE["registry_deployment"]
UPGRADE = steps.plan(RELEASE, ["pl"])
NOW = {"state": "done", "started": "2026-03-01T10:00:00Z"}


class FakeMonqctl:
    """A registry: a template and microservices."""

    secrets = ()

    def __init__(self):
        self.template = {"JsonConfig": {"v": 5}}
        self.services = [
            {"Name": "pl-a", "Replicas": 3, "Version": "5.9.3"},
            {"Name": REGISTRY, "Replicas": 1, "Version": "3.1.0"},
        ]
        self.calls = []
        self.down = False

    def read_json(self, *argv):
        if self.down:
            raise CommandError("monqctl failed", "registry", "an answer", "no route")
        if list(argv) == TEMPLATE:
            return copy.deepcopy(self.template)
        named = [row for row in self.services if row["Name"] == argv[3]]
        return copy.deepcopy(named[0] if named else self.services)

    @contextlib.contextmanager
    def batch(self):
        yield lambda _name: None

    def change(self, argv, secret="", content=None, in_context=True):
        self.calls.append(list(argv))
        if argv[1:3] == ["apply", "service"]:
            self.template = json.loads(content)
        else:
            entry = json.loads(content)
            self.services = [entry if row["Name"] == entry["Name"] else row for row in self.services]

    def require_context(self):
        return None


class World:
    def __init__(self, databases=()):
        self.cluster, self.monqctl, self.clock = FakeCluster(), FakeMonqctl(), Clock()
        self.databases, self.resolve = list(databases), {}
        for made in (deployment("pl-a", 3), deployment(REGISTRY, 1)):
            self.cluster.put(f"{DEPLOYMENTS}/{made['metadata']['name']}", made)
        self.cluster.put(f"{INGRESSES}/frontend-box", ingress("frontend-box", "monq.example.org"))
        self.cluster.put(f"{INGRESSES}/landing", ingress("landing", "example.com"))
        self.before = self.installation()
        self.save("original", "prepare")

    def installation(self):
        return {
            path: {"labels": obj["metadata"].get("labels") or {}, "spec": obj["spec"]}
            for path, obj in sorted(self.cluster.objects.items())
            if path.startswith((DEPLOYMENTS, INGRESSES))
        }

    def save(self, name, stage):
        store, ledger = (
            SnapshotStore(self.cluster, "production", "6.0.0"),
            Ledger(self.cluster, "production", "6.0.0").load(),
        )
        found, counts = self.cluster.items(DEPLOYMENTS), {row["Name"]: row["Replicas"] for row in self.monqctl.services}
        held = {
            "deployments": found,
            "ingresses": self.cluster.items(INGRESSES),
            "hpas": [],
            "template": copy.deepcopy(self.monqctl.template),
        }
        held["microservices"] = {row["Name"]: dict(row) for row in self.monqctl.services}
        ledger.write(f"{stage}.snapshot.{name}", {**NOW, "result": store.save(name, held)})
        ledger.write(
            f"{stage}.replicas.{name}", {**NOW, "result": store.save(name + "-replicas", table(found, [], counts))}
        )

    def record(self, *keys, state="done"):
        ledger = Ledger(self.cluster, "production", "6.0.0").load()
        for key in keys:
            ledger.write(key, {**NOW, "state": state})
        return self

    def upgrade(self):
        """Cut, new routing, Replace: everything has changed."""
        self.record("prepare.registry.update")
        self.save("cut", "upgrade")
        self.record("upgrade.routing.cut", "upgrade.routing.apply.pl", "upgrade.pl.microservices.replace")
        self.cluster.drop(f"{INGRESSES}/frontend-box")
        self.cluster.put(f"{INGRESSES}/pl-api", ingress("pl-api", "monq.example.org"))
        replaced = deployment("pl-a", 1)
        replaced["spec"]["template"]["spec"]["containers"][0]["image"] = "new"
        replaced["metadata"]["uid"] = "replaced"
        self.cluster.put(f"{DEPLOYMENTS}/pl-a", replaced)
        self.cluster.put(f"{DEPLOYMENTS}/pl-new", deployment("pl-new"))
        self.monqctl.template = {"JsonConfig": {"v": 6}}
        self.monqctl.services = [
            {"Name": "pl-a", "Replicas": 1, "Version": "6.0.0"},
            {"Name": "pl-new", "Replicas": 1, "Version": "6.0.0"},
            {"Name": REGISTRY, "Replicas": 1, "Version": "3.2.0"},
        ]
        return self

    def record_result(self, key, result):
        Ledger(self.cluster, "production", "6.0.0").load().write(key, {**NOW, "result": result})

    def run(self, lock_id="", **given):
        own = RollbackLedger(self.cluster, "production", "6.0.0").load()
        upgrade = Ledger(self.cluster, "production", "6.0.0").load()
        own = own if own.unfinished else number(own, upgrade.generation)
        names = [item["microservice"] for item in self.databases]
        lease = rollback_run.Lease(self.cluster, "production", 120, self.clock, self.clock.sleep)
        given.setdefault("resolve", self.resolve)
        return rollback_run.RollbackRun(
            upgrade=upgrade,
            upgrade_plan=UPGRADE,
            databases=names,
            plan=plan(UPGRADE, names),
            ledger=own,
            lease=lease,
            lock_id=lock_id,
            **given,
        )

    def given(self, **more):
        return {
            "timeout": 60,
            "databases": self.databases,
            "environment": "production",
            "confirm": "production",
            "closed": False,
            **more,
        }

    def session(self, run=None, **more):
        session = FakeSession(
            self.cluster,
            run or self.run(),
            monqctl=self.monqctl,
            registry=RegistryReplicas(self.monqctl, {}),
            **self.given(**more),
        )
        session.store = SnapshotStore(self.cluster, "production", "6.0.0")
        return session

    def rollback(self, run=None, **more):
        made = Rollback(self.session(run, **more), self.clock, self.clock.sleep)
        made._watcher = lambda: RolloutWatcher(self.cluster, "production", 60, self.clock, Listed.by(self.clock))
        return made

    def overview(self, check_mode=False, allowed=True, **more):
        run, create = self.run(), self.cluster.create
        self.cluster.create = lambda path, body: (
            {"status": {"allowed": allowed}} if "selfsubject" in path else create(path, body)
        )
        try:
            return rollback_checks.overview(self.rollback(run, **more), check_mode)
        finally:
            self.cluster.create = create

    def settle(self):
        """The Deployment controller: what stands is rolled out."""
        for path, obj in self.cluster.objects.items():
            if path.startswith(DEPLOYMENTS):
                count = obj["spec"]["replicas"]
                obj["metadata"].setdefault("generation", 1)
                obj["status"] = {
                    "observedGeneration": obj["metadata"]["generation"],
                    "replicas": count,
                    "updatedReplicas": count,
                    "availableReplicas": count,
                }


def lock(world):
    return rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")


def all_steps(world, rollback):
    return [step.key for step in rollback.run.plan if not step.key.startswith(("rollback.backup", "rollback.database"))]


def begun(world, step, state="done", **more):
    """An entry in the rollback's own ledger."""
    number(RollbackLedger(world.cluster, "production", "6.0.0"), 1).load().write(
        step, {**NOW, "state": state, "attempt": "a1", **more}
    )
