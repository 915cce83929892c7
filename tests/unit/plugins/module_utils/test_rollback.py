"""A rollback on an API server in a dictionary: differences only, gates, refusals."""

from __future__ import annotations

import copy
import json
import socket

import pytest
from ansible_collections.monq.platform.plugins.module_utils import rollback_checks, rollback_database, rollback_run, steps
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, CommandError, LockError, MonqError, StepError
from ansible_collections.monq.platform.plugins.module_utils.installation import TEMPLATE
from ansible_collections.monq.platform.plugins.module_utils.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.replicas import table
from ansible_collections.monq.platform.plugins.module_utils.rollback import Rollback
from ansible_collections.monq.platform.plugins.module_utils.rollback_ledger import RollbackLedger, number
from ansible_collections.monq.platform.plugins.module_utils.rollback_steps import plan
from ansible_collections.monq.platform.plugins.module_utils.sealed import SealedStore
from fake_cluster import CONFIGMAPS, DEPLOYMENTS, INGRESSES, LEASES, PODS, REPLICA_SETS, SECRETS, Clock, FakeCluster, deployment, ingress
from repository import RELEASE

REGISTRY = RELEASE["registry_deployment"]
UPGRADE = steps.plan(RELEASE, ["pl"])
NOW = {"state": "done", "started": "2026-03-01T10:00:00Z"}


class FakeMonqctl:
    """A registry: a template and microservices."""

    def __init__(self):
        self.template = {"JsonConfig": {"v": 5}}
        self.services = [{"Name": "pl-a", "Replicas": 3, "Version": "5.9.3"}, {"Name": REGISTRY, "Replicas": 1, "Version": "3.1.0"}]
        self.calls = []
        self.down = False

    def read_json(self, *argv):
        if self.down:
            raise CommandError("monqctl failed", "registry", "an answer", "no route")
        if list(argv) == TEMPLATE:
            return copy.deepcopy(self.template)
        named = [row for row in self.services if row["Name"] == argv[3]]
        return copy.deepcopy(named[0] if named else self.services)

    def change(self, argv, secret="", content=None, guard=True):
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
        self.seal("original", "prepare")

    def installation(self):
        return {
            path: {"labels": obj["metadata"].get("labels") or {}, "spec": obj["spec"]}
            for path, obj in sorted(self.cluster.objects.items())
            if path.startswith((DEPLOYMENTS, INGRESSES))
        }

    def seal(self, name, stage):
        store, ledger = SealedStore(self.cluster, "production", "6.0.0"), Ledger(self.cluster, "production", "6.0.0").load()
        found, counts = self.cluster.items(DEPLOYMENTS), {row["Name"]: row["Replicas"] for row in self.monqctl.services}
        held = {"deployments": found, "ingresses": self.cluster.items(INGRESSES), "hpas": [], "template": copy.deepcopy(self.monqctl.template)}
        held["microservices"] = {row["Name"]: dict(row) for row in self.monqctl.services}
        ledger.write(f"{stage}.snapshot.{name}", {**NOW, "result": store.seal(name, held)})
        ledger.write(f"{stage}.replicas.{name}", {**NOW, "result": store.seal(name + "-replicas", table(found, [], counts))})

    def record(self, *keys, state="done"):
        ledger = Ledger(self.cluster, "production", "6.0.0").load()
        for key in keys:
            ledger.write(key, {**NOW, "state": state})
        return self

    def upgrade(self):
        """Cut, new routing, Replace: everything has changed."""
        self.record("prepare.registry.update")
        self.seal("cut", "upgrade")
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
        own = own if own.unfinished else number(own, upgrade.attempt)
        names = [item["microservice"] for item in self.databases]
        lease = rollback_run.Lease(self.cluster, "production", 120, self.clock, self.clock.sleep)
        given.setdefault("resolve", self.resolve)
        return rollback_run.RollbackRun(upgrade, UPGRADE, names, plan(UPGRADE, names), own, lease, lock_id, **given)

    def given(self, **more):
        blank = {
            "namespace": "production",
            "plan": {"release": RELEASE, "modules": ["pl"], "registry_replicas": "monqctl", "configure": False},
            "replica_commands": {},
            "domain": "monq.example.org",
            "alias_domains": [],
            "alias_ingresses": [],
            "timeout": 60,
            "databases": self.databases,
            "environment": "production",
            "confirm": "production",
            "closed": False,
        }
        return {**blank, **more}

    def rollback(self, run=None, **more):
        return Rollback(self.cluster, run or self.run(), self.given(**more), self.monqctl, self.clock, self.clock.sleep)

    def overview(self, check_mode=False, **more):
        run, create = self.run(), self.cluster.create
        self.cluster.create = lambda path, body: {"status": {"allowed": True}} if "selfsubject" in path else create(path, body)
        try:
            return rollback_checks.overview(run, self.rollback(run), self.given(**more), check_mode)
        finally:
            self.cluster.create = create

    def settle(self):
        """The Deployment controller: what stands is rolled out."""
        for path, obj in self.cluster.objects.items():
            if path.startswith(DEPLOYMENTS):
                count = obj["spec"]["replicas"]
                obj["metadata"].setdefault("generation", 1)
                obj["status"] = {"observedGeneration": obj["metadata"]["generation"], "replicas": count, "updatedReplicas": count, "availableReplicas": count}


