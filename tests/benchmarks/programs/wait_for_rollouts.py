"""Waits for the rollout of all Deployments, as rollout_wait does; prints when the end was seen: KUBECONFIG CONTEXT
NAMESPACE."""

import sys
import time

from ansible_collections.monq.platform.plugins.module_utils.k8s.cluster import Cluster
from ansible_collections.monq.platform.plugins.module_utils.k8s.watch import RolloutWatcher

kubeconfig, context, namespace = sys.argv[1:]
RolloutWatcher(Cluster.connect(kubeconfig, context), namespace, timeout=600).wait(["*"], {})
print(time.time())
