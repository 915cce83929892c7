"""Each wait of the upgrade says how far it is, in the run's live line: without `say` it would be silent."""

from __future__ import annotations

import base64
import functools
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.k8s import watch
from ansible_collections.monq.platform.plugins.module_utils.upgrade import cutover, registry_token, rollouts
from fake_cluster import DEPLOYMENTS, INGRESSES, SECRETS, FakeCluster, Listed, deployment, ingress, place, route
from fake_session import FakeSession, Runs
from repository import RELEASE

OLD = ingress(RELEASE["modules"]["pl"]["legacy_routes"][0], "monq.example.org", uid="old")
REGISTRY = RELEASE["registry_deployment"]
DONE = {"state": "done"}


@pytest.fixture
def said():
    return []


@pytest.fixture
def session(said, clock, monkeypatch):
    """A session whose live line is kept; time passes by waiting only."""
    watchers = {"clock": clock, "source": Listed.by(clock)}
    for module in (registry_token, rollouts):
        monkeypatch.setattr(module, "RolloutWatcher", functools.partial(watch.RolloutWatcher, **watchers))
    routes = functools.partial(watch.RouteWatcher, clock=clock, sleep=clock.sleep)
    monkeypatch.setattr(cutover, "RouteWatcher", routes)
    made = FakeSession(
        FakeCluster(),
        Runs(entries={"upgrade.snapshot.cut": DONE}),
        {"cut": {"ingresses": [OLD], "deployments": []}, "cut-replicas": {}},
    )
    made.progress = types.SimpleNamespace(say=lambda text, *numbers: said.append((text, *numbers)))
    return made


def late(name):
    return deployment(name, 2, ready=1)


def soon(session, clock, path, obj):
    """The object is as it should be after three seconds."""
    clock.at(3, lambda: session.cluster.put(path, obj))


def test_the_removal_of_the_old_routes_and_the_pause_after_it(session, said):
    route(session.cluster, OLD)
    cutover.Cutover(session, [], []).execute(5, 60)
    assert said[0] == ("old routes removed, pause for the ingress controller: 5 s left",)
    assert said[-1] == ("old routes removed, pause for the ingress controller: 1 s left",)


def test_the_wait_for_the_new_routes(session, said, clock):
    new = ingress("new", "monq.example.org", uid="new")
    soon(session, clock, f"{INGRESSES}/new", new)
    assert cutover.wait_for_routes(session, ["monq.example.org"], 60) == ["monq.example.org"]
    assert said[0] == ("domains have a new route", 0, 1, {})


def test_the_wait_for_the_registry_that_gets_its_token(session, said, clock):
    place(session.cluster, late(REGISTRY))
    session.cluster.put(f"{SECRETS}/registry-token", {"data": {"secure_token": base64.b64encode(b"s3cret").decode()}})
    soon(session, clock, f"{DEPLOYMENTS}/{REGISTRY}", deployment(REGISTRY, 2))
    registry_token.TokenSteps(session, 60).execute(types.SimpleNamespace(key="prepare.registry.env"))
    assert said[0] == ("ready", 0, 1, {})


def test_the_wait_for_the_rollouts(session, said, clock):
    place(session.cluster, late("pl-a"))
    soon(session, clock, f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 2))
    assert rollouts.RolloutGate(session, 60).execute(["pl"])["ready"] == 1
    assert said[0] == ("ready", 0, 1, {})
