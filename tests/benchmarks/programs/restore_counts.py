"""Restores a snapshot's counts in Kubernetes, as replica_restore does: KUBECONFIG CONTEXT NAMESPACE NAME DIGEST."""

import json
import sys
from types import SimpleNamespace

from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.k8s.cluster import Cluster
from ansible_collections.monq.platform.plugins.module_utils.upgrade.counts import CountRestore

kubeconfig, context, namespace, name, digest = sys.argv[1:]
cluster = Cluster.connect(kubeconfig, context)
store = SnapshotStore(cluster, namespace, "bench")
session = SimpleNamespace(
    cluster=cluster, namespace=namespace, snapshot=lambda _name: store.open(name, json.loads(digest))
)
print(CountRestore(session).kubernetes())
