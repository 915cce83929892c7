"""The ConfigMap of what the ledger does not hold: small, without secrets, and never a reason to fail."""

from __future__ import annotations

import json

from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError
from ansible_collections.monq.platform.plugins.module_utils.report import facts
from fake_cluster import CONFIGMAPS, DEPLOYMENTS, HPAS, INGRESSES, FakeCluster, deployment, hpa, ingress

PATH = f"{CONFIGMAPS}/monq-upgrade-6.0.0-report"
SECRET = "hunter2-hunter2"


def recording(cluster, generation=1):
    return facts.Recording(cluster, "production", "6.0.0", generation, [SECRET])


def failure(number=0):
    return {"at": f"t{number}", "task": "a task", "message": f"password={SECRET} {number}", "step": "", "lock": "l"}


def test_what_is_recorded_is_read_again_and_has_no_secret():
    cluster = FakeCluster()
    recording(cluster).verified({"versions": {"pl": "6.0.0"}, "findings": [{"seen": f"x {SECRET}"}]})
    recording(cluster).failed(failure(), {"routes": {}})
    assert SECRET not in json.dumps(cluster.objects[PATH])
    found = facts.read(cluster, "production", "6.0.0", 1)
    assert found["verified"]["versions"] == {"pl": "6.0.0"} and len(found["failures"]) == 1
    assert facts.read(cluster, "production", "6.0.0", 2) == {}, "of another generation"


def test_what_preflight_found_is_kept_where_it_is_not_what_was_found_before():
    cluster, found = FakeCluster(), [{"id": "MONQ-032", "seen": f"x {SECRET}"}]
    recording(cluster).begun("a", "t0", [])
    assert cluster.writes == [], "nothing found is nothing to record"
    for lock, at, findings in (("b", "t1", found), ("c", "t2", found), ("d", "t3", []), ("e", "t4", found)):
        recording(cluster).begun(lock, at, findings)
    runs = facts.read(cluster, "production", "6.0.0", 1)["preflight"]
    assert [(run["lock"], run["at"], len(run["findings"])) for run in runs] == [
        ("b", "t1", 1),
        ("d", "t3", 0),
        ("e", "t4", 1),
    ]
    assert SECRET not in json.dumps(cluster.objects[PATH]) and len(cluster.writes) == 3
    for number in range(facts.RUNS):
        recording(cluster).begun("f", f"t{5 + number}", [{"id": "MONQ-032", "seen": str(number)}])
    runs = facts.read(cluster, "production", "6.0.0", 1)["preflight"]
    assert [run["at"] for run in runs] == [f"t{5 + number}" for number in range(facts.RUNS)]


def test_only_the_last_failures_are_kept_and_a_message_has_an_end():
    cluster = FakeCluster()
    for number in range(facts.FAILURES + 3):
        recording(cluster).failed({**failure(number), "message": "x" * 100_000}, {})
    found = facts.read(cluster, "production", "6.0.0")
    assert [row["at"] for row in found["failures"]][0] == "t3" and len(found["failures"]) == facts.FAILURES
    assert len(found["failures"][0]["message"]) == facts.LONGEST


def test_facts_of_an_earlier_generation_are_replaced():
    cluster = FakeCluster()
    recording(cluster, 1).failed(failure(), {})
    recording(cluster, 2).verified({"versions": {}})
    assert "failures" not in facts.read(cluster, "production", "6.0.0", 2)


def test_a_refused_write_is_a_problem_and_not_an_error():
    cluster = FakeCluster()

    def refuse(method, path):
        if method != "GET":
            raise ApiError(403, "Forbidden", "no", method, path)

    cluster.before = refuse
    made = recording(cluster)
    assert made.verified({"versions": {"pl": "6.0.0"}})["verified"]["versions"] == {"pl": "6.0.0"}
    assert "403" in made.problem


def test_too_much_for_a_config_map_is_not_sent():
    cluster, made = FakeCluster(), None
    made = recording(cluster)
    made.verified({"drift": {f"service-{number}": ["x" * 200] for number in range(5000)}})
    assert "too many" in made.problem and cluster.bodies == []


def test_what_is_seen_after_a_failure():
    cluster = FakeCluster()
    cluster.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 2))
    cluster.put(f"{HPAS}/pl-a", hpa("pl-a"))
    cluster.put(f"{INGRESSES}/new", ingress("new", "monq.example.org"))
    seen = facts.after_failure(cluster, "production", [deployment("pl-a")], [{"check": "x"}])
    assert seen["counts"] == {"pl-a": {"kubernetes": 2, "registry": None, "hpa": True}}
    assert seen["routes"] == {"new": ["monq.example.org"]} and seen["drift"] == {} and seen["findings"]


def test_an_api_server_that_is_away_leaves_the_findings():
    cluster = FakeCluster()

    def refuse(method, path):
        raise ApiError(500, "Internal", "away", method, path)

    cluster.before = refuse
    assert facts.after_failure(cluster, "production", None, [{"check": "x"}]) == {"findings": [{"check": "x"}]}


def test_a_damaged_config_map_is_as_good_as_none():
    cluster = FakeCluster()
    for text in ("{", "[]"):
        cluster.put(PATH, {"metadata": {"annotations": {"monq.platform/attempt": "1"}}, "data": {"facts": text}})
        assert facts.read(cluster, "production", "6.0.0", 1) == {}
