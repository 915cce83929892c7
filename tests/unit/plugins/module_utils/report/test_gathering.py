"""Reports from an API server alone: which generation, whose ledger, what is recorded of a failure."""

from __future__ import annotations

import datetime
import json
import os

import pytest
import report_data
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import Lease
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.report import gathering, summary_file
from ansible_collections.monq.platform.plugins.module_utils.rollback.archive import Archive
from fake_cluster import CONFIGMAPS, DEPLOYMENTS, FakeCluster, deployment, ingress
from fake_session import params

NOW = datetime.datetime(2026, 3, 2, 3, 0, tzinfo=datetime.timezone.utc)
PASSWORD = "hunter2-hunter2"
FACTS = f"{CONFIGMAPS}/monq-upgrade-6.0.0-report"


def given(folder, **more):
    base = {"environment": "production", "generation": 0, "failure": {}, "required": False}
    return {**params(folder, {"modules": report_data.plans.FULL}, mask=json.dumps([PASSWORD])), **base, **more}


@pytest.fixture
def cluster():
    made = FakeCluster()
    made.objects["/version"] = {"gitVersion": "v1.20.2"}
    made.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 2))
    return made


def put(cluster, name, entries, generation=1, **notes):
    annotations = {"monq.platform/attempt": str(generation), **notes}
    data = {key: json.dumps(entry) for key, entry in entries.items()}
    cluster.put(f"{CONFIGMAPS}/{name}", {"metadata": {"name": name, "annotations": annotations}, "data": data})


def upgraded(cluster, until=None, **notes):
    """The ledger of an upgrade with its snapshots."""
    made = report_data.entries(report_data.plans.make(), until=until)
    store = SnapshotStore(cluster, "production", "6.0.0")
    for name in ("original", "cut"):
        stage = "prepare" if name == "original" else "upgrade"
        routes = [ingress("frontend-box", "monq.example.org")]
        manifests = store.save(name, {"deployments": [deployment("pl-a")], "ingresses": routes})
        counts = store.save(f"{name}-replicas", {"pl-a": {"kubernetes": 1, "registry": 1, "hpa": False}})
        made[f"{stage}.snapshot.{name}"]["result"] = manifests
        made[f"{stage}.replicas.{name}"]["result"] = counts
    put(cluster, "monq-upgrade-6.0.0", made, **notes)
    return made


def gathered(cluster, folder, check_mode=False, **more):
    return gathering.Gathering(given(folder, **more), cluster, check_mode, NOW).result()


def test_a_report_of_what_the_cluster_holds(cluster, tmp_path):
    digests = {report_data.SQL: "ab" * 32}
    notes = {"monq.platform/closed": "2026-03-02T01:00:00Z", "monq.platform/sql-sha256": json.dumps(digests)}
    notes["monq.platform/plan"] = "sha256:" + "0" * 64
    upgraded(cluster, **notes)
    found = gathered(cluster, tmp_path)
    [report] = found["reports"]
    content = report["content"]
    assert report["name"] == "report" and found["complete"] and found["problems"] == []
    assert content["plan"] == {"id": notes["monq.platform/plan"]}
    assert content["outcome"] == "finished" and content["made"] == "2026-03-02T03:00:00Z"
    assert [row["sha256"] for row in content["sql"] if row["key"] == report_data.SQL] == ["ab" * 32]
    assert content["replicas"]["services"]["pl-a"]["kubernetes"] == {"before": 1, "after": None}
    assert content["routes"]["before"] == {"frontend-box": ["monq.example.org"]}
    assert found["folder"] == os.path.join(tmp_path, "production", "6.0.0", "1")
    assert "********" not in json.dumps(content), "nothing of an ordinary report looks secret"
    assert [call for call in cluster.writes if "secrets" not in call[1]] == [], "it only reads"


def test_a_failure_is_recorded_and_told_without_its_secret(cluster, tmp_path):
    upgraded(cluster, until=report_data.SQL)
    lock = Lease(cluster, "production").acquire("us")
    failure = {"task": "Run the SQL", "message": f"password {PASSWORD}", "step": report_data.SQL}
    [report] = gathered(cluster, tmp_path, failure=failure, lock_id=lock)["reports"]
    content = report["content"]
    assert content["outcome"] == "failed" and content["failures"][0]["step"] == report_data.SQL
    assert content["replicas"]["services"]["pl-a"]["kubernetes"] == {"before": 1, "after": 2}
    assert PASSWORD not in json.dumps(content) + json.dumps(cluster.objects[FACTS])
    again = gathered(cluster, tmp_path)["reports"][0]["content"]
    assert again["failures"] == content["failures"], "from the cluster alone"


