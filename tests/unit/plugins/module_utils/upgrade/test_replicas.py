"""Replica counts: what is kept, and what is put back where."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.upgrade import replicas
from ansible_collections.monq.platform.plugins.module_utils.upgrade.counts import CountRestore
from fake_cluster import DEPLOYMENTS, HPAS, FakeCluster, deployment, hpa
from fake_session import FakeSession


def row(kubernetes=1, registry=1, **more):
    return {"kubernetes": kubernetes, "registry": registry, "hpa": False, "paused": False, "healthy": True, **more}


def test_hpa_targets_are_deployments_only():
    assert replicas.hpa_targets([hpa("a"), hpa("b", "StatefulSet"), {"spec": {"scaleTargetRef": {"name": "c"}}}]) == {
        "a"
    }


def test_the_table_keeps_both_stores():
    """traps 41, 42"""
    found = replicas.table(
        [
            deployment("same", 2),
            deployment("zero", 0),
            deployment("differs", 3),
            deployment("paused", 1, paused=True),
            deployment("sick", 2, ready=1),
            deployment("scaled", 4),
            deployment("unknown to the registry", 1),
        ],
        [hpa("scaled")],
        {"same": 2, "zero": 0, "differs": 5, "paused": 1, "sick": 2, "scaled": 1, "registry only": 7},
    )
    assert found == {
        "same": row(2, 2),
        "zero": row(0, 0),
        "differs": row(3, 5),
        "paused": row(1, 1, paused=True),
        "sick": row(2, 2, healthy=False),
        "scaled": row(4, 1, hpa=True),
        "unknown to the registry": row(1, None),
        "registry only": row(None, 7, healthy=False),
    }


def test_a_registry_that_was_not_read_is_no_count():
    assert replicas.table([deployment("a", 2)], [], None) == {"a": row(2, None)}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param({"a": row(registry=3)}, {"a": 1}, [("a", 1, 3)], id="trap 40: reset by Replace"),
        pytest.param({"a": row(registry=0)}, {"a": 1}, [("a", 1, 0)], id="trap 42: back to 0"),
        pytest.param({"a": row(registry=3)}, {"a": 3}, [], id="as it was"),
        pytest.param({"a": row(registry=None)}, {"a": 1}, [], id="the registry did not know it"),
        pytest.param({"a": row(registry=3)}, {}, [], id="vanished"),
        pytest.param({}, {"a": 3}, [], id="appeared"),
        pytest.param(
            {"a": row(kubernetes=1, registry=4)},
            {"a": 1},
            [("a", 1, 4)],
            id="trap 42: its own count, not that of Kubernetes",
        ),
        pytest.param(
            {"a": row(registry=2, hpa=True)}, {"a": 1}, [("a", 1, 2)], id="an HPA's service is restored in the registry"
        ),
        pytest.param(
            {"b": row(registry=2), "a": row(registry=2)}, {"a": 1, "b": 1}, [("a", 1, 2), ("b", 1, 2)], id="in order"
        ),
    ],
)
def test_registry_changes(before, now, expected):
    assert replicas.registry_changes(before, now) == expected


@pytest.mark.parametrize(
    ("before", "found", "hpas", "expected"),
    [
        pytest.param({"a": row(3)}, [deployment("a", 1)], [], [("a", 1, 3)], id="trap 40: reset by Replace"),
        pytest.param({"a": row(0)}, [deployment("a", 1)], [], [("a", 1, 0)], id="trap 42: parked at 0, and so again"),
        pytest.param({"a": row(1)}, [{"metadata": {"name": "a"}, "spec": {}}], [], [], id="no field means 1"),
        pytest.param({"a": row(3)}, [deployment("a", 3)], [], [], id="as it was"),
        pytest.param({"a": row(3)}, [deployment("a", 0)], [], [("a", 0, 3)], id="0 is not nothing"),
        pytest.param({"a": row(None, 3)}, [deployment("a", 1)], [], [], id="Kubernetes did not know it"),
        pytest.param({}, [deployment("a", 1)], [], [], id="appeared"),
        pytest.param({"a": row(3)}, [], [], [], id="vanished"),
        pytest.param(
            {"a": row(5, 2)}, [deployment("a", 2)], [], [("a", 2, 5)], id="trap 42: its own count, not the registry's"
        ),
        pytest.param({"a": row(5, hpa=True)}, [deployment("a", 1)], [hpa("a")], [], id="trap 42: left to its HPA"),
        pytest.param({"a": row(0, hpa=True)}, [deployment("a", 1)], [hpa("a")], [("a", 1, 0)], id="an HPA is off at 0"),
        pytest.param(
            {"a": row(5, hpa=True)},
            [deployment("a", 0)],
            [hpa("a")],
            [("a", 0, 5)],
            id="an HPA does not wake what Replace left at 0",
        ),
        pytest.param({"a": row(5, hpa=True)}, [deployment("a", 1)], [], [("a", 1, 5)], id="its HPA is gone"),
        pytest.param(
            {"a": row(2)}, [deployment("a", 1)], [hpa("a", "StatefulSet")], [("a", 1, 2)], id="somebody else's HPA"
        ),
        pytest.param(
            {"b": row(2), "a": row(2)},
            [deployment("b"), deployment("a")],
            [],
            [("a", 1, 2), ("b", 1, 2)],
            id="in order",
        ),
    ],
)
def test_kubernetes_changes(before, found, hpas, expected):
    assert replicas.kubernetes_changes(before, found, hpas) == expected


def test_what_appears_and_vanishes_is_told():
    """trap 42"""
    before = {"stays": row(), "goes": row()}
    assert replicas.appeared(before, ["stays", "new"]) == ["new"]
    assert replicas.vanished(before, ["stays", "new"]) == ["goes"]


# ---- the two stores


class FakeRegistry:
    """The registry's counts. told: called with each change, as a registry that applies what it is told."""

    def __init__(self, counts, told=lambda name, count: None):
        self._counts, self.written, self._told = counts, [], told

    def counts(self, known=None):
        return dict(self._counts)

    def put(self, changes, done):
        for change in changes:
            name, _seen, count = change
            self.written.append((name, count))
            self._counts[name] = count
            self._told(name, count)
            done(change)


