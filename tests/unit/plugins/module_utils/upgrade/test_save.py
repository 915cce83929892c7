"""Both halves of a snapshot, from one reading."""

from __future__ import annotations

import json
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.monqctl.registry import TEMPLATE, RegistryReplicas
from ansible_collections.monq.platform.plugins.module_utils.upgrade.save import Saving
from fake_cluster import DEPLOYMENTS, HPAS, INGRESSES, FakeCluster, deployment, hpa, ingress
from fake_session import FakeSession, Runs
from repository import ROOT

SERVICES = [{"Name": "pl-a", "Replicas": 4, "Env": {"HEAP": "4g"}}]


class Store(dict):
    def save(self, name, content):
        self[name] = json.loads(json.dumps(content))
        return f"digest of {name}"


def session_of(template, registry=True, run=None):
    cluster, asked = FakeCluster(), []
    cluster.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 3))
    cluster.put(f"{INGRESSES}/frontend-box", ingress("frontend-box", "monq.example.org"))
    cluster.put(f"{HPAS}/pl-a", hpa("pl-a"))

    def read_json(*argv):
        asked.append(list(argv))
        return template if list(argv) == TEMPLATE else SERVICES

    monqctl = types.SimpleNamespace(read_json=read_json, secrets=())
    session = FakeSession(
        cluster, run or Runs(), monqctl=monqctl, registry=RegistryReplicas(monqctl) if registry else None
    )
    session.store, session.asked = Store(), asked
    return session


@pytest.fixture
def template():
    return json.loads((ROOT / "tests/sandbox/data/template-5.9.3.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "stage"), [("original", "prepare"), ("cut", "upgrade")])
def test_everything_that_a_rollback_needs_is_saved_from_one_reading(template, name, stage):
    """traps 41, 42, 43: counts of both stores, whole manifests, whole entries"""
    session = session_of(template)
    saving = Saving(session, name)
    assert (saving.manifests(), saving.counts()) == (f"digest of {name}", f"digest of {name}-replicas")
    assert session.run.done == [f"{stage}.snapshot.{name}", f"{stage}.replicas.{name}"]
    assert [[one["metadata"]["name"] for one in kind] for kind in saving.seen()] == [["pl-a"], ["frontend-box"]]
    saved = session.store[name]
    assert [d["metadata"]["name"] for d in saved["deployments"]] == ["pl-a"] and saved["deployments"][0]["spec"][
        "replicas"
    ] == 3
    assert [i["metadata"]["name"] for i in saved["ingresses"]] == ["frontend-box"] and len(saved["hpas"]) == 1
    assert saved["template"] == template and saved["microservices"] == {"pl-a": SERVICES[0]}
    assert session.store[f"{name}-replicas"]["pl-a"] == {
        "kubernetes": 3,
        "registry": 4,
        "hpa": True,
        "paused": False,
        "healthy": True,
    }
    lists = [path for method, path in session.cluster.calls if method == "GET" and path in (DEPLOYMENTS, HPAS)]
    assert (
        len(lists) == len(set(lists))
        and session.asked.count(["registry", "get", "microservices", "--output", "json"]) == 1
    )


def test_counts_that_are_entered_by_hand_are_not_asked_of_the_registry(template):
    session = session_of(template, registry=False)
    saving = Saving(session, "cut")
    saving.manifests(), saving.counts()
    assert session.asked == [TEMPLATE] and session.store["cut"]["microservices"] == {}
    assert session.store["cut-replicas"]["pl-a"]["registry"] is None


def test_a_template_of_another_shape_is_not_saved():
    session = session_of({"unexpected": True})
    with pytest.raises(MonqError):
        Saving(session, "original").manifests()
    assert session.store == {}


def test_a_half_that_is_saved_is_read_no_more(template):
    run = Runs(entries={"prepare.snapshot.original": {"state": "done", "result": "kept"}})
    session = session_of(template, run=run)
    saving = Saving(session, "original")
    assert saving.manifests() == "kept" and saving.counts() == "digest of original-replicas"
    assert TEMPLATE not in session.asked and list(session.store) == ["original-replicas"]
