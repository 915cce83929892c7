"""A rollback on an API server in a dictionary: differences only, gates, refusals."""

from __future__ import annotations

import contextlib
import copy
import json
import socket
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger, number
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.errors import (
    ApiError,
    ApiUnreachable,
    CommandError,
    InputError,
    LockError,
    MonqError,
    SnapshotError,
    StepError,
)
from ansible_collections.monq.platform.plugins.module_utils.k8s.watch import RolloutWatcher
from ansible_collections.monq.platform.plugins.module_utils.monqctl.registry import TEMPLATE, RegistryReplicas
from ansible_collections.monq.platform.plugins.module_utils.rollback import checks as rollback_checks
from ansible_collections.monq.platform.plugins.module_utils.rollback import database as rollback_database
from ansible_collections.monq.platform.plugins.module_utils.rollback import run as rollback_run
from ansible_collections.monq.platform.plugins.module_utils.rollback import steps as rollback_steps
from ansible_collections.monq.platform.plugins.module_utils.rollback.database import DatabaseRestore
from ansible_collections.monq.platform.plugins.module_utils.rollback.ledger import RollbackLedger
from ansible_collections.monq.platform.plugins.module_utils.rollback.restore import Rollback
from ansible_collections.monq.platform.plugins.module_utils.rollback.steps import plan
from ansible_collections.monq.platform.plugins.module_utils.rollback.verification import differences
from ansible_collections.monq.platform.plugins.module_utils.upgrade.replicas import table
from ansible_collections.monq.platform.plugins.modules.rollback_database import perform
from fake_cluster import (
    CONFIGMAPS,
    DEPLOYMENTS,
    INGRESSES,
    LEASES,
    PODS,
    REPLICA_SETS,
    SECRETS,
    Clock,
    FakeCluster,
    Listed,
    deployment,
    ingress,
)
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


@pytest.fixture
def world():
    return World()


def lock(world):
    return rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")


def all_steps(world, rollback):
    return [step.key for step in rollback.run.plan if not step.key.startswith(("rollback.backup", "rollback.database"))]


def test_everything_comes_back_and_strangers_stay(world):
    world.upgrade()
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    for key in all_steps(world, world.rollback()):
        world.settle()
        world.rollback(world.run(lock)).perform(key)
    assert world.installation() == world.before
    assert world.monqctl.template == {"JsonConfig": {"v": 5}}
    assert world.monqctl.services[0] == {"Name": "pl-a", "Replicas": 3, "Version": "5.9.3"}
    assert world.monqctl.services[-1]["Version"] == "3.2.0", "the registry itself stays"
    assert f"{CONFIGMAPS}/monq-upgrade-6.0.0" not in world.cluster.objects
    own = RollbackLedger(world.cluster, "production", "6.0.0").load()
    assert own.finished and own.get("rollback.replicas.registry")["result"]["left"] == {"pl-new": "new in the registry"}


def test_where_nothing_differs_no_call_is_made(world):
    """Prepare alone, and not even the template was reached."""
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    for key in all_steps(world, world.rollback()):
        world.rollback(world.run(lock)).perform(key)
    assert world.installation() == world.before and world.monqctl.calls == []
    assert not [path for _method, path in world.cluster.writes if path.startswith((DEPLOYMENTS, INGRESSES))]


def test_routes_are_removed_by_uid(world):
    """A guard: the API server refuses where another object bears the name by then."""
    world.upgrade()
    world.rollback().remove_routes()
    assert ("DELETE", f"{INGRESSES}/pl-api", {"uid": "uid-of-pl-api"}) in world.cluster.bodies


def test_before_the_new_routing_was_begun_no_route_is_the_upgrades(world):
    world.cluster.put(f"{INGRESSES}/somebodys", ingress("somebodys", "monq.example.org"))
    assert world.rollback().new_routes() == []
    world.save("cut", "upgrade")
    world.record("upgrade.routing.apply.pl")
    assert world.rollback().new_routes() == [], "it stood before the cut"


