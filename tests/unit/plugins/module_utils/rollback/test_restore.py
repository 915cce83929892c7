"""What a rollback puts back (module_utils.rollback.restore): differences only, and all that can be put back."""

from __future__ import annotations

import functools
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, ApiUnreachable, LockError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s.watch import RolloutWatcher
from ansible_collections.monq.platform.plugins.module_utils.rollback import restore
from ansible_collections.monq.platform.plugins.module_utils.rollback import run as rollback_run
from ansible_collections.monq.platform.plugins.module_utils.rollback.ledger import RollbackLedger
from fake_cluster import CONFIGMAPS, DEPLOYMENTS, INGRESSES, PODS, REPLICA_SETS, Listed, deployment, ingress
from fake_rollback import REGISTRY, World, all_steps


@pytest.fixture
def world():
    return World()


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


def test_the_wait_for_the_rollouts_says_how_far_it_is(world, monkeypatch):
    said, watcher = [], functools.partial(RolloutWatcher, clock=world.clock, source=Listed.by(world.clock))
    monkeypatch.setattr(restore, "RolloutWatcher", watcher)
    session = world.session()
    session.progress = types.SimpleNamespace(say=lambda text, *numbers: said.append((text, *numbers)))
    world.cluster.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 3, ready=1))
    world.clock.at(3, world.settle)
    restore.Rollback(session, world.clock, world.clock.sleep).wait_rollout()
    assert said[0] == ("ready", 1, 2, {})


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


def test_another_list_of_alias_domains_loses_no_route(world):
    """What the cut did remove is in the ledger."""
    world.cluster.put(f"{INGRESSES}/frontend-alias", ingress("frontend-alias", "alias.test"))
    world.save("original", "prepare")
    world.upgrade()
    world.record_result("upgrade.routing.cut", {"removed": ["frontend-alias", "frontend-box"]})
    world.cluster.drop(f"{INGRESSES}/frontend-alias")
    assert [change.name for change in world.rollback().old_routes()] == ["frontend-alias", "frontend-box"]


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
    with pytest.raises(MonqError, match="do not terminate"):
        world.rollback().stop()


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


def test_diagnostics_are_saved_though_the_registry_is_down(world):
    world.monqctl.down = True
    seal = world.rollback().save_diagnostics()
    saved = SnapshotStore(world.cluster, "production", "6.0.0").open("rollback", seal)
    assert "not readable" in saved["replicas"] and saved["deployments"] and saved["ledger"]["prepare.snapshot.original"]


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
    with pytest.raises(MonqError, match="does not match its pre-upgrade state") as caught:
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
    with pytest.raises(MonqError, match="could be restored") as caught:
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
    with pytest.raises(MonqError, match="1 failed") as caught:
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
    with pytest.raises(MonqError, match="2 failed") as caught:
        world.rollback().restore_deployments()
    assert "no pl-a" in caught.value.seen and "no pl-c" in caught.value.seen and len(refused) == 2


@pytest.mark.parametrize("error", [LockError("the lock is lost"), ApiUnreachable("no answer")])
def test_without_the_lock_or_the_api_no_other_is_tried(world, error):
    refuse(several(world), "PUT", f"{DEPLOYMENTS}/pl-a", error)
    with pytest.raises(type(error)):
        world.rollback().restore_deployments()
    assert [path for method, path in world.cluster.writes if method == "PUT"] == [f"{DEPLOYMENTS}/pl-a"]


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
