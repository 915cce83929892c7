"""Counts put back in Kubernetes: the collection, the notes' `kubectl scale`, kubernetes.core.k8s_scale, and bare HTTP
requests on one connection, on the same Deployments. No controller acts on them meanwhile: only the API is measured."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.k8s.cluster import Cluster
from benchmarks import figures, measure

CONTEXT = "sandbox-admin"
NAMESPACE = "bench-counts"
SIZES = (50, 300, 1000, 3000)
BY_KUBECTL = 50  # calls that are measured; more of them take as long each
BY_ANSIBLE = (5, 15)  # items of a loop; the difference is what ten take
GOALS = {1000: (1 / 15, 1 / 200, 2)}


def deployment(number):
    labels = {"app": f"service-{number:04}"}
    pod = {"containers": [{"name": "api", "image": "service", "env": [{"name": "TEXT", "value": "x" * 500}]}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": labels["app"], "namespace": NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


class Deployments:
    """A namespace that grows, and the ways to set all its counts."""

    def __init__(self, sandbox, folder):
        self.kubeconfig, self.folder = sandbox.facts["kubeconfig"], folder
        self.cluster = Cluster.connect(self.kubeconfig, CONTEXT)
        self.names, self._count = [], 1
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self.cluster.create("/api/v1/namespaces", namespace)

    def grow(self, size):
        for number in range(len(self.names), size):
            made = deployment(number)
            self.cluster.create(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", made)
            self.names.append(made["metadata"]["name"])

    def another(self):
        """A count that none of them has."""
        self._count += 1
        return self._count

    def require(self, count, names=None):
        """By an independent read."""
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
        seen = {d["metadata"]["name"]: d["spec"]["replicas"] for d in self.cluster.get(path)["items"]}
        assert [name for name in names or self.names if seen[name] != count] == []

    def ours(self):
        count, name = self.another(), f"cut-{self._count}"
        rows = {
            one: {"kubernetes": count, "registry": None, "hpa": False, "paused": False, "healthy": True}
            for one in self.names
        }
        digest = SnapshotStore(self.cluster, NAMESPACE, "bench").save(name, rows)
        cost = measure.program("restore_counts", self.kubeconfig, CONTEXT, NAMESPACE, name, json.dumps(digest))
        self.require(count)
        return cost

    def raw(self):
        count = self.another()
        cost = measure.program("raw_counts", self.kubeconfig, NAMESPACE, count)
        self.require(count)
        return cost

    def kubectl(self):
        """A Cost for all, from the first ones."""
        count, names = self.another(), self.names[:BY_KUBECTL]
        call = shlex.join(["kubectl", "--kubeconfig", self.kubeconfig, "--context", CONTEXT, "-n", NAMESPACE])
        loop = f'for name in "$@"; do {call} scale deployment "$name" --replicas={count}; done'
        cost = measure.cost(["sh", "-ec", loop, "sh", *names])
        self.require(count, names)
        times = len(self.names) / len(names)
        return measure.Cost(cost.wall * times, cost.cpu * times, cost.memory)

    def k8s_scale(self):
        """A Cost for all: what begins and ends a playbook, and as many items as there are."""
        few, many = (self._loop(self.names[:items]) for items in BY_ANSIBLE)
        times = (len(self.names) - BY_ANSIBLE[0]) / (BY_ANSIBLE[1] - BY_ANSIBLE[0])
        wall, cpu = (few[i] + (many[i] - few[i]) * times for i in (0, 1))
        return measure.Cost(wall, cpu, many.memory)

    def _loop(self, names):
        count = self.another()
        task = {
            "kubernetes.core.k8s_scale": {
                "kubeconfig": str(self.kubeconfig),
                "context": CONTEXT,
                "kind": "Deployment",
                "namespace": NAMESPACE,
                "name": "{{ item }}",
                "replicas": count,
                "wait": False,
            },
            "loop": names,
        }
        here = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        play = {"hosts": "localhost", "gather_facts": False, "vars": here, "tasks": [task]}
        path = self.folder / "scale.json"
        path.write_text(json.dumps([play]))
        cost = measure.cost(["ansible-playbook", "-i", "localhost,", "-c", "local", path])
        self.require(count, names)
        return cost


@pytest.fixture(scope="module")
def deployments(sandbox, tmp_path_factory):
    """The controllers rest meanwhile."""
    with stopped(sandbox.dir / "processes" / "kube-controller-manager.json"):
        made = Deployments(sandbox, tmp_path_factory.mktemp("counts"))
        yield made
    made.cluster.delete(f"/api/v1/namespaces/{NAMESPACE}")


@contextlib.contextmanager
def stopped(record):
    pid = json.loads(record.read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("size", SIZES)
def test_counts(deployments, size):
    deployments.grow(size)
    ours, raw = deployments.ours(), deployments.raw()
    kubectl, k8s_scale = deployments.kubectl(), deployments.k8s_scale()
    what, goals = f"{size} counts put back in Kubernetes", GOALS.get(size, (None,) * 3)
    figures.add(what, ours.wall, f"kubectl scale, {BY_KUBECTL} calls measured", kubectl.wall, goal=goals[0])
    figures.add(what, ours.wall, f"k8s_scale, {sum(BY_ANSIBLE)} items measured", k8s_scale.wall, goal=goals[1])
    figures.add(what, ours.wall, "bare requests on one connection", raw.wall, goal=goals[2])
    figures.add(f"memory of {what}", ours.memory, "bare requests on one connection", raw.memory, "MiB")