def test_before_replace_nothing_is_the_upgrades(world):
    world.cluster.put(f"{DEPLOYMENTS}/pl-somebodys", deployment("pl-somebodys"))
    assert world.rollback().deployment_changes() == []
    world.record("upgrade.pl.microservices.replace", state="failed")
    assert [change.name for change in world.rollback().deployment_changes()] == ["pl-somebodys"]


def test_stopping_waits_for_the_last_pod(world):
    def owned(name, kind, uid):
        return {"metadata": {"name": name, "uid": f"uid-of-{name}", "ownerReferences": [{"kind": kind, "uid": uid}]}}

    world.cluster.put(f"{REPLICA_SETS}/pl-a-1", owned("pl-a-1", "Deployment", "uid-of-pl-a"))
    world.cluster.put(f"{PODS}/pl-a-1-x", owned("pl-a-1-x", "ReplicaSet", "uid-of-pl-a-1"))
    world.clock.at(5, lambda: world.cluster.drop(f"{PODS}/pl-a-1-x"))
    assert world.rollback().stop() == {"stopped": ["pl-a"]} and world.clock.now >= 5
    world.cluster.put(f"{PODS}/pl-a-1-x", owned("pl-a-1-x", "ReplicaSet", "uid-of-pl-a-1"))
    with pytest.raises(MonqError, match="do not end"):
        world.rollback().stop()


def test_the_registrys_deployment_is_made_again_as_prepare_left_it(world):
    updated = deployment(REGISTRY, 1)
    updated["spec"]["template"]["spec"]["containers"][0]["image"] = "registry:3.2.0"
    world.cluster.put(f"{DEPLOYMENTS}/{REGISTRY}", updated)
    world.upgrade()
    world.cluster.drop(f"{DEPLOYMENTS}/{REGISTRY}")
    assert world.rollback().restore_registry()["created"]
    assert world.cluster.objects[f"{DEPLOYMENTS}/{REGISTRY}"]["spec"] == updated["spec"]


def test_an_entry_that_is_not_whole_is_not_put_back(world):
    world.upgrade()
    world.monqctl.services[0]["Extra"] = 1
    assert "pl-a" in world.rollback().restore_registry_replicas()["left"]
    assert world.monqctl.services[0] == {"Name": "pl-a", "Replicas": 3, "Version": "6.0.0", "Extra": 1}, "its count is"


def test_the_check_names_what_differs(world):
    world.upgrade()
    with pytest.raises(MonqError, match="not what it was") as caught:
        world.rollback().check()
    for part in (
        "Deployment pl-a",
        "Deployment pl-new",
        "Ingress pl-api",
        "Ingress frontend-box",
        "template",
        "pl-a in the registry",
    ):
        assert part in caught.value.seen


def checked(world, taken):
    """Everything up to the check is done; then somebody changes what was put back, and the check fails."""
    world.upgrade()
    keys = all_steps(world, world.rollback())
    for key in keys[: keys.index("rollback.installation.check")]:
        world.settle()
        world.rollback(world.run(taken)).perform(key)
    world.cluster.drop(f"{INGRESSES}/frontend-box")
    world.cluster.put(f"{INGRESSES}/pl-api", ingress("pl-api", "monq.example.org"))
    world.cluster.objects[f"{DEPLOYMENTS}/pl-a"]["spec"]["replicas"] = 1
    world.monqctl.template = {"JsonConfig": {"v": 6}}
    world.monqctl.services[0]["Replicas"] = 1
    with pytest.raises(MonqError, match="not what it was") as caught:
        world.rollback(world.run(taken)).perform("rollback.installation.check")
    assert "puts back what differs" in caught.value.next_step
    assert f"{INGRESSES}/pl-api" in world.cluster.objects, "the first look changes nothing"
    world.clock.at(world.clock.now + 1, world.settle)