@pytest.mark.parametrize(("given", "recorded"), [("True", True), (True, True), ("False", None), (None, None)])
def test_a_stop_at_the_last_exit_is_recorded_as_such(cluster, tmp_path, given, recorded):
    upgraded(cluster, until=report_data.SQL)
    lock = Lease(cluster, "production").acquire("us")
    [report] = gathered(cluster, tmp_path, failure={"task": "x", "last_exit": given}, lock_id=lock)["reports"]
    assert report["content"]["failures"][0].get("last_exit") == recorded


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_failure_is_not_recorded_without_the_lock_or_in_check_mode(cluster, tmp_path, check_mode):
    upgraded(cluster, until=report_data.SQL)
    lock = Lease(cluster, "production").acquire("us")
    found = gathered(cluster, tmp_path, check_mode, failure={"task": "x"}, lock_id=lock if check_mode else "other")
    assert found["reports"][0]["content"]["failures"] and FACTS not in cluster.objects
    assert bool(found["problems"]) is not check_mode


def test_another_runs_lock_means_that_a_run_is_at_work(cluster, tmp_path):
    upgraded(cluster, until=report_data.SQL)
    Lease(cluster, "production").acquire("them")
    assert gathered(cluster, tmp_path)["reports"][0]["content"]["outcome"] == "running"


def test_without_a_ledger_there_is_nothing_to_report(cluster, tmp_path):
    assert gathered(cluster, tmp_path)["reports"] == []


def test_an_altered_snapshot_is_a_problem_and_not_the_end(cluster, tmp_path):
    made = upgraded(cluster)
    made["upgrade.snapshot.cut"]["result"]["sha256"] = "0" * 64
    put(cluster, "monq-upgrade-6.0.0", made)
    found = gathered(cluster, tmp_path)
    assert "altered" in found["problems"][0] and found["reports"][0]["content"]["routes"]["before"]


ROLLBACK = {
    "rollback.routing.restore": {
        "state": "done",
        "started": "2026-03-02T02:00:00Z",
        "finished": "2026-03-02T02:01:00Z",
    },
    "rollback.ledger.archive": {"state": "done", "started": "2026-03-02T02:01:00Z", "finished": "2026-03-02T02:02:00Z"},
}


def test_after_a_rollback_both_reports_are_made_from_the_archive(cluster, tmp_path):
    upgraded(cluster, until=report_data.SQL)
    lock = Lease(cluster, "production").acquire("us")
    gathered(cluster, tmp_path, failure={"task": "x", "message": "y"}, lock_id=lock)
    inputs = json.dumps({"databases": ["pl-i18n-service"], "registry_replicas": "monqctl"})
    notes = {"monq.platform/state": "finished", "monq.platform/steps-from": inputs}
    put(cluster, "monq-rollback-6.0.0", ROLLBACK, **notes)
    carried = {report_data.SQL: {"state": "unknown", "attempt": "a1", "earlier_attempt": 1}}
    Archive(cluster, "production", "6.0.0", 1).upgrade(carried)
    assert FACTS not in cluster.objects and f"{CONFIGMAPS}/monq-upgrade-6.0.0-attempt-1-report" in cluster.objects
    found = gathered(cluster, tmp_path)
    assert [one["name"] for one in found["reports"]] == ["report", "rollback-report"] and found["generation"] == 1
    upgrade, back = (one["content"] for one in found["reports"])
    assert upgrade["failures"] and upgrade["routes"]["before"], "facts and snapshots are archived with the ledger"
    assert back["outcome"] == "rolled_back" and back["outage"]["ledger"]["to"] == "2026-03-02T02:01:00Z"
    assert "rollback.database.pl-i18n-service" in {row["key"] for row in back["steps"]}
    assert gathered(cluster, tmp_path, generation=1)["reports"] == found["reports"]
    assert gathered(cluster, tmp_path, generation=7)["reports"] == []


def test_a_report_that_says_the_same_keeps_its_date(cluster, tmp_path):
    """A second run changes nothing, so its report must not differ either."""
    upgraded(cluster, **{"monq.platform/closed": "2026-03-02T01:00:00Z"})
    found = gathered(cluster, tmp_path)
    text = json.dumps(found["reports"][0]["content"])
    assert summary_file.keep_all(found["folder"], {"report.json": text}) == ["report.json"]
    later = gathering.Gathering(given(tmp_path), cluster, now=NOW + datetime.timedelta(hours=1)).result()
    assert later["reports"][0]["content"]["made"] == "2026-03-02T03:00:00Z"
    path = os.path.join(found["folder"], "report.json")
    assert os.stat(path).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".."])
def test_a_file_of_a_report_stays_in_its_folder(tmp_path, name):
    with pytest.raises(MonqError):
        summary_file.keep_all(tmp_path / "in", {name: "x"})
    assert not list(tmp_path.iterdir())


def test_whoever_makes_it_again_need_not_know_with_what_it_was_started(cluster, tmp_path):
    """The steps are those of the ledger's own variables."""
    plan = report_data.plans.make(["pl", "cl"], configure=True, rollout_gate="end", backup_in_outage=True)
    begun = {"modules": ["pl", "cl"], "rollout_gate": "end", "backup_in_outage": True, "backup_databases": []}
    put(cluster, "monq-upgrade-6.0.0", report_data.entries(plan), **{"monq.platform/steps-from": json.dumps(begun)})
    [report] = gathered(cluster, tmp_path)["reports"]
    assert [row["key"] for row in report["content"]["steps"]] == [step.key for step in plan]
    assert report["content"]["installation"]["modules"] == ["pl", "cl"]
