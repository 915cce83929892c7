"""Why a Deployment does not roll out: its pod, the newest warning, the last line of the log."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, ApiUnreachable, MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s import diagnostics
from ansible_collections.monq.platform.plugins.module_utils.k8s.watch import RolloutWatcher
from fake_cluster import DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS, Clock, FakeCluster, Listed, deployment

LOG = f"{PODS}/pl-a-1/log"
CRASH = {
    "name": "main",
    "restartCount": 3,
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
    "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
}
PULL = {
    "name": "main",
    "restartCount": 0,
    "state": {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "x"'}},
}


@pytest.fixture
def cluster():
    made = FakeCluster()
    made.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 1, ready=0))
    made.put(
        f"{REPLICA_SETS}/pl-a-1",
        {"metadata": {"uid": "rs", "ownerReferences": [{"kind": "Deployment", "uid": "uid-of-pl-a"}]}},
    )
    return made


def pod(cluster, *containers, conditions=(), name="pl-a-1", **status):
    meta = {"ownerReferences": [{"kind": "ReplicaSet", "uid": "rs"}]}
    cluster.put(
        f"{PODS}/{name}",
        {
            "metadata": meta,
            "status": {
                "phase": "Pending",
                "containerStatuses": list(containers),
                "conditions": list(conditions),
                **status,
            },
        },
    )


def event(cluster, name, at, about="pl-a-1", kind="Pod", **more):
    body = {
        "type": "Warning",
        "reason": "Failed",
        "message": f"message of {name}",
        "lastTimestamp": at,
        "involvedObject": {"kind": kind, "name": about},
        **more,
    }
    cluster.put(f"{EVENTS}/{name}", body)


def lines(cluster):
    return diagnostics.of_deployment(cluster, "production", "pl-a")


def refuse(cluster, part, error):
    def before(method, path):
        if part in path:
            raise error(path)

    cluster.before = before


def denied(path):
    return ApiError(403, "Forbidden", "no", "GET", path)


def test_a_crash_loop_shows_its_end_and_the_last_line_of_the_previous_container(cluster):
    pod(cluster, CRASH)
    cluster.logs[LOG + "?previous"] = "first\n[2026-03-01] FATAL: password=hunter2 refused\n\n"
    assert lines(cluster) == [
        "pod pl-a-1: container main: CrashLoopBackOff, exited with status 1 (Error), 3 restarts: back-off 40s",
        "events: no warning about pl-a",
        "log of pl-a-1/main (previous): [2026-03-01] FATAL: password=******** refused",
    ]


def test_an_image_that_is_missing_has_a_reason_and_no_log(cluster):
    pod(cluster, PULL)
    assert lines(cluster)[0] == 'pod pl-a-1: container main: ImagePullBackOff: Back-off pulling image "x"'
    assert lines(cluster)[2] == "log of pl-a-1/main: not found"


@pytest.mark.parametrize(("about", "kind"), [("pl-a-1", "Pod"), ("pl-a-1", "ReplicaSet"), ("pl-a", "Deployment")])
def test_the_newest_warning_about_pod_replica_set_or_deployment_counts(cluster, about, kind):
    pod(cluster, PULL)
    event(cluster, "old", "2026-03-01T10:00:00Z")
    event(cluster, "new", "2026-03-01T10:05:00Z", about, kind)
    event(cluster, "newer-of-another", "2026-03-01T10:06:00Z", "sm-b-1")
    event(cluster, "normal", "2026-03-01T10:07:00Z", about, kind, type="Normal")
    assert lines(cluster)[1] == f"event 2026-03-01T10:05:00Z: {kind} {about}: Failed: message of new"


@pytest.mark.parametrize(
    ("part", "index", "expected"),
    [
        ("/events", 1, "events: not readable by this account"),
        ("/log", 2, "log of pl-a-1/main (previous): not readable by this account"),
        ("/pods", 0, "pl-a: pods: not readable by this account"),
        ("/deployments", 0, "pl-a: pods: not readable by this account"),
    ],
)
def test_what_may_not_be_read_is_said_and_hides_nothing(cluster, part, index, expected):
    pod(cluster, CRASH)
    refuse(cluster, part, denied)
    assert lines(cluster)[index] == expected


@pytest.mark.parametrize(
    "error",
    [
        lambda path: ApiUnreachable("the Kubernetes API does not respond"),
        lambda path: ApiError(500, "x", "no nodes", "GET", path),
        lambda path: ValueError("odd"),
    ],
)
def test_a_read_that_fails_is_no_failure_of_its_own(cluster, error):
    pod(cluster, CRASH)
    for part in ("/log", "/events", "/replicasets"):
        refuse(cluster, part, error)
        assert any("not readable" in line for line in lines(cluster))


def test_a_pod_that_cannot_be_scheduled(cluster):
    pod(
        cluster,
        conditions=[
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"}
        ],
    )
    assert lines(cluster) == [
        "pod pl-a-1: Pending, Unschedulable: 0/1 nodes are available",
        "events: no warning about pl-a",
    ]


def test_a_pod_that_is_well_explains_nothing(cluster):
    pod(cluster, {"name": "main", "ready": True}, conditions=[{"type": "Ready", "status": "True"}])
    pod(cluster, CRASH, name="pl-a-2")
    assert lines(cluster)[0].startswith("pod pl-a-2")
    cluster.drop(f"{PODS}/pl-a-2")
    assert lines(cluster)[0] == "pl-a: no pod"


def test_no_line_shows_a_known_secret(cluster):
    cluster.secrets = ["hunter&2x"]
    crash = {**CRASH, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "with hunter&2x"}}}
    pod(cluster, crash)
    event(cluster, "new", "2026-03-01T10:05:00Z", message="hunter%262x refused")
    cluster.logs[LOG + "?previous"] = r"said hunter\u00262x"
    assert [line.rpartition(": ")[2] for line in lines(cluster)] == [
        "with ********",
        "******** refused",
        "said ********",
    ]
    pod(
        cluster,
        conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "hunter&2x"}],
    )
    assert lines(cluster)[0].endswith("Unschedulable: ********")
    for part in ("/log", "/events", "/replicasets"):
        refuse(cluster, part, lambda path: ApiError(500, "x", "hunter&2x", "GET", path))
        pod(cluster, crash)
        assert any(
            "not readable" in line and "********" in line for line in lines(cluster)
        ) and "hunter" not in "".join(lines(cluster))


def test_the_wait_for_a_rollout_says_why_without_a_known_secret(cluster):
    cluster.secrets, clock = ["hunter&2x"], Clock()
    pod(cluster, {**PULL, "state": {"waiting": {"reason": "ImagePullBackOff", "message": "of hunter&2x"}}})
    with pytest.raises(MonqError) as caught:
        RolloutWatcher(cluster, "production", 60, clock, Listed.by(clock)).wait(["pl-*"], {})
    assert "of ********" in str(caught.value) and "hunter" not in str(caught.value) + repr(caught.value.result())


def test_a_line_has_an_end(cluster):
    pod(cluster, CRASH)
    cluster.logs[LOG + "?previous"] = "x" * 5000
    assert max(map(len, lines(cluster))) == diagnostics.LONGEST


def test_the_wait_for_a_rollout_hands_the_evidence_on(cluster):
    """trap 44"""
    clock = Clock()
    pod(cluster, CRASH)
    with pytest.raises(MonqError) as caught:
        RolloutWatcher(cluster, "production", 60, clock, Listed.by(clock)).wait(["pl-*"], {})
    assert "\n  evidence: pod pl-a-1: container main: CrashLoopBackOff" in str(caught.value)
    assert "\n  evidence: log of pl-a-1/main (previous): not found" in str(caught.value)


def test_a_deployment_that_is_gone(cluster):
    cluster.drop(f"{DEPLOYMENTS}/pl-a")
    assert lines(cluster) == ["pl-a: the Deployment is gone"]