def test_the_next_run_puts_back_what_the_check_has_found(world):
    """The steps of before are done and stay skipped: the check does their work, and the printed advice is true."""
    taken = lock(world)
    checked(world, taken)
    run = world.run(taken)
    world.rollback(run).perform("rollback.installation.check")
    assert run.done == ["rollback.installation.check"] and run.changed, "a gate that has changed something says so"
    world.rollback(world.run(taken)).perform("rollback.ledger.archive")
    assert (
        world.installation() == world.before
        and world.monqctl.template == {"JsonConfig": {"v": 5}}
        and world.monqctl.services[0]["Replicas"] == 3
    )


def test_what_cannot_be_put_back_again_keeps_no_other_back_and_is_told(world):
    taken = lock(world)
    checked(world, taken)

    def refused(*_given, **_more):
        raise CommandError("monqctl failed", seen="no space left")

    world.monqctl.change = refused
    with pytest.raises(MonqError, match="not what it was") as caught:
        world.rollback(world.run(taken)).perform("rollback.installation.check")
    assert "template" in caught.value.seen and "no space left" in caught.value.seen
    assert "Ingress" not in caught.value.seen and "Deployment" not in caught.value.seen


def test_a_check_without_a_difference_changes_nothing_the_second_time(world):
    taken = lock(world)
    begun_and_whole = all_steps(world, world.rollback())
    for key in begun_and_whole[: begun_and_whole.index("rollback.installation.check")]:
        world.rollback(world.run(taken)).perform(key)
    begun(world, "rollback.installation.check", "failed")
    run = world.run(taken)
    world.rollback(run).perform("rollback.installation.check")
    assert not run.changed and differences(world.rollback()) == [] and world.installation() == world.before


# ---- what is still on its way out


def hold(world, path):
    """Deleted, and held by a finalizer."""
    world.cluster.objects[path]["metadata"].update(
        deletionTimestamp="2026-03-01T10:00:00Z", finalizers=["example.com/held"]
    )


@pytest.mark.parametrize("name", ["pl-a", REGISTRY, "frontend-box"])
def test_what_is_still_being_deleted_is_made_again_once_it_is_gone(world, name):
    world.record("prepare.registry.update")
    world.save("cut", "upgrade")
    world.record("upgrade.routing.cut")
    path = f"{INGRESSES if name == 'frontend-box' else DEPLOYMENTS}/{name}"
    hold(world, path)
    with pytest.raises(MonqError, match="not what it was") as caught:
        world.rollback().check()
    assert f"{name}: create (still being deleted)" in caught.value.seen
    world.clock.at(5, lambda: world.cluster.drop(path))
    rollback = world.rollback()
    {
        "pl-a": rollback.restore_deployments,
        REGISTRY: rollback.restore_registry,
        "frontend-box": rollback.restore_routes,
    }[name]()
    assert world.clock.now >= 5 and world.cluster.objects[path]["metadata"].get("deletionTimestamp") is None
    world.rollback().check()


def test_a_finalizer_that_holds_for_ever_is_named_and_keeps_no_other_back(world):
    world.upgrade()
    hold(world, f"{DEPLOYMENTS}/pl-a")
    with pytest.raises(MonqError, match="could be put back") as caught:
        world.rollback().restore_deployments()
    assert "example.com/held" in caught.value.seen and "finalizers" in caught.value.next_step
    assert f"{DEPLOYMENTS}/pl-new" not in world.cluster.objects and 60 <= world.clock.now < 70, "waited for once"


# ---- one that is refused


def refuse(world, method, path, error):
    def before(seen, at):
        if (seen, at) == (method, path):
            raise error

    world.cluster.before = before


def several(world):
    """Three Deployments of before, all of them changed since."""
    for name in ("pl-b", "pl-c"):
        world.cluster.put(f"{DEPLOYMENTS}/{name}", deployment(name, 2))
    for path in [path for path in world.cluster.objects if "-original-" in path]:
        world.cluster.drop(path)
    world.save("original", "prepare")
    for name in ("pl-a", "pl-b", "pl-c"):
        world.cluster.objects[f"{DEPLOYMENTS}/{name}"]["spec"]["replicas"] = 1
    return world


