"""What a rollback puts back, and what it leaves alone."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.monq.platform.plugins.module_utils.rollback import differences
from fake_cluster import deployment, hpa, ingress

REGISTRY = "pl-microservice-registry-api-service"
DOMAINS = ["monq.example.org", "*.alias.example.org"]


def changed(obj, **spec):
    made = copy.deepcopy(obj)
    made["metadata"]["uid"] = "another"
    made["metadata"]["resourceVersion"] = "7"
    made["spec"].update(spec)
    return made


SEALED = deployment("pl-a", 3)


def leaving(obj):
    made = copy.deepcopy(obj)
    made["metadata"].update(deletionTimestamp="2026-03-01T10:00:00Z", finalizers=["example.com/held"])
    return made


@pytest.mark.parametrize(
    ("now", "owned", "expected"),
    [
        pytest.param([SEALED], False, [], id="the same"),
        pytest.param([], False, [("create", 3)], id="gone"),
        pytest.param([leaving(SEALED)], False, [("create", 3)], id="still being deleted"),
        pytest.param(
            [leaving(changed(SEALED, replicas=5))], True, [("create", 3)], id="still being deleted, with an HPA"
        ),
        pytest.param([changed(SEALED, replicas=1)], False, [("update", 3)], id="another count"),
        pytest.param([changed(SEALED, replicas=0)], False, [("update", 3)], id="stopped"),
        pytest.param([changed(SEALED, paused=True)], False, [("update", 3)], id="another spec"),
        pytest.param(
            [changed(SEALED, selector={"matchLabels": {"app": "x"}})], False, [("recreate", 3)], id="another selector"
        ),
        pytest.param([changed(SEALED, replicas=5)], True, [], id="its HPA's count stays"),
        pytest.param([changed(SEALED, replicas=0)], True, [("update", 3)], id="an HPA is off at 0"),
        pytest.param(
            [changed(SEALED, replicas=5, paused=True)],
            True,
            [("update", 5)],
            id="its HPA's count stays with another spec",
        ),
    ],
)
def test_a_deployment_is_put_back_as_it_was(now, owned, expected):
    found = differences.deployments([SEALED], now, [hpa("pl-a")] if owned else [], REGISTRY)
    assert [(change.action, change.content["spec"]["replicas"]) for change in found] == expected


def test_what_was_on_its_way_out_before_the_upgrade_is_not_brought_back():
    assert differences.deployments([leaving(SEALED)], [leaving(SEALED)], [], REGISTRY) == []
    old = leaving(ingress("frontend-box", "monq.example.org"))
    assert differences.old_routes([old], [old], [old], select("frontend-box")) == []


def test_an_old_route_that_is_still_being_deleted_is_made_again():
    """The cut has deleted it, and a finalizer holds it: it stands, and it will be gone."""
    old = ingress("frontend-box", "monq.example.org")
    (change,) = differences.old_routes([old], [old], [leaving(old)], select("frontend-box"))
    assert change.action == "create" and differences.described(change) == "create (still being deleted)"
    made = differences.body(change, "Ingress", "extensions/v1beta1", "production")
    assert set(made["metadata"]) == {"name", "namespace", "labels", "annotations"}


def test_an_hpas_deployment_that_stood_at_0_stays_off():
    sealed = deployment("pl-a", 0)
    found = differences.deployments([sealed], [changed(sealed, replicas=4)], [hpa("pl-a")], REGISTRY)
    assert [change.content["spec"]["replicas"] for change in found] == [0]


def test_the_registrys_own_deployment_is_left_alone():
    assert differences.deployments([deployment(REGISTRY)], [], [], REGISTRY) == []


def test_labels_and_notes_count_but_for_the_controllers():
    sealed, now = deployment("pl-a"), deployment("pl-a")
    now["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "4"}
    assert differences.deployments([sealed], [now], [], REGISTRY) == []
    now["metadata"]["annotations"]["monq.version"] = "6.0.0"
    assert [change.action for change in differences.deployments([sealed], [now], [], REGISTRY)] == ["update"]


def test_an_update_is_guarded_and_a_new_object_has_no_identity():
    now = changed(SEALED, replicas=1)
    now["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "4", "theirs": "1"}
    (update,) = differences.deployments([SEALED], [now], [], REGISTRY)
    meta = differences.body(update, "Deployment", "apps/v1", "production")["metadata"]
    assert meta["resourceVersion"] == "7" and meta["uid"] == "another"
    assert meta["annotations"] == {"deployment.kubernetes.io/revision": "4"}
    (create,) = differences.deployments([SEALED], [], [], REGISTRY)
    made = differences.body(create, "Deployment", "apps/v1", "production")
    assert set(made["metadata"]) == {"name", "namespace", "labels", "annotations"} and "status" not in made


def test_what_the_upgrade_brought_is_what_neither_snapshot_knows():
    now = [deployment(name) for name in ("pl-a", "pl-between", "pl-new", "stranger", REGISTRY)]
    found = differences.brought([deployment("pl-a")], [deployment("pl-between")], now, ["pl-*"], REGISTRY)
    assert [(change.action, change.name) for change in found] == [("delete", "pl-new")]


def test_what_runs_is_stopped_but_the_registry_and_strangers():
    now = [deployment("pl-a", 2), deployment("pl-off", 0), deployment("stranger"), deployment(REGISTRY)]
    assert [d["metadata"]["name"] for d in differences.running(now, ["pl-*"], REGISTRY)] == ["pl-a"]


# ---- routes


@pytest.mark.parametrize(
    ("route", "goes"),
    [
        (ingress("pl-api", "monq.example.org"), True),
        (ingress("pl-api", "monq.example.org", "x.alias.example.org"), True),
        (ingress("pl-api", "monq.example.org", "partner.example.com"), False),
        (ingress("landing", "example.com"), False),
        (ingress("no-host"), False),
        (ingress("old", "monq.example.org", uid="known"), False),
    ],
    ids=["ours", "with an alias", "another host too", "a stranger's", "no host", "of before"],
)
def test_new_routes_are_known_by_uid_and_hosts(route, goes):
    found = differences.new_routes([route], [ingress("old", "monq.example.org", uid="known")], DOMAINS)
    assert bool(found) == goes


def test_a_route_that_belongs_to_another_object_is_its_owners():
    """cert-manager's solvers serve Monq's hosts for a moment."""
    route = ingress("cm-acme-http-solver-x", "monq.example.org")
    route["metadata"]["ownerReferences"] = [{"kind": "Challenge", "uid": "u"}]
    assert differences.new_routes([route], [], DOMAINS) == []


def test_an_old_route_that_was_put_back_is_no_new_one():
    old = ingress("frontend-box", "monq.example.org")
    again = changed(old)
    assert differences.new_routes([again], [old], DOMAINS) == []
    again["spec"]["rules"][0]["http"]["paths"] = [{"path": "/new"}]
    assert [change.name for change in differences.new_routes([again], [old], DOMAINS)] == ["frontend-box"]


def select(*names):
    return lambda found: [
        {"name": i["metadata"]["name"], "uid": i["metadata"]["uid"]} for i in found if i["metadata"]["name"] in names
    ]


def test_old_routes_come_back_and_nothing_else():
    original = [ingress("frontend-box", "monq.example.org"), ingress("landing", "example.com")]
    cut = [*original, ingress("frontend-later", "x.alias.example.org")]
    found = differences.old_routes(original, cut, [], select("frontend-box", "frontend-later"))
    assert [(change.action, change.name) for change in found] == [
        ("create", "frontend-box"),
        ("create", "frontend-later"),
    ]


def test_a_route_that_was_never_removed_is_left_and_another_of_its_name_is_put_right():
    original = [ingress("frontend-box", "monq.example.org")]
    edited = ingress("frontend-box", "other.example.org")
    assert differences.old_routes(original, original, [edited], select("frontend-box")) == [], (
        "the same uid: the upgrade never touched it"
    )
    edited["metadata"]["uid"] = "new"
    (change,) = differences.old_routes(original, original, [edited], select("frontend-box"))
    assert change.action == "update" and change.content["spec"] == original[0]["spec"]


# ---- the registry


def test_entries_that_differ_or_are_gone_are_put_back():
    sealed = {"a": {"Version": "5"}, "b": {"Version": "5"}, "gone": {"Version": "5"}, REGISTRY: {"Version": "3.1.0"}}
    now = {"a": {"Version": "6"}, "b": {"Version": "5"}, "new": {"Version": "6"}, REGISTRY: {"Version": "3.2.0"}}
    changed_entries, left = differences.entries(sealed, now, REGISTRY)
    assert changed_entries == [("a", {"Version": "5"}), ("gone", {"Version": "5"})]
    assert set(left) == {"new"}


def test_counts_that_changed_between_the_snapshots_are_told_but_an_hpas_are_not():
    row = {"hpa": False, "paused": False, "healthy": True}
    original = {
        "a": {**row, "kubernetes": 2, "registry": 2},
        "h": {**row, "hpa": True, "kubernetes": 3, "registry": None},
    }
    cut = {"a": {**row, "kubernetes": 3, "registry": 2}, "h": {**row, "hpa": True, "kubernetes": 5, "registry": None}}
    assert differences.differing_counts(original, cut) == [("a", "kubernetes", 2, 3)]
    assert differences.differing_counts(original, {}) == []
