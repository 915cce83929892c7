"""Replica counts: what is kept, and what is put back where."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.upgrade import replicas
from ansible_collections.monq.platform.plugins.module_utils.upgrade.counts import Restore
from fake_cluster import DEPLOYMENTS, HPAS, FakeCluster, deployment, hpa


def row(kubernetes=1, registry=1, **more):
    return {"kubernetes": kubernetes, "registry": registry, "hpa": False, "paused": False, "healthy": True, **more}


def test_hpa_targets_are_deployments_only():
    assert replicas.hpa_targets([hpa("a"), hpa("b", "StatefulSet"), {"spec": {"scaleTargetRef": {"name": "c"}}}]) == {"a"}


def test_the_table_keeps_both_stores():
    """traps 41, 42"""
    found = replicas.table(
        [deployment("same", 2), deployment("zero", 0), deployment("differs", 3), deployment("paused", 1, paused=True), deployment("sick", 2, ready=1),
         deployment("scaled", 4), deployment("unknown to the registry", 1)],
        [hpa("scaled")],
        {"same": 2, "zero": 0, "differs": 5, "paused": 1, "sick": 2, "scaled": 1, "registry only": 7},
    )  # fmt: skip
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
    ("sealed", "now", "expected"),
    [
        pytest.param({"a": row(registry=3)}, {"a": 1}, [("a", 1, 3)], id="trap 40: reset by Replace"),
        pytest.param({"a": row(registry=0)}, {"a": 1}, [("a", 1, 0)], id="trap 42: back to 0"),
        pytest.param({"a": row(registry=3)}, {"a": 3}, [], id="as it was"),
        pytest.param({"a": row(registry=None)}, {"a": 1}, [], id="the registry did not know it"),
        pytest.param({"a": row(registry=3)}, {}, [], id="vanished"),
        pytest.param({}, {"a": 3}, [], id="appeared"),
        pytest.param({"a": row(kubernetes=1, registry=4)}, {"a": 1}, [("a", 1, 4)], id="trap 42: its own count, not that of Kubernetes"),
        pytest.param({"a": row(registry=2, hpa=True)}, {"a": 1}, [("a", 1, 2)], id="an HPA's service is restored in the registry"),
        pytest.param({"b": row(registry=2), "a": row(registry=2)}, {"a": 1, "b": 1}, [("a", 1, 2), ("b", 1, 2)], id="in order"),
    ],
)
def test_registry_changes(sealed, now, expected):
    assert replicas.registry_changes(sealed, now) == expected


@pytest.mark.parametrize(
    ("sealed", "found", "hpas", "expected"),
    [
        pytest.param({"a": row(3)}, [deployment("a", 1)], [], [("a", 1, 3)], id="trap 40: reset by Replace"),
        pytest.param({"a": row(0)}, [deployment("a", 1)], [], [("a", 1, 0)], id="trap 42: parked at 0, and so again"),
        pytest.param({"a": row(1)}, [{"metadata": {"name": "a"}, "spec": {}}], [], [], id="no field means 1"),
        pytest.param({"a": row(3)}, [deployment("a", 3)], [], [], id="as it was"),
        pytest.param({"a": row(3)}, [deployment("a", 0)], [], [("a", 0, 3)], id="0 is not nothing"),
        pytest.param({"a": row(None, 3)}, [deployment("a", 1)], [], [], id="Kubernetes did not know it"),
        pytest.param({}, [deployment("a", 1)], [], [], id="appeared"),
        pytest.param({"a": row(3)}, [], [], [], id="vanished"),
        pytest.param({"a": row(5, 2)}, [deployment("a", 2)], [], [("a", 2, 5)], id="trap 42: its own count, not the registry's"),
        pytest.param({"a": row(5, hpa=True)}, [deployment("a", 1)], [hpa("a")], [], id="trap 42: left to its HPA"),
        pytest.param({"a": row(0, hpa=True)}, [deployment("a", 1)], [hpa("a")], [("a", 1, 0)], id="an HPA is off at 0"),
        pytest.param({"a": row(5, hpa=True)}, [deployment("a", 0)], [hpa("a")], [("a", 0, 5)], id="an HPA does not wake what Replace left at 0"),
        pytest.param({"a": row(5, hpa=True)}, [deployment("a", 1)], [], [("a", 1, 5)], id="its HPA is gone"),
        pytest.param({"a": row(2)}, [deployment("a", 1)], [hpa("a", "StatefulSet")], [("a", 1, 2)], id="somebody else's HPA"),
        pytest.param({"b": row(2), "a": row(2)}, [deployment("b"), deployment("a")], [], [("a", 1, 2), ("b", 1, 2)], id="in order"),
    ],
)
def test_kubernetes_changes(sealed, found, hpas, expected):
    assert replicas.kubernetes_changes(sealed, found, hpas) == expected


def test_what_appears_and_vanishes_is_told():
    """trap 42"""
    sealed = {"stays": row(), "goes": row()}
    assert replicas.appeared(sealed, ["stays", "new"]) == ["new"]
    assert replicas.vanished(sealed, ["stays", "new"]) == ["goes"]


# ---- the two stores


class FakeStores:
    """Ledger, sealed store and registry in one."""

    def __init__(self, sealed, counts):
        self.sealed, self._counts, self.written = sealed, counts, []

    def get(self, key):
        return {"upgrade.replicas.cut": {"result": "the seal"}}[key]

    def open(self, name, seal):
        assert (name, seal) == ("cut-replicas", "the seal")
        return self.sealed

    def counts(self, known=None):
        return dict(self._counts)

    def put(self, name, count):
        self.written.append((name, count))
        self._counts[name] = count


def test_each_store_gets_its_own_counts_back_and_a_second_time_nothing():
    """traps 40, 41, 42: counts come from the cut's snapshot"""
    cluster = FakeCluster()
    for one in (deployment("a", 1), deployment("parked", 1), deployment("scaled", 2), deployment("new", 1)):
        cluster.put(f"{DEPLOYMENTS}/{one['metadata']['name']}", one)
    cluster.put(f"{HPAS}/scaled", hpa("scaled"))
    sealed = {"a": row(3, 4), "parked": row(0, 0), "scaled": row(9, 2, hpa=True), "gone": row(2, 2)}
    stores = FakeStores(sealed, {"a": 1, "parked": 1, "scaled": 1, "new": 1})
    restore = Restore(stores, stores, cluster, "production", stores)
    assert restore.registry() == {"changed": 3}
    assert stores.written == [("a", 4), ("parked", 0), ("scaled", 2)]
    assert restore.kubernetes() == {"changed": 2, "appeared": ["new"], "vanished": ["gone"]}
    assert {name: cluster.objects[f"{DEPLOYMENTS}/{name}"]["spec"]["replicas"] for name in ("a", "parked", "scaled", "new")} == {
        "a": 3, "parked": 0, "scaled": 2, "new": 1}  # fmt: skip
    assert {path.rpartition("/")[2] for _method, path in cluster.writes} == {"scale"}
    assert restore.report["registry"][0] == {"name": "a", "seen": 1, "wanted": 4}
    again = Restore(stores, stores, cluster, "production", stores)
    assert (again.registry()["changed"], again.kubernetes()["changed"]) == (0, 0)
