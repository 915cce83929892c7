"""From a module's options to plan, ledger, lease and home."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils import arguments, steps
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError
from fake_cluster import FakeCluster
from repository import RELEASE

PLAN = {
    "release": RELEASE,
    "modules": ["pl"],
    "prefetch_images": True,
    "configure": False,
    "online": True,
    "registry_replicas": "monqctl",
    "backup_databases": [],
    "backup_in_outage": False,
    "variables": {"credential_name": "cred", "releasehub_name": "hub"},
}


@pytest.mark.parametrize("namespace", ["", None, "Production", "a b", "a/b", "-a", "a-", "a.b", "a\n", "x" * 64, "production secrets"])
def test_a_namespace_that_is_none_is_refused_before_any_connection(namespace, monkeypatch):
    """trap 4: an empty one would make the first object's name the namespace"""
    monkeypatch.setattr(arguments.Cluster, "connect", lambda *given: pytest.fail("connected"))
    with pytest.raises(InputError) as caught:
        arguments.cluster({"namespace": namespace, "kubeconfig": None, "kube_context": None})
    assert "monq_namespace" in str(caught.value)


@pytest.mark.parametrize("namespace", ["a", "production", "monq-6", "x" * 63])
def test_a_namespace(namespace, monkeypatch):
    monkeypatch.setattr(arguments.Cluster, "connect", lambda *given: given)
    assert arguments.cluster({"namespace": namespace, "kubeconfig": "k", "kube_context": "c"}) == ("k", "c")


def test_the_plan_of_the_options_is_the_plan():
    assert arguments.plan({"plan": PLAN}) == steps.plan(RELEASE, ["pl"], credential_name="cred", releasehub_name="hub")
    assert PLAN["variables"]  # the options are left as they are


def test_a_guarded_run_reads_and_makes_nothing(tmp_path):
    cluster = FakeCluster()
    params = {"plan": PLAN, "namespace": "production", "lock_id": "x", "lock_duration": 120, "resolve": {}, "monqctl_home": str(tmp_path / "home")}
    params.update(emergency_directory=str(tmp_path / "backup"), emergency_host="monq")
    run = arguments.guarded_run(params, True, cluster)
    assert not run.ledger.exists and not run.is_done("prepare.snapshot.original")
    assert cluster.bodies == [] and list(tmp_path.iterdir()) == []
