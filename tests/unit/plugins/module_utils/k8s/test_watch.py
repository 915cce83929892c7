"""Waiting is watching: it ends as soon as it can, and as soon as it must."""

from __future__ import annotations

import contextlib
import threading

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, ApiUnreachable, MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s import mirror as mirror_module
from ansible_collections.monq.platform.plugins.module_utils.k8s import watch
from ansible_collections.monq.platform.plugins.module_utils.k8s.mirror import Mirror
from ansible_collections.monq.platform.plugins.module_utils.k8s.watch import RolloutWatcher, RouteWatcher
from fake_cluster import (
    DEPLOYMENTS,
    INGRESSES,
    FakeCluster,
    Listed,
    deployment,
    ingress,
    place,
    pod,
    route,
)

# ---- rollouts


def rollouts(cluster, clock, timeout=900):
    return RolloutWatcher(cluster, "production", timeout, clock, Listed.by(clock))


def test_what_is_rolled_out_is_not_waited_for(cluster, clock):
    place(cluster, deployment("pl-a", 2), deployment("pl-zero", 0), deployment("sm-b", 1, ready=0))
    assert rollouts(cluster, clock).wait(["pl-*"], {}) == {"ready": 2, "exempt": {}}
    assert clock.now == 0 and cluster.bodies == []


def test_the_wait_ends_with_the_rollout(cluster, clock):
    """trap 44"""
    place(cluster, deployment("pl-a", 2, ready=1))
    pod(cluster, "pl-a")
    clock.at(40, lambda: place(cluster, deployment("pl-a", 2)))
    assert rollouts(cluster, clock).wait(["pl-*"], {})["ready"] == 1
    assert 40 <= clock.now <= 41


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CrashLoopBackOff"])
def test_a_pod_that_cannot_start_ends_the_wait_within_five_seconds(cluster, clock, reason):
    """rule 10"""
    place(cluster, deployment("pl-a", 2, ready=1), deployment("pl-b"))
    pod(cluster, "pl-a", reason)
    with pytest.raises(MonqError) as caught:
        rollouts(cluster, clock).wait(["pl-*"], {})
    assert clock.now <= 5
    assert (
        reason in str(caught.value)
        and "Deployment production/pl-a" in str(caught.value)
        and "describe deployment pl-a" in str(caught.value)
    )
    assert list(caught.value.details["deployments"]) == ["pl-a"]


def test_a_reason_that_passes_is_no_failure(cluster, clock):
    place(cluster, deployment("pl-a", 2, ready=1))
    for at in (0.5, 5, 10, 15):
        clock.at(at, lambda: pod(cluster, "pl-a", "ErrImagePull"))
        clock.at(at + watch.GRACE - 1, lambda: pod(cluster, "pl-a"))
    clock.at(20, lambda: place(cluster, deployment("pl-a", 2)))
    assert rollouts(cluster, clock).wait(["pl-*"], {})["ready"] == 1


def test_somebody_elses_stuck_pod_is_not_ours(cluster, clock):
    place(cluster, deployment("pl-a", 2, ready=1), deployment("sm-b", 1, ready=0))
    pod(cluster, "sm-b", "ImagePullBackOff")
    clock.at(20, lambda: place(cluster, deployment("pl-a", 2)))
    assert rollouts(cluster, clock).wait(["pl-*"], {})["ready"] == 1


def test_the_wait_has_an_end(cluster, clock):
    place(cluster, deployment("pl-a", 2, ready=1))
    with pytest.raises(MonqError) as caught:
        rollouts(cluster, clock, 60).wait(["pl-*"], {})
    assert 60 <= clock.now <= 62
    assert "timed out after 60 s" in str(caught.value) and "1 of 2 pods are updated" in str(caught.value)


@pytest.mark.parametrize(
    "row", [{"paused": False, "healthy": False, "kubernetes": 2}, {"paused": True, "healthy": True, "kubernetes": 2}]
)
def test_what_was_ill_before_the_outage_is_not_waited_for(cluster, clock, row):
    """rule 10"""
    place(cluster, deployment("pl-a", 2, ready=0), deployment("pl-b"))
    pod(cluster, "pl-a", "CrashLoopBackOff")
    found = rollouts(cluster, clock).wait(
        ["pl-*"], {"pl-a": row, "pl-b": {"paused": False, "healthy": True, "kubernetes": 1}}
    )
    assert found["ready"] == 1 and list(found["exempt"]) == ["pl-a"] and clock.now == 0


@pytest.mark.parametrize("timeout", [900, 1, 0])
def test_nothing_to_roll_out_is_an_error(cluster, clock, timeout):
    """trap 4: the wrong namespace has no Deployments"""
    with pytest.raises(MonqError) as caught:
        rollouts(cluster, clock, timeout).wait(["pl-*"], {})
    assert "nothing to roll out" in str(caught.value) and clock.now <= 5


def test_a_deployment_that_is_being_created_again_is_waited_for(cluster, clock):
    clock.at(2, lambda: place(cluster, deployment("pl-a", 2)))
    assert rollouts(cluster, clock).wait(["pl-*"], {})["ready"] == 1


