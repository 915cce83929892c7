"""A plan of an installation: each part that changes is named, and what changes by itself leaves it valid."""

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.approval import document, parts, text
from ansible_collections.monq.platform.plugins.module_utils.approval.following import follow, make
from ansible_collections.monq.platform.plugins.module_utils.approval.store import PlanStore
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import PLAN
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, StepError
from fake_cluster import CONFIGMAPS, DEPLOYMENTS, INGRESSES, SECRETS, ingress
from fake_planning import NAMESPACE, REGISTRY, World

LEDGER = f"{CONFIGMAPS}/monq-upgrade-6.0.0"
NOW = datetime.datetime(2026, 11, 26, 12, 0, 0, tzinfo=datetime.timezone.utc)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def annotate(name, value):
    def change(obj):
        obj["metadata"].setdefault("annotations", {})[name] = value

    return change


def pod(change):
    return lambda obj: change(obj["spec"]["template"])


def set_status(obj):
    obj["status"] = {"observedGeneration": 9, "replicas": 0, "updatedReplicas": 0, "availableReplicas": 0}


def restarted(template):
    template.setdefault("metadata", {})["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-11-26T10:00:00Z"}


def scaled(count):
    def change(obj):
        obj["spec"]["replicas"] = count

    return change


BY_ITSELF = {
    "status": lambda w: w.edit(f"{DEPLOYMENTS}/pl-x", set_status),
    "resourceVersion": lambda w: w.edit(f"{DEPLOYMENTS}/pl-x", lambda obj: None),
    "managedFields": lambda w: w.edit(
        f"{INGRESSES}/frontend-box", lambda obj: obj["metadata"].update(managedFields=[{}])
    ),
    "generation": lambda w: w.edit(f"{DEPLOYMENTS}/pl-x", lambda obj: obj["metadata"].update(generation=7)),
    "a restart": lambda w: w.edit(f"{DEPLOYMENTS}/pl-x", pod(restarted)),
    "an HPA's count": lambda w: w.edit(f"{DEPLOYMENTS}/pl-h", scaled(5)),
    "the rollout's revision": lambda w: w.edit(
        f"{DEPLOYMENTS}/pl-x", annotate("deployment.kubernetes.io/revision", "9")
    ),
    "an Ingress's status": lambda w: w.edit(
        f"{INGRESSES}/frontend-box", lambda obj: obj.update(status={"loadBalancer": {}})
    ),
    "kubectl's memory": lambda w: w.edit(
        f"{INGRESSES}/frontend-box", annotate("kubectl.kubernetes.io/last-applied-configuration", "{}")
    ),
    "an information": lambda w: w.given["findings"].append({"check": "x", "severity": "info", "object": "y"}),
    "a missing confirmation": lambda w: w.given["findings"].append(
        {"check": "confirmation", "severity": "stop", "object": "monq_confirm_outage"}
    ),
    "another module's Deployment": lambda w: w.edit(f"{DEPLOYMENTS}/cl-x", scaled(4)),
    "the order of findings": lambda w: w.given["findings"].reverse(),
}


@pytest.mark.parametrize("what", BY_ITSELF)
def test_what_changes_by_itself_leaves_a_plan_valid(world, what):
    before = world.plan()
    BY_ITSELF[what](world)
    assert document.differing(before, world.plan()) == []


def plan_variable(**changed):
    return lambda world: world.given.update(plan={**world.given.get("plan", {}), **changed})


def given(**changed):
    return lambda world: world.given.update(changed)


def edited(path, change):
    return lambda world: world.edit(path, change)


def put(path, obj):
    return lambda world: world.put(path, obj)


def container(name, **fields):
    return edited(f"{DEPLOYMENTS}/{name}", pod(lambda template: template["spec"]["containers"][0].update(fields)))


