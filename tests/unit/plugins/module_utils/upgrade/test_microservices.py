"""From Replace to the rollout of a module: one process, in the plan's order."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.upgrade import rollouts
from ansible_collections.monq.platform.plugins.module_utils.upgrade.microservices import Microservices
from fake_cluster import DEPLOYMENTS, FakeCluster, deployment
from fake_session import FakeMonqctl, FakeSession, Runs
from repository import RELEASE

ROW = {"kubernetes": 2, "registry": 2, "hpa": False, "paused": False, "healthy": True}


class FakeWatcher:
    """Notes what it waits for, in the order of all that the session does."""

    seen = []

    def __init__(self, cluster, namespace, timeout, say=None):
        self._cluster = cluster

    def wait_for_groups(self, patterns, before):
        self._cluster.events.append("wait for " + ", ".join(patterns))
        return {module: {"ready": 1, "exempt": {f"{module}-x": "was paused before the outage"}} for module in patterns}


class Events(FakeMonqctl):
    def __init__(self, events):
        super().__init__()
        self._events = events

    def change(self, argv, *given, **more):
        self._events.append(" ".join(argv[:3]))
        return "replaced"


class Counts:
    def __init__(self, events):
        self._events = events

    known = {"cl-a": 1}

    def counts(self, known=None):
        self._events.append("list the registry's counts")
        return dict(self.known)

    def put(self, changes, done):
        for change in changes:
            self._events.append(f"count of {change[0]}")
            self.known = {**self.known, change[0]: change[2]}
            done(change)


def session_of(gate="module", done=(), modules=("pl", "cl")):
    cluster = FakeCluster()
    cluster.events = []
    cluster.put(f"{DEPLOYMENTS}/cl-a", deployment("cl-a", 1))
    patch = cluster.patch
    cluster.patch = lambda path, body, *more: (
        cluster.events.append("scale " + path.split("/")[-2]) or patch(path, body, *more)
    )
    plan = steps.plan(RELEASE, list(modules), rollout_gate=gate)
    run = Runs(plan, {key: {"state": "done", "result": {"ready": 3}} for key in done})
    session = FakeSession(
        cluster,
        run,
        {"cut-replicas": {"cl-a": ROW}, "cut": {"deployments": []}},
        Events(cluster.events),
        Counts(cluster.events),
        plan={"rollout_gate": gate},
    )
    session.modules = list(modules)
    return session


@pytest.fixture(autouse=True)
def watcher(monkeypatch):
    monkeypatch.setattr(rollouts, "RolloutWatcher", FakeWatcher)


def test_kubernetes_counts_come_first_and_the_rollout_last():
    """trap 40: pods start while the registry gets its counts"""
    session = session_of()
    report = Microservices(session, "cl", 60).execute()
    assert session.cluster.events == [
        "release update microservices",
        "scale cl-a",
        "list the registry's counts",
        "count of cl-a",
        "list the registry's counts",
        "wait for cl",
    ]
    assert [key.rpartition("upgrade.cl.")[2] for key in session.run.done] == [
        "microservices.replace",
        "replicas.kubernetes",
        "replicas.registry",
        "microservices.rollout",
    ]
    assert report["output"] == "replaced" and report["ready"] == 1 and list(report["exempt"]) == ["cl-x"]
    assert report["kubernetes"] == report["registry"] == [{"name": "cl-a", "seen": 1, "wanted": 2}]


def test_a_registry_that_keeps_its_counts_is_found_out():
    """trap 42: monqctl claims to have written them"""
    session = session_of()
    session.registry.put = lambda changes, done: [done(change) for change in changes]
    with pytest.raises(CommandError, match="the registry has other counts") as caught:
        Microservices(session, "cl", 60).execute()
    assert caught.value.expected == "cl-a: 2" and caught.value.seen == "cl-a: 1"


def test_what_is_done_is_not_done_again():
    """trap 45"""
    done = ["upgrade.cl.microservices.replace", "upgrade.cl.replicas.kubernetes"]
    session = session_of(done=done)
    Microservices(session, "cl", 60).execute()
    assert session.cluster.events[0] == "list the registry's counts" and session.run.skipped == done


def test_the_gate_at_the_end_waits_for_no_module_by_itself():
    session = session_of("end")
    Microservices(session, "cl", 60).execute()
    assert not [event for event in session.cluster.events if event.startswith("wait")]
    assert not [key for key in session.run.done if key.endswith("rollout")]


def test_the_gate_at_the_end_waits_for_all_modules_at_once():
    session = session_of("end")
    report = rollouts.RolloutGate(session, 60).execute(["pl", "cl"])
    assert (
        session.cluster.events == ["wait for pl, cl"]
        and report["ready"] == 2
        and list(report["exempt"]) == ["pl-x", "cl-x"]
    )
    assert session.run.done == ["upgrade.pl.microservices.rollout", "upgrade.cl.microservices.rollout"]


def test_a_module_that_is_rolled_out_is_not_waited_for_again():
    session = session_of("end", ["upgrade.pl.microservices.rollout"])
    report = rollouts.RolloutGate(session, 60).execute(["pl", "cl"])
    assert session.cluster.events == ["wait for cl"] and report["ready"] == 4