@pytest.fixture
def world():
    return World()


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
    world.seal("cut", "upgrade")
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
    for part in ("Deployment pl-a", "Deployment pl-new", "Ingress pl-api", "Ingress frontend-box", "template", "pl-a in the registry"):
        assert part in caught.value.seen


def test_diagnostics_are_saved_though_the_registry_is_down(world):
    world.monqctl.down = True
    seal = world.rollback().save_diagnostics()
    saved = SealedStore(world.cluster, "production", "6.0.0").open("rollback", seal)
    assert "not readable" in saved["replicas"] and saved["deployments"] and saved["ledger"]["prepare.snapshot.original"]


def begun(world, step, state="done", **more):
    """An entry in the rollback's own ledger."""
    number(RollbackLedger(world.cluster, "production", "6.0.0"), 1).load().write(step, {**NOW, "state": state, "attempt": "a1", **more})


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
    world.seal("original", "prepare")
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
    assert RollbackLedger(world.cluster, "production", "6.0.0").load().get("rollback.registry_template.apply")["state"] == "accepted"


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
    world.cluster.put(SECRETS + "/" + token["secret"], {"metadata": {"name": token["secret"]}, "data": {token["key"]: "dG9rZW4="}})
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    for key in ("rollback.diagnostics.save", "rollback.routing.remove"):
        world.rollback(world.run(lock)).perform(key)
    world.settle()
    rollback = world.rollback(world.run(lock, home="home"))
    told = []
    rollback.monqctl.change = lambda argv, secret="", content=None, guard=True: told.append((argv[:3], secret))
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


@pytest.mark.parametrize(("step", "asked"), [("upgrade.pl.microservices.replace", True), ("upgrade.routing.cut", False)])
def test_what_another_machine_began_is_asked_about(world, step, asked):
    """monqctl may still be at work there; an API call of ours is fenced."""
    Ledger(world.cluster, "production", "6.0.0").load().write(step, {**NOW, "state": "intent", "attempt": "a7", "host": "elsewhere", "pid": 7})
    assert stops(world.overview()) == (["alive"] if asked else [])
    if asked:
        assert '"answer": "retry", "attempt": "a7"' in world.overview()["findings"][0]["next"]
    world.resolve = {step: {"answer": "retry", "attempt": "a7"}}
    assert stops(world.overview()) == []
    world.run().require_known_answers()


def stops(report):
    return [one["check"] for one in report["findings"] if one["severity"] == "stop"]


def test_without_a_ledger_there_is_nothing_to_roll_back():
    world = World()
    world.cluster.drop(f"{CONFIGMAPS}/monq-upgrade-6.0.0")
    assert world.overview(confirm="") == {**world.overview(), "needed": False} and stops(world.overview(confirm="")) == []


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
    world.cluster.objects[f"{CONFIGMAPS}/monq-upgrade-6.0.0"]["metadata"]["annotations"]["monq.platform/closed"] = "2026-03-01"
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
    monkeypatch.setattr(rollback_checks.guarded_run, "alive", lambda entry: [7] if entry.update(host=here) is None and entry["state"] == "intent" else [])
    assert stops(world.overview()) == ["alive"]


def test_a_rollback_that_has_begun_ends_with_the_same_databases(world):
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    world.rollback(world.run(lock)).perform("rollback.diagnostics.save")
    assert stops(world.overview()) == []
    world.databases = [{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}]
    with pytest.raises(StepError, match="another list of steps"):
        world.run().require_same_plan()
    assert "steps" in stops(world.overview())


@pytest.mark.parametrize("fault", ["none", "altered", "longer", "gone", "another database", "no dump"])
def test_the_dump_must_be_the_one_that_the_ledger_knows(tmp_path, fault):
    world = World([{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])
    path = tmp_path / "x.dump"
    path.write_bytes(b"dump")
    result = {"path": str(path), "bytes": 4, "sha256": rollback_database.sha256(str(path)), "database": "pl_i18n_service"}
    if fault == "another database":
        result["database"] = "pl_identity_service"
    if fault != "no dump":
        Ledger(world.cluster, "production", "6.0.0").load().write("prepare.backup.database.pl-i18n-service", {**NOW, "result": result})
    {"altered": lambda: path.write_bytes(b"dumq"), "longer": lambda: path.write_bytes(b"dump."), "gone": path.unlink}.get(fault, lambda: None)()
    assert [word.split()[0] for word in stops(world.overview())] == ([] if fault == "none" else ["dump"])


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