CHANGED = {
    "namespace made anew": (["identity"], put(NAMESPACE, {"metadata": {"uid": "n2"}})),
    "domain": (["variables"], given(domain="new.example.org")),
    "images in the outage": (["steps", "variables"], plan_variable(prefetch_images=False)),
    "modules": (["deployments", "replicas", "steps", "variables"], plan_variable(modules=["pl", "cl"])),
    "an old route made anew": (
        ["routes_removed"],
        put(f"{INGRESSES}/frontend-box", ingress("frontend-box", "monq.example.org", uid="u2")),
    ),
    "an old route's annotation": (["routes_removed"], edited(f"{INGRESSES}/frontend-box", annotate("nginx/x", "1"))),
    "a route that stays": (["routes_kept"], put(f"{INGRESSES}/new", ingress("new", "new.example.org"))),
    "template": (["template"], lambda world: world.monqctl.template["JsonConfig"]["Deployment"].update(note="x")),
    "image": (["deployments"], container("pl-x", image="registry/pl-x:6.0.1")),
    "environment variable": (["deployments"], container("pl-x", env=[{"name": "A", "value": "s3cret"}])),
    "paused": (["deployments"], edited(f"{DEPLOYMENTS}/pl-x", lambda obj: obj["spec"].update(paused=True))),
    "count": (["replicas"], edited(f"{DEPLOYMENTS}/pl-x", scaled(1))),
    "an HPA's Deployment at 0": (["replicas"], edited(f"{DEPLOYMENTS}/pl-h", scaled(0))),
    "the registry's count": (["replicas"], lambda world: world.monqctl.counts.update({"pl-h": 1})),
    "the registry's image": (["deployments", "registry"], container(REGISTRY, image="registry/r:2")),
    "monqctl": (["versions"], lambda world: setattr(world.monqctl, "number", (1, 2, 0))),
    "PostgreSQL": (["versions"], lambda world: setattr(world.server, "version", "16.1")),
    "Kubernetes": (["versions"], put("/version", {"gitVersion": "v1.21.0"})),
    "certificate": (["certificates"], edited(f"{SECRETS}/tls", lambda obj: obj["data"].update({"tls.crt": "dHdv"}))),
    "finding": (["findings"], given(findings=[])),
    "rolled back since": (["ledger"], put(LEDGER, {"metadata": {"annotations": {"monq.platform/attempt": "2"}}})),
    "a step done": (
        ["ledger"],
        put(LEDGER, {"data": {"prepare.snapshot.original": json.dumps({"state": "done"})}}),
    ),
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_somebody_changed_is_named(world, what):
    before = world.plan()
    names, change = CHANGED[what]
    change(world)
    live = world.plan()
    assert document.differing(before, live) == names
    lines = document.explained(before, live, names)
    assert {line.partition(".")[0].partition(":")[0] for line in lines} == set(names)
    assert "s3cret" not in json.dumps(live)


def test_every_part_is_changed_by_one_of_these(world):
    untested = {"sql"}  # read from an exported release: see test_sql_files_are_a_part
    assert set(world.plan()["parts"]) - untested == {name for names, _change in CHANGED.values() for name in names}


def test_sql_files_are_a_part(world, tmp_path):
    folder = tmp_path / "release" / "pl"
    folder.mkdir(parents=True)
    release = world.session().release
    for sql in release["modules"]["pl"]["sql"]:
        (folder / sql["file"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / sql["file"]).write_text("SELECT 1")
    variables = {**world.session().params["plan"]["variables"], "release_source_dir": str(tmp_path / "release")}
    plan_variable(variables=variables)(world)
    before = world.plan()
    (folder / release["modules"]["pl"]["sql"][0]["file"]).write_text("SELECT 2")
    assert before["parts"]["sql"] and document.differing(before, world.plan()) == ["sql"]


def test_without_a_context_the_registry_is_said_not_to_be_read(world):
    found = world.reading(deferred=True).plan("production")
    assert found["parts"]["template"] == parts.NOT_READ == found["parts"]["replicas"]["registry"]
    assert document.differing(world.plan(), found) == ["replicas", "template"]


def test_an_account_that_may_not_read_the_namespace_still_gets_a_plan(world):
    from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError

    def deny(method, path):
        if path in (NAMESPACE, "/version"):
            raise ApiError(403, "Forbidden", "denied", method, path)

    world.cluster.before = deny
    assert world.plan()["parts"]["identity"]["uid"] == ""


# ---- the page


def test_the_page_begins_with_what_is_deleted(world):
    page = text.page(world.plan())
    order = [
        "WILL BE DELETED: 1 Ingresses",
        "WILL BE REPLACED",
        "CANNOT BE UNDONE",
        "## Steps",
        "## Template",
        "Approved by",
    ]
    assert [page.index(words) for words in order] == sorted(page.index(words) for words in order)
    assert page.startswith(text.NOTE) and page.endswith(text.NOTE + "\n")
    keys = [step.key for step in world.session().run.plan]
    assert [key for key in keys if f"`{key}`: " not in page] == []
    assert "monqctl release update microservices --module=pl --k8s-merge-type=Replace" in page
    assert "frontend" in text.summary(world.plan()) and world.plan()["id"] in text.summary(world.plan())


# ---- following it


def approve(world, named, check_mode=False, **more):
    session = world.session(check_mode=check_mode, lock_id=world.lock, **{"given": named, **more})
    return follow(session, PlanStore(str(world.folder / "plans")), world.reading(session), NOW)


@pytest.fixture
def signed(world):
    """A world with a plan that was made, and the lock."""
    made = make(PlanStore(str(world.folder / "plans")), world.reading(), "", "production")
    world.lock, world.signed = world.session().lease.acquire("us"), made["id"]
    return world


def noted(world):
    return (world.cluster.objects.get(LEDGER) or {}).get("metadata", {}).get("annotations", {}).get(PLAN)


def test_a_plan_is_written_for_its_owner_alone(signed):
    for path in (signed.folder / "plans").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in (signed.folder / "plans").iterdir()} >= {"plan.json", "plan.md"}


@pytest.mark.parametrize("form", ["id", "path", "mapping"])
def test_the_approved_plan_is_recorded(signed, form):
    path = str(signed.folder / "plans" / "plan.json")
    named = {"id": signed.signed, "path": path, "mapping": {"production": signed.signed}}[form]
    assert approve(signed, named)["id"] == signed.signed == noted(signed)


def test_another_state_is_refused_before_anything_is_written(signed):
    signed.edit(f"{DEPLOYMENTS}/pl-x", scaled(1))
    with pytest.raises(StepError, match="nothing was changed") as caught:
        approve(signed, signed.signed)
    assert "replicas.pl-x.kubernetes: 2 -> 1" in caught.value.seen and noted(signed) is None


def test_a_run_that_resumes_is_not_compared_with_its_own_changes(signed):
    approve(signed, signed.signed)
    signed.edit(f"{DEPLOYMENTS}/pl-x", scaled(1))
    path = str(signed.folder / "plans" / "plan.json")
    assert approve(signed, signed.signed)["id"] == approve(signed, path)["id"] == signed.signed


def test_a_used_plan_is_refused_after_a_rollback(signed):
    """the ledger is gone with its annotation, and the number of the upgrade has grown"""
    approve(signed, signed.signed)
    signed.cluster.drop(LEDGER)
    notes = {"monq.platform/attempt": "1", "monq.platform/state": "finished"}
    signed.put(f"{CONFIGMAPS}/monq-rollback-6.0.0", {"metadata": {"annotations": notes}, "data": {}})
    with pytest.raises(StepError) as caught:
        approve(signed, signed.signed)
    assert caught.value.details["parts"] == ["ledger"]


def test_a_newer_plan_takes_the_place_of_one_that_was_used(signed):
    approve(signed, signed.signed)
    signed.edit(LEDGER, lambda obj: obj.update(data={"prepare.snapshot.original": json.dumps({"state": "done"})}))
    newer = make(PlanStore(str(signed.folder / "plans")), signed.reading(), "", "production")["id"]
    assert approve(signed, newer)["id"] == newer == noted(signed)
    with pytest.raises(StepError):
        approve(signed, signed.signed)


def test_a_plan_of_elsewhere_and_an_old_one_and_none_are_refused(signed):
    with pytest.raises(InputError, match="not on this machine"):
        approve(signed, "sha256:" + "0" * 64)
    with pytest.raises(InputError, match="cannot be read"):
        approve(signed, "/nowhere/plan.json")
    with pytest.raises(InputError, match="demands an approved plan"):
        approve(signed, "")
    path = signed.folder / "plans" / "plan.json"
    old = {**json.loads(path.read_text()), "made_at": "2026-11-01T00:00:00Z"}
    path.write_text(json.dumps(old))
    with pytest.raises(StepError, match="too old"):
        approve(signed, str(path), max_age=604800)
    assert noted(signed) is None


def test_a_step_demands_that_the_plan_was_compared(signed):
    """whatever --tags or --start-at-task left out"""
    for approved in ("not compared", signed.signed):
        run = signed.session(check_mode=False, lock_id=signed.lock, approved_plan=approved).run
        with pytest.raises(StepError, match="no approved plan was compared"):
            run.execute("prepare.snapshot.original", lambda: pytest.fail("it ran"))
    approve(signed, signed.signed)
    run = signed.session(check_mode=False, lock_id=signed.lock, approved_plan=signed.signed).run
    run.execute("prepare.snapshot.original", lambda: "ran")
    assert run.done == ["prepare.snapshot.original"] and noted(signed) == signed.signed


def test_a_plan_shows_what_differs_from_the_approved_one(signed):
    store = PlanStore(str(signed.folder / "plans"))
    assert make(store, signed.reading(), signed.signed, "production")["differences"] == []
    signed.edit(f"{DEPLOYMENTS}/pl-x", scaled(1))
    made = make(store, signed.reading(), signed.signed, "production")
    assert made["differences"] == ["replicas.pl-x.kubernetes: 2 -> 1"] and "no longer applies" in made["text"]
