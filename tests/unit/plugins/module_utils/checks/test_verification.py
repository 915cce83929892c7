"""What is found after the upgrade, and what of it fails; the rest is seen on the sandbox."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.verification import Verification
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s import objects
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from fake_cluster import DEPLOYMENTS, FakeCluster, deployment
from fake_session import FakeSession, Runs
from repository import SHIPPED_RULES

BEFORE = {"pl-a": {"kubernetes": 2, "registry": None, "hpa": False, "paused": False, "healthy": True}}


def make(closed, status="Registry | OK", secrets=()):
    cluster = FakeCluster()
    cluster.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 3))
    run = Runs(entries={"verify.installation.check": {"state": "done"}} if closed else {})
    monqctl = Monqctl(given_rules=SHIPPED_RULES, secrets=secrets)
    monqctl.read = lambda *argv: status
    return Verification(FakeSession(cluster, run, monqctl=monqctl)), cluster


@pytest.mark.parametrize(("closed", "severity"), [(False, "stop"), (True, "warning")])
def test_another_count_warns_only_where_the_release_is_closed(closed, severity):
    found, cluster = make(closed)
    found._counts(objects.deployments(cluster, "production"), BEFORE)
    assert [(row["severity"], row["object"]) for row in found.report["findings"]] == [(severity, "pl-a in Kubernetes")]


def test_the_registrys_status_is_a_finding_among_others(monkeypatch):
    found, _cluster = make(True, "pl-files-service   Failed")
    found._add("x", "warning", "another", "a", "b")
    found._status()
    assert [row["object"] for row in found.report["findings"]] == ["another", "monqctl registry get status"]
    monkeypatch.setattr(found, "examine", lambda: None)
    with pytest.raises(MonqError, match="does not match the release") as caught:
        found.require()
    assert "monqctl registry get status" in str(caught.value)


def test_the_registrys_status_shows_no_known_secret():
    found, _cluster = make(True, "pl-files-service   Failed hunter2x", ["hunter2x"])
    found._status()
    assert [row["seen"] for row in found.report["findings"]] and "hunter2x" not in str(found.report)


@pytest.mark.parametrize("closed", [True, False])
def test_snapshots_that_cleanup_removed_are_no_deviation_of_a_closed_release(closed):
    found, cluster = make(True)
    found._run.ledger.annotations = {"monq.platform/snapshots-removed": "2026-04-01T00:00:00Z"}
    found._run.ledger.closed = "2026-03-01T00:00:00Z" if closed else None
    if not closed:
        with pytest.raises(MonqError, match="nothing to verify against"):
            found._before()
        return
    before = found._before()
    found._counts(objects.deployments(cluster, "production"), before["cut-replicas"])
    assert [(row["severity"], row["object"]) for row in found.report["findings"]] == [("info", "snapshot cut")]
    assert found.report["replicas"]["appeared"] == [], "nothing to compare with is not: everything is new"