def test_several_modules_are_waited_for_at_once(cluster, clock):
    """monq_rollout_gate: end"""
    place(cluster, deployment("pl-a", 2, ready=1), deployment("sm-b", 1, ready=0), deployment("cl-c"))
    clock.at(5, lambda: place(cluster, deployment("sm-b", 1)))
    clock.at(9, lambda: place(cluster, deployment("pl-a", 2)))
    groups = {"pl": ["pl-*"], "sm": ["sm-*"]}
    assert rollouts(cluster, clock).wait_for_groups(groups, {}) == {
        group: {"ready": 1, "exempt": {}} for group in groups
    }
    assert 9 <= clock.now <= 10


# ---- the watches


class Streams(FakeCluster):
    """A cluster whose lists have a version, and whose watches are given: one list of events for each, or an error."""

    def __init__(self, *watches):
        super().__init__()
        self.watches, self.asked = list(watches), []

    def get(self, path, **query):
        found = {"items": self.items(path), "metadata": {"resourceVersion": "7"}}
        return found

    @contextlib.contextmanager
    def watch(self, path, version, seconds):
        self.asked.append((path, version))
        events = self.watches.pop(0) if self.watches else forever()
        for error in [events] if isinstance(events, Exception) else []:
            raise error
        yield events


def forever():
    threading.Event().wait(60)
    yield from ()


def event(kind, name, version, **more):
    return {
        "type": kind,
        "object": {"metadata": {"name": name, "uid": f"uid-of-{name}", "resourceVersion": version}, **more},
    }


def mirrored(cluster, done):
    changed = threading.Event()
    mirror = Mirror(cluster, DEPLOYMENTS, changed).start()
    try:
        for _look in range(200):
            changed.wait(5)
            changed.clear()
            names = sorted(one["metadata"]["name"] for one in mirror.objects())
            if done(names):
                return names
        raise AssertionError("it never came")
    finally:
        mirror.stop()


def test_a_list_is_kept_current_by_one_watch():
    cluster = Streams(
        [
            event("ADDED", "b", "8"),
            event("DELETED", "a", "9"),
            event("BOOKMARK", "", "10"),
            event("MODIFIED", "c", "11"),
        ]
    )
    cluster.put(f"{DEPLOYMENTS}/a", {"metadata": {"uid": "uid-of-a"}})
    assert mirrored(cluster, lambda names: "c" in names) == ["b", "c"]
    assert cluster.asked[:2] == [(DEPLOYMENTS, "7"), (DEPLOYMENTS, "11")], "begun anew where the last one ended"
    assert [call for call in cluster.calls if call == ("GET", DEPLOYMENTS)] == [("GET", DEPLOYMENTS)], "one list"


@pytest.mark.parametrize(
    "ended",
    [
        pytest.param([{"type": "ERROR", "object": {"kind": "Status", "code": 410}}], id="too old to go on from"),
        pytest.param(ApiError(403, "Forbidden", "no", "GET", DEPLOYMENTS), id="an account that may not watch"),
        pytest.param(ApiUnreachable("the connection was reset"), id="a connection that was lost"),
        pytest.param([{"type": "ADDED", "object": {}}], id="something else than a watch"),
    ],
)
def test_where_a_watch_ends_otherwise_the_list_is_read_again(ended, monkeypatch):
    monkeypatch.setattr(mirror_module, "POLL", 0.01)
    cluster = Streams(ended)
    threading.Timer(0.1, lambda: cluster.put(f"{DEPLOYMENTS}/late", {"metadata": {"uid": "x"}})).start()
    cluster.watches += [ended] * 100
    assert mirrored(cluster, lambda names: names == ["late"]) == ["late"]


def unreachable(*_given, **_query):
    raise ApiUnreachable("the API server is gone")


def test_what_ends_the_lists_too_is_an_error_of_the_wait(monkeypatch):
    monkeypatch.setattr(mirror_module, "POLL", 0.01)
    cluster = Streams(ApiUnreachable("reset"))
    changed = threading.Event()
    mirror = Mirror(cluster, DEPLOYMENTS, changed).start()
    cluster.get = unreachable
    for _look in range(100):
        changed.wait(5)
        changed.clear()
        try:
            mirror.objects()
        except ApiUnreachable as exc:
            assert "is gone" in str(exc)
            return
    raise AssertionError("nobody was told")


def test_pods_are_watched_only_where_something_is_late(clock):
    cluster = Streams()
    place(cluster, deployment("pl-a", 2))
    assert RolloutWatcher(cluster, "production", 60).wait(["pl-*"], {})["ready"] == 1
    assert {path for path, _version in cluster.asked} <= {DEPLOYMENTS}


# ---- routes


def make(cluster, clock, timeout=300):
    return RouteWatcher(cluster, "production", timeout, clock, clock.sleep)


OLD = [
    {"name": "frontend-box", "uid": "uid-of-frontend-box"},
    {"name": "pl-routing-external", "uid": "uid-of-pl-routing-external"},
]


