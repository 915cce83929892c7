"""What is said while something is waited for: how far it is, and who is late and why."""

from __future__ import annotations

import contextlib

from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s import watch
from ansible_collections.monq.platform.plugins.module_utils.k8s.watch import RolloutWatcher, RouteWatcher
from fake_cluster import (
    Listed,
    deployment,
    ingress,
    place,
    pod,
    route,
)


def rollouts(cluster, clock, say=watch.silent, timeout=900):
    return RolloutWatcher(cluster, "production", timeout, clock, Listed.by(clock), say)


def told(cluster, clock, secrets=()):
    """What a wait for pl-* says: [(second, done, total, late)], without repetitions."""
    rows = []

    def say(text, done=None, total=None, late=None):
        row = (text, done, total, dict(late or {}))
        if not rows or rows[-1][1:] != row:
            rows.append((clock.now, *row))

    cluster.secrets = secrets
    with contextlib.suppress(MonqError):
        rollouts(cluster, clock, say).wait(["pl-*"], {})
    return rows


def test_who_cannot_start_is_named_at_once_and_before_the_wait_fails(cluster, clock):
    place(cluster, deployment("pl-a", 2, ready=1), deployment("pl-b"))
    pod(cluster, "pl-a")
    clock.at(2, lambda: pod(cluster, "pl-a", "ImagePullBackOff"))
    rows = told(cluster, clock)
    assert rows[0] == (0, "ready", 1, 2, {})
    assert rows[1] == (2, "ready", 1, 2, {"pl-a": "pod pl-a: ImagePullBackOff: no (image x)"})
    assert rows[-1][4] == {"pl-a": "pod pl-a: ImagePullBackOff: no (image x) for 3 s"}


def test_who_is_only_slow_is_named_after_a_while(cluster, clock):
    place(cluster, deployment("pl-a", 2, ready=1), deployment("pl-b", 1, ready=0), deployment("pl-c"))
    pod(cluster, "pl-a")
    clock.at(20, lambda: place(cluster, deployment("pl-b")))
    clock.at(30, lambda: place(cluster, deployment("pl-a", 2)))
    assert told(cluster, clock) == [
        (0, "ready", 1, 3, {}),
        (10, "ready", 1, 3, {"pl-a": "1 of 2 pods are updated", "pl-b": "0 of 1 pods are updated"}),
        (20, "ready", 2, 3, {"pl-a": "1 of 2 pods are updated"}),
    ]


def test_nobody_waits_for_news_longer_than_until_the_slow_are_named(cluster, clock):
    assert [rollouts(cluster, clock)._patience({}, waited) for waited in (4, 9.5, 800)] == [6, 0.5, 100]


def test_controllers_texts_are_said_without_secrets(cluster, clock):
    place(cluster, deployment("pl-a", 2, ready=1))
    pod(cluster, "pl-a", "ImagePullBackOff")
    assert "********" in told(cluster, clock, secrets=["ImagePull"])[0][4]["pl-a"]


def test_the_pause_counts_down_and_routes_that_stay_are_named(cluster, clock):
    route(cluster, ingress("a"), ingress("b"))
    said = []
    watcher = RouteWatcher(
        cluster, "production", 300, clock, clock.sleep, say=lambda text, *more, **late: said.append((text, *more))
    )
    watcher.remove([{"name": name, "uid": f"uid-of-{name}"} for name in "ab"], pause=3)
    assert list(dict.fromkeys(text.rpartition(": ")[2] for text, *_more in said)) == [
        "3 s left",
        "2 s left",
        "1 s left",
    ]


def test_domains_without_a_route_are_named(cluster, clock):
    route(cluster, ingress("new", "a.org"))
    clock.at(12, lambda: route(cluster, ingress("newer", "b.org")))
    said = []
    watcher = RouteWatcher(cluster, "production", 300, clock, clock.sleep, say=lambda *row: said.append(row))
    watcher.wait(set(), ["a.org", "b.org"])
    assert said[0] == ("domains have a new route", 1, 2, {})
    assert said[-1] == ("domains have a new route", 1, 2, {"b.org": "no new route"})