def restore_of(before, deployments, counts, told=lambda name, count: None):
    cluster = FakeCluster()
    for one in deployments:
        cluster.put(f"{DEPLOYMENTS}/{one['metadata']['name']}", one)
    registry = FakeRegistry(counts, told)
    return CountRestore(FakeSession(cluster, snapshots={"cut-replicas": before}, registry=registry)), cluster, registry


def scaled(cluster):
    return [
        (path.split("/")[-2], body["spec"]["replicas"])
        for _method, path, body in cluster.bodies
        if path.endswith("/scale")
    ]


def test_each_store_gets_its_own_counts_back_and_a_second_time_nothing():
    """traps 40, 41, 42: counts come from the snapshot taken right before the cut"""
    before = {"a": row(3, 4), "parked": row(0, 0), "scaled": row(9, 2, hpa=True), "gone": row(2, 2)}
    restore, cluster, registry = restore_of(
        before,
        [deployment("a", 1), deployment("parked", 1), deployment("scaled", 2), deployment("new", 1)],
        {"a": 1, "parked": 1, "scaled": 1, "new": 1},
    )
    cluster.put(f"{HPAS}/scaled", hpa("scaled"))
    assert restore.kubernetes() == {"changed": 2, "appeared": ["new"], "vanished": ["gone"]}
    assert restore.registry() == {"changed": 3, "again": 0}
    assert registry.written == [("a", 4), ("parked", 0), ("scaled", 2)]
    assert {
        name: cluster.objects[f"{DEPLOYMENTS}/{name}"]["spec"]["replicas"] for name in ("a", "parked", "scaled", "new")
    } == {"a": 3, "parked": 0, "scaled": 2, "new": 1}
    assert {path.rpartition("/")[2] for _method, path in cluster.writes} == {"scale"}
    assert restore.report["registry"][0] == {"name": "a", "seen": 1, "wanted": 4}
    again = CountRestore(FakeSession(cluster, snapshots={"cut-replicas": before}, registry=registry))
    assert (again.kubernetes()["changed"], again.registry()["changed"]) == (0, 0)
    assert len(scaled(cluster)) == 2 and len(registry.written) == 3


def test_what_has_to_stay_off_is_switched_off_before_anything_else():
    """trap 40: a module that the customer keeps off must not connect to the new databases; Replace starts it at 1"""
    restore, cluster, _registry = restore_of(
        {"a": row(3), "b": row(2), "parked": row(0), "zero": row(0)},
        [deployment(name, 1) for name in ("a", "b", "parked", "zero")],
        {},
    )
    restore.kubernetes()
    assert scaled(cluster) == [("parked", 0), ("zero", 0), ("a", 3), ("b", 2)]


def test_a_registry_that_applies_what_it_is_told_does_not_have_the_last_word():
    """trap 41: a real registry may write the Deployment itself. Kubernetes gets its own count once more."""

    def apply(name, count):
        cluster.objects[f"{DEPLOYMENTS}/{name}"]["spec"]["replicas"] = count

    restore, cluster, _registry = restore_of(
        {"a": row(3, 4), "b": row(2, 2)}, [deployment("a", 1), deployment("b", 1)], {"a": 1, "b": 1}, apply
    )
    restore.kubernetes()
    assert restore.registry() == {"changed": 2, "again": 1}
    assert {name: cluster.objects[f"{DEPLOYMENTS}/{name}"]["spec"]["replicas"] for name in ("a", "b")} == {
        "a": 3,
        "b": 2,
    }
    assert restore.report["kubernetes"][-1] == {"name": "a", "seen": 4, "wanted": 3}