@pytest.mark.parametrize("status", [403, 422, 409])
def test_a_deployment_that_is_refused_keeps_no_other_back(world, status):
    refuse(
        several(world), "PUT", f"{DEPLOYMENTS}/pl-b", ApiError(status, "Refused", "field is immutable", "PUT", "pl-b")
    )
    with pytest.raises(MonqError, match="1 refused") as caught:
        world.rollback().restore_deployments()
    assert "field is immutable" in caught.value.seen and "pl-b" in caught.value.obj and "pl-a" not in caught.value.obj
    assert {
        name: world.cluster.objects[f"{DEPLOYMENTS}/{name}"]["spec"]["replicas"] for name in ("pl-a", "pl-b", "pl-c")
    } == {"pl-a": 3, "pl-b": 1, "pl-c": 2}


def test_all_that_are_refused_are_named(world):
    several(world)
    refused = {}

    def before(method, path):
        if method == "PUT" and path.endswith(("pl-a", "pl-c")):
            refused[path] = True
            raise ApiError(422, "Invalid", f"no {path[-4:]}", method, path)

    world.cluster.before = before
    with pytest.raises(MonqError, match="2 refused") as caught:
        world.rollback().restore_deployments()
    assert "no pl-a" in caught.value.seen and "no pl-c" in caught.value.seen and len(refused) == 2


@pytest.mark.parametrize("error", [LockError("the lock is lost"), ApiUnreachable("no answer")])
def test_without_the_lock_or_the_api_no_other_is_tried(world, error):
    refuse(several(world), "PUT", f"{DEPLOYMENTS}/pl-a", error)
    with pytest.raises(type(error)):
        world.rollback().restore_deployments()
    assert [path for method, path in world.cluster.writes if method == "PUT"] == [f"{DEPLOYMENTS}/pl-a"]


def test_diagnostics_are_saved_though_the_registry_is_down(world):
    world.monqctl.down = True
    seal = world.rollback().save_diagnostics()
    saved = SnapshotStore(world.cluster, "production", "6.0.0").open("rollback", seal)
    assert "not readable" in saved["replicas"] and saved["deployments"] and saved["ledger"]["prepare.snapshot.original"]


def begun(world, step, state="done", **more):
    """An entry in the rollback's own ledger."""
    number(RollbackLedger(world.cluster, "production", "6.0.0"), 1).load().write(
        step, {**NOW, "state": state, "attempt": "a1", **more}
    )