def remaining(cluster):
    return sorted(path.rpartition("/")[2] for path in cluster.objects if path.startswith(INGRESSES))


def test_the_cut_deletes_by_uid_and_nothing_else(cluster, clock):
    """trap 2"""
    route(cluster, *(ingress(old["name"], "monq.test") for old in OLD), ingress("frontend-shop", "shop.test"))
    assert make(cluster, clock).remove(OLD, 60) == ["frontend-box", "pl-routing-external"]
    assert remaining(cluster) == ["frontend-shop"]
    assert [(method, body) for method, _path, body in cluster.bodies] == [
        ("DELETE", {"uid": old["uid"]}) for old in OLD
    ]


@pytest.mark.parametrize("pause", [60, 1, 0])
def test_the_pause_is_kept_and_not_much_more(cluster, clock, pause):
    """trap 23"""
    route(cluster, ingress("frontend-box", "monq.test"))
    make(cluster, clock).remove(OLD, pause)
    assert pause <= clock.now <= pause + 1


def test_a_route_that_is_gone_already_is_fine(cluster, clock):
    """trap 3: and a resumed run pauses again"""
    assert make(cluster, clock).remove(OLD, 60) == ["frontend-box", "pl-routing-external"]
    assert cluster.bodies == [] and clock.now >= 60


def test_a_new_route_with_an_old_name_survives(cluster, clock):
    """trap 2: the template names them %AppName%"""
    route(cluster, ingress("frontend-box", "monq.test", uid="new"), ingress("pl-routing-external", "monq.test"))
    make(cluster, clock).remove(OLD, 0)
    assert remaining(cluster) == ["frontend-box"]


@pytest.mark.parametrize(
    ("live", "strange"),
    [
        pytest.param([], [], id="all are cut"),
        pytest.param(OLD[:1], [], id="a cut that was killed half way"),
        pytest.param([{"name": "frontend-box", "uid": "made since"}], ["frontend-box"], id="made again under its name"),
        pytest.param([*OLD, {"name": "monq-alias", "uid": "x"}], ["monq-alias"], id="not in the snapshot"),
    ],
)
def test_an_old_route_that_was_not_saved_stops_the_cut(live, strange):
    if not strange:
        return watch.require_saved(OLD, live, "production")
    with pytest.raises(MonqError) as caught:
        watch.require_saved(OLD, live, "production")
    assert f"Ingress production/{strange[0]}" in str(caught.value) and f"delete ingress {strange[0]}," in str(
        caught.value
    )


def test_a_route_that_is_replaced_while_we_look_survives(cluster, clock):
    route(cluster, ingress("frontend-box", "monq.test"))

    def replaced(method, path):
        if method == "DELETE":
            cluster.before = lambda method, path: None
            route(cluster, ingress("frontend-box", "monq.test", uid="new"))

    cluster.before = replaced
    with pytest.raises(ApiError):
        make(cluster, clock).remove(OLD, 0)
    assert remaining(cluster) == ["frontend-box"]
    make(cluster, clock).remove(OLD, 0)
    assert remaining(cluster) == ["frontend-box"]


def lingering(cluster):
    """Finalizers keep what was deleted."""
    cluster.delete = lambda path, uid=None, propagation=None: True


def test_routes_that_linger_are_waited_for(cluster, clock):
    """trap 23: at least the pause, and until they are gone"""
    route(cluster, ingress("frontend-box", "monq.test"))
    lingering(cluster)
    clock.at(90, lambda: cluster.drop(f"{INGRESSES}/frontend-box"))
    make(cluster, clock).remove(OLD, 60)
    assert 90 <= clock.now <= 91


def test_routes_that_stay_are_named_in_the_end(cluster, clock):
    route(cluster, ingress("frontend-box", "monq.test"))
    lingering(cluster)
    with pytest.raises(MonqError) as caught:
        make(cluster, clock, 300).remove(OLD, 60)
    assert "Ingress production/frontend-box" in str(caught.value) and "pl-routing" not in str(caught.value)
    assert 300 <= clock.now <= 302


def test_a_pause_longer_than_the_limit_is_a_pause(cluster, clock):
    route(cluster, ingress("frontend-box", "monq.test"))
    make(cluster, clock, 10).remove(OLD, 60)
    assert clock.now >= 60


DOMAINS = ["monq.test", "alias.test"]


def test_new_routes_are_waited_for_until_they_serve_every_domain(cluster, clock):
    """trap 23"""
    route(cluster, ingress("frontend-shop", *DOMAINS, uid="old"), ingress("pl-new", "monq.test"))
    clock.at(7, lambda: route(cluster, ingress("pl-alias", "alias.test")))
    assert make(cluster, clock).wait({"old"}, DOMAINS) == DOMAINS
    assert 7 <= clock.now <= 8


def test_new_routes_that_do_not_come_are_named(cluster, clock):
    route(cluster, ingress("pl-new", "monq.test"))
    with pytest.raises(MonqError) as caught:
        make(cluster, clock, 30).wait(set(), DOMAINS)
    assert "object: alias.test" in str(caught.value) and clock.now <= 32
