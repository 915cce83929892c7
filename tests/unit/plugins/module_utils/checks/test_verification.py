"""What is found after the upgrade, and what of it fails; the rest is seen on the sandbox."""

from __future__ import annotations

import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.verification import Verification
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s import objects
from fake_cluster import DEPLOYMENTS, FakeCluster, deployment
from repository import RELEASE

SEALED = {"pl-a": {"kubernetes": 2, "registry": None, "hpa": False, "paused": False, "healthy": True}}
GIVEN = {"namespace": "production", "plan": {"release": RELEASE, "modules": ["pl"], "registry_replicas": "manual"}}


def make(closed, status="Registry OK"):
    cluster = FakeCluster()
    cluster.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 3))
    run = types.SimpleNamespace(is_done=lambda key: closed)
    return Verification(cluster, types.SimpleNamespace(read=lambda *argv: status, secrets=()), run, GIVEN), cluster


@pytest.mark.parametrize(("closed", "severity"), [(False, "stop"), (True, "warning")])
def test_another_count_warns_only_where_the_release_is_closed(closed, severity):
    found, cluster = make(closed)
    found._counts(objects.deployments(cluster, "production"), SEALED)
    assert [(row["severity"], row["object"]) for row in found.report["findings"]] == [(severity, "pl-a in Kubernetes")]


def test_the_registrys_status_is_a_finding_among_others(monkeypatch):
    found, _cluster = make(True, "pl-files-service   Failed")
    found._add("x", "warning", "another", "a", "b")
    found._status()
    assert [row["object"] for row in found.report["findings"]] == ["another", "monqctl registry get status"]
    monkeypatch.setattr(found, "examine", lambda: None)
    with pytest.raises(MonqError, match="not what the release promises") as caught:
        found.require()
    assert "monqctl registry get status" in str(caught.value)


def test_the_registrys_status_shows_no_known_secret():
    found, _cluster = make(True, "pl-files-service   Failed hunter2x")
    found._monqctl.secrets = ["hunter2x"]
    found._status()
    assert [row["seen"] for row in found.report["findings"]] and "hunter2x" not in str(found.report)