def test_what_was_stopped_and_is_in_no_snapshot_of_before_starts_again():
    """Made by somebody between prepare and the cut; stopped with the modules, for the databases."""
    world = World([{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])
    world.cluster.put(f"{DEPLOYMENTS}/pl-between", deployment("pl-between", 2))
    world.upgrade()
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    for key in ("rollback.diagnostics.save", "rollback.deployments.stop"):
        world.rollback(world.run(lock)).perform(key)
    assert world.cluster.objects[f"{DEPLOYMENTS}/pl-between"]["spec"]["replicas"] == 0
    with pytest.raises(MonqError, match="Deployment pl-between: still stopped, 2 before"):
        world.rollback().check()
    assert world.rollback().restore_deployments()["started"] == ["pl-between"]
    assert world.cluster.objects[f"{DEPLOYMENTS}/pl-between"]["spec"]["replicas"] == 2
    assert world.rollback().restore_deployments()["started"] == []


def test_a_deployment_whose_status_was_written_in_between_is_read_again(world):
    world.upgrade()
    replace, refused = world.cluster.replace, []

    def conflict(path, body):
        if not refused:
            refused.append(path)
            raise ApiError(409, "Conflict", "the object has been modified", "PUT", path)
        return replace(path, body)

    world.cluster.replace = conflict
    assert world.rollback().restore_deployments()["updated"] == ["pl-a"] and refused
    assert world.rollback().deployment_changes() == []


def test_another_list_of_alias_domains_loses_no_route(world):
    """What the cut did remove is in the ledger."""
    world.cluster.put(f"{INGRESSES}/frontend-alias", ingress("frontend-alias", "alias.test"))
    world.save("original", "prepare")
    world.upgrade()
    world.record_result("upgrade.routing.cut", {"removed": ["frontend-alias", "frontend-box"]})
    world.cluster.drop(f"{INGRESSES}/frontend-alias")
    assert [change.name for change in world.rollback().old_routes()] == ["frontend-alias", "frontend-box"]


def test_sql_of_a_database_whose_step_was_accepted_is_carried():
    world = World([{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])
    sql = next(step.key for step in UPGRADE if step.ask and "pl-i18n-service" in step.key)
    for state, carried in (("accepted", [sql]), ("done", [])):
        world.upgrade().record(sql)
        begun(world, "rollback.database.pl-i18n-service", state)
        world.rollback().archive()
        assert list(Ledger(world.cluster, "production", "6.0.0").load().entries) == carried
        world = World(world.databases)


def test_a_step_that_fails_names_the_word_that_goes_on_without_it(world):
    """A registry that is out of order must not keep the platform down."""
    world.upgrade()
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    for key in ("rollback.diagnostics.save", "rollback.routing.remove", "rollback.registry"):
        world.rollback(world.run(lock)).perform(key)
    world.monqctl.down = True
    with pytest.raises(CommandError) as failed:
        world.rollback(world.run(lock)).perform("rollback.registry_template.apply")
    word = {"rollback.registry_template.apply": {"answer": "accept", "attempt": failed.value.details["attempt"]}}
    assert json.dumps({"monq_resolve": word}) in failed.value.next_step
    world.rollback(world.run(lock, resolve=word)).perform("rollback.registry_template.apply")
    assert (
        RollbackLedger(world.cluster, "production", "6.0.0").load().get("rollback.registry_template.apply")["state"]
        == "accepted"
    )


def test_a_run_that_lost_the_lock_is_offered_no_word(world):
    """Another run holds it by then: there is nothing to go on with."""
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")

    def lost():
        raise LockError("the lock is lost")

    rollback = world.rollback(world.run(lock))
    rollback.save_diagnostics = lost
    with pytest.raises(LockError) as caught:
        rollback.perform("rollback.diagnostics.save")
    assert "accept" not in caught.value.next_step


def test_monqctl_learns_the_token_that_the_registry_demands(world):
    """A run that was killed between the variable and the credential left a registry that monqctl cannot ask."""
    world.record("prepare.registry_token.env", state="intent")
    token = RELEASE["registry_token"]
    world.cluster.put(
        SECRETS + "/" + token["secret"], {"metadata": {"name": token["secret"]}, "data": {token["key"]: "dG9rZW4="}}
    )
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    for key in ("rollback.diagnostics.save", "rollback.routing.remove"):
        world.rollback(world.run(lock)).perform(key)
    world.settle()
    rollback = world.rollback(world.run(lock, home="home"))
    told = []
    rollback.monqctl.change = lambda argv, secret="", content=None, in_context=True: told.append((argv[:3], secret))
    rollback.restore_registry = dict
    rollback.perform("rollback.registry")
    assert told == [(["config", "set", "credential"], "token")]


# ---- what forbids it


def test_other_modules_than_the_upgrade_was_begun_with_refuse(world):
    notes = world.cluster.objects[f"{CONFIGMAPS}/monq-upgrade-6.0.0"]["metadata"]["annotations"]
    notes["monq.platform/steps-from"] = json.dumps({"modules": ["pl", "fm"]})
    with pytest.raises(StepError, match="begun with other modules"):
        world.run(inputs={"modules": ["pl"]}).require_same_plan()
    world.run(inputs={"modules": ["fm", "pl"]}).require_same_plan()


@pytest.mark.parametrize(
    ("step", "asked"), [("upgrade.pl.microservices.replace", True), ("upgrade.routing.cut", False)]
)
def test_what_another_machine_began_is_asked_about(world, step, asked):
    """monqctl may still be at work there; an API call of ours is fenced."""
    Ledger(world.cluster, "production", "6.0.0").load().write(
        step, {**NOW, "state": "intent", "attempt": "a7", "host": "elsewhere", "pid": 7}
    )
    assert stops(world.overview()) == (["alive"] if asked else [])
    if asked:
        assert '"answer": "retry", "attempt": "a7"' in world.overview()["findings"][0]["next"]
    world.resolve = {step: {"answer": "retry", "attempt": "a7"}}
    assert stops(world.overview()) == []
    world.run().require_known_decisions()
    world.resolve = {}
    begun(world, "rollback.diagnostics.save")
    assert stops(world.overview()) == [], "the rollback has begun, so the word was given"


def test_the_words_that_were_given_are_shown_with_the_next_one(world):
    for step, attempt in (("upgrade.pl.microservices.replace", "a7"), ("prepare.registry.update", "a8")):
        Ledger(world.cluster, "production", "6.0.0").load().write(
            step, {**NOW, "state": "intent", "attempt": attempt, "host": "elsewhere", "pid": 7}
        )
    world.resolve = {"upgrade.pl.microservices.replace": {"answer": "retry", "attempt": "a7"}}
    words = {**world.resolve, "prepare.registry.update": {"answer": "retry", "attempt": "a8"}}
    assert json.dumps({"monq_resolve": words}) in world.overview()["findings"][0]["next"]


def stops(report):
    return [one["check"] for one in report["findings"] if one["severity"] == "stop"]


def lose_the_ledger(world):
    world.cluster.drop(f"{CONFIGMAPS}/monq-upgrade-6.0.0")


def test_a_lost_ledger_is_a_stop_and_not_nothing_to_roll_back(world):
    lose_the_ledger(world)
    report = world.overview()
    assert stops(report) == ["version"] and not report["needed"] and "unknown" in report["platform"]
    assert "monq-upgrade-6.0.0-original-0" in report["findings"][0]["expected"]


@pytest.mark.parametrize("read", ["deployment_changes", "old_routes", "registry_counts"])
def test_a_ledger_that_is_lost_after_the_rollback_has_begun_says_what_to_do(world, read):
    world.upgrade()
    begun(world, "rollback.diagnostics.save")
    lose_the_ledger(world)
    assert stops(world.overview()) == ["version"]
    with pytest.raises(SnapshotError, match="does not know its snapshot") as caught:
        getattr(world.rollback(), read)()
    assert "from a backup of the cluster" in caught.value.next_step


def test_without_a_ledger_there_is_nothing_to_roll_back():
    world = World()
    lose_the_ledger(world)
    for path in [path for path in world.cluster.objects if path.startswith(SECRETS)]:
        world.cluster.drop(path)
    assert (
        world.overview(confirm="") == {**world.overview(), "needed": False} and stops(world.overview(confirm="")) == []
    )


@pytest.mark.parametrize("confirm", ["", "staging"])
def test_the_confirmation_is_demanded_but_not_for_a_check(world, confirm):
    assert stops(world.overview(confirm=confirm)) == ["confirmation"]
    assert stops(world.overview(check_mode=True, confirm=confirm)) == []
    with pytest.raises(MonqError, match="may not begin"):
        rollback_checks.require(world.overview(confirm=confirm))


def test_a_closed_release_wants_a_word_more(world):
    world.record(*[step.key for step in UPGRADE if not step.key.endswith(".original")])
    assert stops(world.overview()) == ["closed"]
    assert stops(world.overview(closed=True)) == []


def test_the_annotation_closes_it_too(world):
    world.cluster.objects[f"{CONFIGMAPS}/monq-upgrade-6.0.0"]["metadata"]["annotations"]["monq.platform/closed"] = (
        "2026-03-01"
    )
    assert stops(world.overview()) == ["closed"] and stops(world.overview(closed=True)) == []


def test_an_altered_snapshot_refuses(world):
    path = next(path for path in world.cluster.objects if path.endswith("monq-upgrade-6.0.0-original-0"))
    world.cluster.objects[path]["data"]["chunk"] = "eA=="
    assert stops(world.overview()) == ["snapshot"]
    world.cluster.drop(path)
    assert stops(world.overview()) == ["snapshot"]


def test_a_step_that_is_at_work_refuses(world, monkeypatch):
    world.record("prepare.registry.update", state="intent")
    here = socket.gethostname()
    monkeypatch.setattr(
        rollback_checks.runner,
        "alive",
        lambda entry: [7] if entry.update(host=here) is None and entry["state"] == "intent" else [],
    )
    assert stops(world.overview()) == ["alive"]


def test_a_rollback_that_has_begun_ends_with_the_same_databases(world):
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    world.rollback(world.run(lock)).perform("rollback.diagnostics.save")
    assert stops(world.overview()) == []
    world.databases = [{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}]
    with pytest.raises(StepError, match="step list differs"):
        world.run().require_same_plan()
    assert "steps" in stops(world.overview())


@pytest.mark.parametrize("fault", ["none", "altered", "longer", "gone", "another database", "no dump"])
def test_the_dump_must_be_the_one_that_the_ledger_knows(tmp_path, fault):
    world = World([{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])
    path = tmp_path / "x.dump"
    path.write_bytes(b"dump")
    result = {
        "path": str(path),
        "bytes": 4,
        "sha256": rollback_database.sha256(str(path)),
        "database": "pl_i18n_service",
    }
    if fault == "another database":
        result["database"] = "pl_identity_service"
    if fault != "no dump":
        Ledger(world.cluster, "production", "6.0.0").load().write(
            "prepare.backup.database.pl-i18n-service", {**NOW, "result": result}
        )
    {
        "altered": lambda: path.write_bytes(b"dumq"),
        "longer": lambda: path.write_bytes(b"dump."),
        "gone": path.unlink,
    }.get(fault, lambda: None)()
    found = world.overview()["findings"]
    assert [word.split()[0] for word in stops(world.overview())] == ([] if fault == "none" else ["dump"])
    assert all("leave it" in one["next"] or "leave its database out" in one["next"] for one in found)
    # Once it has begun the step itself says no, and there the operator has a word.
    world.rollback(world.run(lock(world))).perform("rollback.diagnostics.save")
    found = world.overview()["findings"]
    assert stops(world.overview()) == [] and [one["severity"] for one in found] == (
        [] if fault == "none" else ["warning"]
    )
    assert all("leave" not in one["next"] and "nothing was changed" not in one["next"] for one in found)
    if fault != "none":
        known = rollback_steps.dump_of(world.run().upgrade.entries, "pl-i18n-service")[1]
        with pytest.raises(MonqError) as caught:
            rollback_database.DatabaseRestore({"host": "h", "port": 1, "user": "u"}).run("pl_i18n_service", known, 1)
        assert "leave" not in caught.value.next_step and "nothing was changed" not in caught.value.next_step


def test_a_begun_rollback_whose_dump_is_gone_ends_by_the_operators_word():
    """Nobody gets past the check of before otherwise, and the databases must stay named: the list of steps would be
    another one."""
    world = World([{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])
    world.upgrade()
    taken = lock(world)
    restore = DatabaseRestore({"host": "127.0.0.1", "port": 1, "user": "u"})
    dumps = types.SimpleNamespace(dump=lambda *_given: {"path": "/d"})
    gone = {"path": "/nowhere/x.dump", "bytes": 4, "sha256": "x", "database": "pl_i18n_service"}
    Ledger(world.cluster, "production", "6.0.0").load().write(
        "prepare.backup.database.pl-i18n-service", {**NOW, "result": gone}
    )
    for key in ("rollback.diagnostics.save", "rollback.deployments.stop"):
        world.rollback(world.run(taken)).perform(key)
    with pytest.raises(MonqError, match="missing or altered") as caught:
        perform(world.run(taken), dumps, restore, world.databases)
    word = {"rollback.database.pl-i18n-service": {"answer": "accept", "attempt": caught.value.details["attempt"]}}
    assert json.dumps({"monq_resolve": word}) in caught.value.next_step
    world.resolve = word
    rollback_checks.require(world.overview())
    assert perform(world.run(taken), dumps, restore, world.databases) == []
    for key in all_steps(world, world.rollback()):
        world.settle()
        world.rollback(world.run(taken)).perform(key)
    assert RollbackLedger(world.cluster, "production", "6.0.0").load().finished


@pytest.mark.parametrize("fault", ["context", "snapshot", "permission"])
def test_what_can_be_answered_at_its_step_stops_only_what_has_not_begun(world, fault):
    def wrong():
        raise CommandError("monqctl's current context is another one")

    if fault == "context":
        world.monqctl.require_context = wrong
    elif fault == "snapshot":
        world.cluster.drop(f"{SECRETS}/monq-upgrade-6.0.0-original-0")
    allowed = fault != "permission"
    assert set(stops(world.overview(allowed=allowed))) == {
        {"context": "identity", "permission": "permissions"}.get(fault, fault)
    }
    begun(world, "rollback.diagnostics.save")
    report = world.overview(allowed=allowed)
    assert stops(report) == [] and any(one["severity"] == "warning" for one in report["findings"])
    assert stops(world.overview(allowed=allowed, confirm="")) == ["confirmation"], (
        "the operator's own words have no step"
    )


@pytest.mark.parametrize("read", ["template_differs", "registry_counts", "registry_entries"])
def test_another_context_is_another_registry_at_the_step_too(world, read):
    def wrong():
        raise CommandError("monqctl's current context is another one")

    world.upgrade().monqctl.require_context = wrong
    with pytest.raises(CommandError, match="another one"):
        getattr(world.rollback(), read)()


@pytest.mark.parametrize("given", ["retry", ["retry"], {"attempt": "a7"}, {"answer": "perhaps"}])
def test_an_answer_that_is_none_says_the_form(world, given):
    world.resolve = {"upgrade.pl.microservices.replace": given}
    with pytest.raises(InputError, match="unknown answer") as caught:
        world.overview()
    assert '"attempt": "the ID shown in the error"' in caught.value.expected


@pytest.mark.parametrize(
    ("key", "known"),
    [("upgrade.routing.cut", True), ("rollback.routing.remove", True), ("rollback.routing.removed", False)],
)
def test_answers_to_both_lists_of_steps_are_known_and_no_others(world, key, known):
    world.resolve = {key: {"answer": "retry", "attempt": "a1"}}
    with contextlib.nullcontext() if known else pytest.raises(InputError, match="not part of the plan"):
        world.overview()


def test_steps_refuse_without_the_lock_and_before_their_predecessors(world):
    world.upgrade()
    for run, message in ((world.run(), "must come first|holds no lock"),):
        with pytest.raises(StepError, match=message):
            world.rollback(run).perform("rollback.routing.remove")
    assert not [path for _method, path in world.cluster.writes if path.startswith(INGRESSES)]
    assert f"{LEASES}/monq-upgrade" not in world.cluster.objects
    with pytest.raises(StepError) as caught:
        world.rollback(world.run()).perform("rollback.diagnostics.save")
    assert caught.value.platform.startswith("DOWN since 2026-03-01T10:00:00Z")


def test_check_mode_predicts_and_does_nothing(world):
    world.upgrade()
    writes = len(world.cluster.bodies)
    run = world.run(check_mode=True)
    for step in run.plan:
        world.rollback(run).perform(step.key)
    assert run.predicted == [step.key for step in run.plan] and run.changed
    assert len(world.cluster.bodies) == writes and world.monqctl.calls == []
