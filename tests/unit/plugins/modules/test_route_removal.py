"""What lies between the seal and the cut, where a job was cancelled in between."""

from __future__ import annotations

import types

from ansible_collections.monq.platform.plugins.modules.route_removal import changed_counts
from fake_cluster import DEPLOYMENTS, FakeCluster, deployment


def test_a_count_that_was_changed_since_the_seal_is_told():
    cluster, row = FakeCluster(), {"kubernetes": 2, "registry": None, "hpa": False, "paused": False, "healthy": True}
    cluster.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 3))
    cluster.put(f"{DEPLOYMENTS}/pl-b", deployment("pl-b", 2))
    store = types.SimpleNamespace(open=lambda name, seal: {"pl-a": row, "pl-b": row} if (name, seal) == ("cut-replicas", "seal") else None)
    ledger = types.SimpleNamespace(get=lambda key: {"result": "seal"} if key == "upgrade.replicas.cut" else None)
    assert changed_counts(cluster, "production", store, ledger) == [("pl-a", 3, 2)]
