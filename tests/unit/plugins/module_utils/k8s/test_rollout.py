"""Readiness as a table: why a rollout has not ended, and why it never will."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.k8s import rollout
from ansible_collections.monq.platform.plugins.module_utils.upgrade import replicas
from fake_cluster import deployment


def state(replicas=2, generation=1, paused=False, **status):
    found = deployment("a", replicas)
    found["metadata"]["generation"] = generation
    found["spec"]["paused"] = paused
    found["status"] = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, **status}
    return found


@pytest.mark.parametrize(
    ("found", "why"),
    [
        pytest.param(state(), None, id="rolled out"),
        pytest.param(state(generation=2), "has not seen", id="not observed"),
        pytest.param(state(generation=2, updatedReplicas=0), "has not seen", id="an old status says nothing"),
        pytest.param(state(generation=3, observedGeneration=4), None, id="observed"),
        pytest.param(state(paused=True), "paused", id="paused"),
        pytest.param(state(updatedReplicas=1), "1 of 2 pods are updated", id="half updated"),
        pytest.param(state(updatedReplicas=None), "0 of 2 pods are updated", id="absent is none"),
        pytest.param(state(replicas=2, updatedReplicas=2) | {"status": {}}, "has not seen", id="no status at all"),
        pytest.param(state() | {"status": None}, "has not seen", id="status is null"),
        pytest.param(
            state(**{"updatedReplicas": 2})
            | {"status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3}},
            "1 old pods still exist",
            id="an old pod serves yet",
        ),
        pytest.param(state(availableReplicas=1), "1 of 2 pods are available", id="not ready"),
        pytest.param(state(0) | {"status": {"observedGeneration": 1}}, None, id="scaled to 0"),
        pytest.param(
            state(0) | {"status": {"observedGeneration": 1, "replicas": 1}}, "1 old pods", id="on its way to 0"
        ),
    ],
)
def test_pending(found, why):
    """trap 44"""
    seen = rollout.pending(found)
    assert seen is None if why is None else why in seen


def pod(name="p", waiting=None, init=None, **more):
    def statuses(reason):
        return (
            [{"image": "registry/a:6.0.0", "state": {"waiting": {"reason": reason, "message": "because"}}}]
            if reason
            else []
        )

    return {
        "metadata": {
            "name": name,
            "ownerReferences": [{"kind": "ReplicaSet", "uid": "rs"}],
            **more.pop("metadata", {}),
        },
        "status": {"containerStatuses": statuses(waiting), "initContainerStatuses": statuses(init), **more},
    }


def conditions(*rows):
    return {"status": {"conditions": list(rows)}}


@pytest.mark.parametrize("reason", sorted(rollout.STUCK))
@pytest.mark.parametrize("where", ["waiting", "init"])
def test_a_container_that_waits_for_one_of_these_is_stuck(reason, where):
    """trap 44"""
    found = rollout.stuck(state(), [pod("well"), pod("ill", **{where: reason})])
    assert found == f"pod ill: {reason}: because (image registry/a:6.0.0)"


@pytest.mark.parametrize(
    ("found", "pods", "why"),
    [
        pytest.param(state(), [], None, id="no pods yet"),
        pytest.param(
            state(), [pod(waiting="ContainerCreating"), pod(waiting="PodInitializing")], None, id="on their way"
        ),
        pytest.param(state(), [{"metadata": {"name": "p"}}], None, id="a pod without status"),
        pytest.param(
            state(),
            [pod(waiting="CrashLoopBackOff", metadata={"deletionTimestamp": "x"})],
            None,
            id="a pod that goes anyway",
        ),
        pytest.param(
            state(),
            [
                pod(
                    conditions=[
                        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
                    ]
                )
            ],
            "Unschedulable: 0/3 nodes",
            id="no node takes it",
        ),
        pytest.param(state(), [pod(conditions=[{"type": "PodScheduled", "status": "True"}])], None, id="scheduled"),
        pytest.param(
            state()
            | conditions(
                {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
            ),
            [],
            "FailedCreate: exceeded quota",
            id="quota",
        ),
        pytest.param(
            state() | conditions({"type": "ReplicaFailure", "status": "False", "reason": "x"}),
            [],
            None,
            id="quota, once",
        ),
        pytest.param(
            state()
            | conditions(
                {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
            ),
            [],
            None,
            id="a deadline is passed by a pod that is only slow",
        ),
        pytest.param(
            state() | conditions({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}),
            [],
            None,
            id="progressing",
        ),
    ],
)
def test_stuck(found, pods, why):
    """trap 44"""
    seen = rollout.stuck(found, pods)
    assert seen is None if why is None else why in seen


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (None, None),
        ({"paused": False, "healthy": True, "kubernetes": 1}, None),
        ({"paused": True, "healthy": True, "kubernetes": 1}, "was paused before the outage"),
        ({"paused": False, "healthy": False, "kubernetes": 0}, "was unhealthy before the outage"),
        (replicas.table([], [], {"a": 1})["a"], None),
    ],
)
def test_what_was_ill_before_does_not_gate(row, why):
    """rule 10; a new service does gate"""
    assert rollout.exempt("a", {"a": row} if row else {}) == why


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["pl-*"], ["pl-a", "pl-b"]),
        (["pl-*", "frontend-*"], ["pl-a", "pl-b", "frontend-x"]),
        (["pl-a"], ["pl-a"]),
        (["PL-*"], []),
        ([], []),
        (["xpl-*"], ["xpl-c"]),
    ],
)
def test_selected(patterns, expected):
    found = [deployment(name) for name in ("pl-a", "pl-b", "frontend-x", "xpl-c")]
    assert [d["metadata"]["name"] for d in rollout.selected(found, patterns)] == expected


def test_pods_belong_by_owner_and_not_by_name():
    def replica_set(uid, owner):
        return {"metadata": {"uid": uid, "ownerReferences": [{"kind": "Deployment", "uid": owner}]}}

    def owned(name, uid, kind="ReplicaSet"):
        return {"metadata": {"name": name, "ownerReferences": [{"kind": kind, "uid": uid}]}}

    sets = [
        replica_set("rs-old", "uid-of-a"),
        replica_set("rs-new", "uid-of-a"),
        replica_set("rs-b", "uid-of-b"),
        {"metadata": {"uid": "rs-lone"}},
    ]
    pods = [
        owned("a-1", "rs-old"),
        owned("a-2", "rs-new"),
        owned("a-3", "rs-b"),
        owned("job", "rs-new", "Job"),
        {"metadata": {"name": "a-4"}},
    ]
    assert [p["metadata"]["name"] for p in rollout.pods_of(deployment("a"), sets, pods)] == ["a-1", "a-2"]


def test_a_stuck_pod_of_an_older_revision_is_not_blamed():
    """trap 44: after the repair the old pod stays until the new one is ready"""
    note = "deployment.kubernetes.io/revision"
    deployment = {"metadata": {"uid": "d", "annotations": {note: "2"}}}
    sets = [
        {
            "metadata": {
                "uid": uid,
                "annotations": {note: number},
                "ownerReferences": [{"kind": "Deployment", "uid": "d"}],
            }
        }
        for uid, number in (("old", "1"), ("new", "2"))
    ]
    pods = [
        {"metadata": {"name": uid, "ownerReferences": [{"kind": "ReplicaSet", "uid": uid}]}} for uid in ("old", "new")
    ]
    assert [p["metadata"]["name"] for p in rollout.pods_of(deployment, sets, pods)] == ["new"]


@pytest.mark.parametrize(("count", "expected"), [(None, 1), (0, 0), (1, 1), (5, 5)])
def test_zero_is_a_count_and_nothing_is_one(count, expected):
    """trap 42"""
    assert rollout.desired({"spec": {"replicas": count}}) == expected
    assert rollout.desired({"spec": {}}) == 1


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"replicas": 2}, {"availableReplicas": 2, "updatedReplicas": 2}, True),
        ({"replicas": 2}, {"availableReplicas": 1, "updatedReplicas": 2}, False),
        ({"replicas": 2}, {"availableReplicas": 2, "updatedReplicas": 1}, False),
        ({"replicas": 2}, {}, False),
        ({"replicas": 2}, None, False),
        ({}, {"availableReplicas": 1, "updatedReplicas": 1}, True),
        ({"replicas": 0}, {}, True),
        ({"replicas": 0}, None, True),
    ],
)
def test_healthy(spec, status, expected):
    assert rollout.healthy({"spec": spec, "status": status}) is expected
