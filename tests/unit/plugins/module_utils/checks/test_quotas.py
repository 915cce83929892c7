"""Quotas that would keep a new pod from starting beside the old one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import quotas
from fake_cluster import deployment


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100m", Fraction(1, 10)),
        ("2", 2),
        ("1.5", Fraction(3, 2)),
        ("2Gi", 2 * 1024**3),
        ("1k", 1000),
        ("1e3", 1000),
        ("1E", 10**18),
        ("", None),
        ("many", None),
    ],
)
def test_quantities(text, number):
    assert quotas.amount(text) == number


def quota(used, hard, **spec):
    return {"metadata": {"name": "small"}, "spec": {"hard": hard, **spec}, "status": {"hard": hard, "used": used}}


def one(replicas=1, strategy=None, **resources):
    made = deployment("pl-x", replicas, **({"strategy": strategy} if strategy else {}))
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    return made


MEMORY = {"requests": {"memory": "512Mi", "cpu": "200m"}, "limits": {"memory": "1Gi"}}


@pytest.mark.parametrize(
    ("used", "hard", "made", "seen"),
    [
        pytest.param({"pods": "9"}, {"pods": "10"}, one(), None, id="room for one pod"),
        pytest.param({"pods": "10"}, {"pods": "10"}, one(), "0 free (10 of 10 used)", id="no room for one pod"),
        pytest.param({"pods": "11"}, {"pods": "10"}, one(), "-1 free (11 of 10 used)", id="less than none"),
        pytest.param({"pods": "10"}, {"pods": "10"}, one(0), None, id="a Deployment at 0"),
        pytest.param({"pods": "10"}, {"pods": "10"}, one(4), None, id="one of four may go first"),
        pytest.param({"pods": "10"}, {"pods": "10"}, one(1, {"type": "Recreate"}), None, id="Recreate"),
        pytest.param(
            {"pods": "10"}, {"pods": "10"}, one(4, {"rollingUpdate": {"maxUnavailable": 0}}), "0 free", id="none may go"
        ),
        pytest.param(
            {"requests.memory": "9Gi"}, {"requests.memory": "9728Mi"}, one(**MEMORY), None, id="memory: exactly enough"
        ),
        pytest.param(
            {"requests.memory": "9Gi"}, {"requests.memory": "9727Mi"}, one(**MEMORY), "free (9Gi of", id="memory"
        ),
        pytest.param({"limits.memory": "1Gi"}, {"limits.memory": "1Gi"}, one(**MEMORY), "0 free", id="limits"),
        pytest.param(
            {"cpu": "900m"}, {"cpu": "1"}, one(**MEMORY), "0.1 free (900m of 1 used)", id="cpu means requests"
        ),
        pytest.param({"requests.memory": "1Gi"}, {"requests.memory": "1Gi"}, one(), None, id="nothing is requested"),
        pytest.param({"count/secrets": "9"}, {"count/secrets": "9"}, one(), None, id="no part of a pod"),
    ],
)
def test_room_for_a_new_pod(used, hard, made, seen):
    found = quotas.findings("monq", [quota(used, hard)], [made])
    assert [row["severity"] for row in found] == (["warning"] if seen else [])
    assert not seen or (seen in found[0]["seen"] and found[0]["object"] == "ResourceQuota monq/small")
    assert not seen or "pl-x" in found[0]["expected"]


def test_a_quota_for_some_pods_only_is_left_out():
    assert quotas.findings("monq", [quota({"pods": "1"}, {"pods": "1"}, scopes=["BestEffort"])], [one()]) == []
