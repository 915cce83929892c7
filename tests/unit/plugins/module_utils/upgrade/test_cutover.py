"""What lies between the snapshot and the removal of the routes, where a job was cancelled in between."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.upgrade.cutover import COUNT_CHANGED, CUT, Cutover
from fake_cluster import DEPLOYMENTS, INGRESSES, FakeCluster, deployment, ingress
from fake_session import FakeSession, Runs
from repository import RELEASE

ROW = {"kubernetes": 2, "registry": None, "hpa": False, "paused": False, "healthy": True}
OLD = RELEASE["modules"]["pl"]["legacy_routes"][0]
SAVED = {"state": "done"}


def cutover(ingresses, entries, **snapshots):
    cluster = FakeCluster()
    for one in ingresses:
        cluster.put(f"{INGRESSES}/{one['metadata']['name']}", one)
    cluster.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 3))
    cluster.put(f"{DEPLOYMENTS}/pl-b", deployment("pl-b", 2))
    session = FakeSession(cluster, Runs(entries=entries), {"cut-replicas": {"pl-a": ROW, "pl-b": ROW}, **snapshots})
    return Cutover(session, [], []), cluster


def test_a_count_that_was_changed_since_the_snapshot_is_told():
    found, cluster = cutover([], {"upgrade.snapshot.cut": SAVED}, cut={"ingresses": []})
    found.execute(0, 5)
    assert found.warnings == [COUNT_CHANGED.format("pl-a", 3, 2)] and cluster.writes == []


def test_a_route_that_is_in_no_snapshot_is_not_removed():
    """trap 31: what was not saved cannot be put back"""
    found, cluster = cutover([ingress(OLD, uid="live")], {"upgrade.snapshot.cut": SAVED}, cut={"ingresses": []})
    with pytest.raises(MonqError, match=OLD):
        found.execute(0, 5)
    assert cluster.writes == []


def test_saved_routes_are_removed_and_named():
    old = ingress(OLD, uid="live")
    found, cluster = cutover([old], {"upgrade.snapshot.cut": SAVED}, cut={"ingresses": [old]})
    assert found.execute(0, 5) == [OLD]
    assert f"{INGRESSES}/{OLD}" not in cluster.objects


def test_once_a_new_route_may_exist_an_old_name_proves_nothing():
    """A new route may bear an old name: a second run must neither remove it nor ask for its snapshot."""
    entries = {"upgrade.snapshot.cut": SAVED, CUT: SAVED, "upgrade.routing.apply.pl": {"state": "intent"}}
    new = ingress(OLD, uid="new")
    found, cluster = cutover([new], entries, cut={"ingresses": [ingress(OLD, uid="old")]})
    assert found.execute(0, 5) == [] and f"{INGRESSES}/{OLD}" in cluster.objects
