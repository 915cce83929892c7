"""report.json of a full run, a failed run and a rollback: tables of what each part says."""

from __future__ import annotations

import json
import re

import pytest
import report_data
from ansible_collections.monq.platform.plugins.module_utils.report import document, rollback_document, sections
from repository import ROOT

FINISHED, FAILED, BACK = report_data.finished(), report_data.failed(), report_data.rolled_back()
STUCK = report_data.rolled_back("rollback.deployments.stop")
KEYS = {
    "format", "kind", "made", "collection", "release", "installation", "generation", "outcome", "platform", "closed",
    "counts", "outage", "irreversible", "decisions", "failures", "stages", "steps", "runs", "rollback", "plan",
}  # fmt: skip
OF_UPGRADES = {
    "point_of_no_return", "sql", "backups", "replicas", "routes", "drift", "preflight", "findings", "versions",
    "unproved",
}  # fmt: skip


@pytest.mark.parametrize(
    ("report", "kind", "outcome", "platform", "done", "irreversible"),
    [
        (FINISHED, "upgrade", "finished", "up", 74, 16),
        (FAILED, "upgrade", "failed", "down", 51, 11),
        (BACK, "rollback", "rolled_back", "up", 14, 10),
        (STUCK, "rollback", "rollback_failed", "down", 1, 10),
    ],
)
def test_the_verdict_and_its_numbers(report, kind, outcome, platform, done, irreversible):
    assert (report["format"], report["kind"], report["outcome"], report["platform"]) == ("1.0", kind, outcome, platform)
    assert report["counts"]["done"] == done == sum(row["state"] == "done" for row in report["steps"])
    assert report["irreversible"]["count"] == irreversible == len(report["irreversible"]["steps"])
    assert set(report) == KEYS | (OF_UPGRADES if kind == "upgrade" else set()), "the keys are those that docs list"
    assert json.loads(json.dumps(report)) == report, "JSON, without a value that it cannot hold"


@pytest.mark.parametrize(
    ("report", "state", "begin", "end", "seconds"),
    [
        (FINISHED, "ended", "2026-03-02T00:34:58Z", "2026-03-02T00:55:26Z", 1228),
        (FAILED, "running", "2026-03-02T00:34:58Z", None, 5102),
        (BACK, "ended", "2026-03-02T00:34:58Z", "2026-03-02T01:07:00Z", 1922),
        (STUCK, "running", "2026-03-02T00:34:58Z", None, 5102),
        (report_data.upgrade({}), "none", None, None, 0),
    ],
)
def test_the_outage_by_the_ledger(report, state, begin, end, seconds):
    """From the cutover to the last step of the upgrade; a rollback's ends when the old routes are back."""
    assert report["outage"]["ledger"] == {"state": state, "from": begin, "to": end, "seconds": seconds}
    assert report["outage"]["probe"] is None, "nobody observed it: that is said, not guessed"


def test_what_the_operator_answered():
    """A decision leaves its trace in the ledger: done and accept by `by`, redo and retry by the attempt they name."""
    assert [(row["answer"], row["attempt"], row["at"] is None) for row in FINISHED["decisions"]] == [
        ("redo", "a00dead", True),
        ("retry", "a00beef", True),
        ("accept", "a0000030", False),
    ]
    assert FAILED["decisions"] == []


def test_sql_with_its_checksum_and_what_the_database_showed():
    first, second = FINISHED["sql"][0], FAILED["sql"][5]
    assert first["file"] == "sqls/pl-i18n-service.sql" and first["sha256"] == "3c" * 32
    assert first["seen"] == report_data.EVIDENCE and first["seconds"] == 17
    assert (second["module"], second["state"], second["seen"], second["sha256"]) == ("sm", "unknown", None, None)
    assert [row["state"] for row in FAILED["sql"]].count("to do") == 5


def test_a_dump_that_is_used_again_is_listed_once():
    assert [row["key"].split(".")[0] for row in FINISHED["backups"]] == ["prepare"] * 7
    assert [(row["scratch"] or {})["state"] for row in FINISHED["backups"]].count("skipped") == 1


def test_counts_routes_and_drift_before_and_after():
    services = FINISHED["replicas"]["services"]
    assert services["pl-service-07"]["kubernetes"] == {"before": 2, "after": 3}
    assert services["pl-legacy-router-service"]["kubernetes"] == {"before": 1, "after": None}
    assert services["pl-routing-service"]["registry"] == {"before": None, "after": 1}
    assert FINISHED["replicas"]["appeared"] == ["pl-routing-service"] and FINISHED["replicas"]["restored"] == 24
    assert FAILED["replicas"]["vanished"] == ["pl-legacy-router-service"], "by what was seen after the failure"
    assert FINISHED["routes"]["before"]["frontend-box"] == ["monq.example.org"]
    assert "frontend-box" not in FINISHED["routes"]["after"] and FINISHED["routes"]["removed"][0] == "frontend-box"
    assert FINISHED["drift"] == report_data.DEPLOYED and FINISHED["findings"] == [report_data.FINDING]
    unseen = report_data.upgrade({})
    assert unseen["routes"]["after"] is None and unseen["replicas"]["known_after"] is False


def test_stages_follow_the_plan_and_client_steps_do_not_stretch_them():
    plan = report_data.plans.make()
    made = report_data.entries(plan)
    made["prepare.release.use-version"]["finished"] = "2026-03-09T00:00:00Z"  # repeated by verify's home
    stages = {row["id"]: row for row in report_data.upgrade(made)["stages"]}
    modules = [f"upgrade.{name}" for name in ("begin", "routing", "pl", "sm", "cl", "fm")]
    assert list(stages) == ["prepare", *modules, "verify"]
    assert stages["prepare"]["finished"].startswith("2026-03-01") and stages["upgrade.sm"]["seconds"] == 253


def test_who_held_the_lock():
    assert [(row["lock"], row["steps"]) for row in FINISHED["runs"]] == [("b61f0c2a9d11", 22), ("77aa01fe02cd", 52)]


def test_what_only_monqctls_word_stands_for():
    assert FINISHED["unproved"]["images"] == ["pl", "sm", "cl", "fm"]
    assert "pl-i18n-service" not in FINISHED["unproved"]["caches"], "the operator said so"


@pytest.mark.parametrize(
    ("closed", "failures", "holder", "outcome"),
    [
        ("2026-03-02T01:00:00Z", [{"lock": "a"}], "b", "finished"),
        (None, [{"lock": "a"}], "", "failed"),
        (None, [{"lock": "a"}], "a", "failed"),
        (None, [{"lock": "a"}], "b", "running"),
        (None, [], "b", "running"),
        (None, [], "", "unfinished"),
    ],
)
def test_the_outcome_of_an_upgrade(closed, failures, holder, outcome):
    assert document.outcome({"closed": closed}, {"failures": failures}, holder) == outcome


@pytest.mark.parametrize(
    ("finished", "states", "holder", "outcome"),
    [
        (True, ["done"], "", "rolled_back"),
        (False, ["done", "failed"], "b", "rollback_failed"),
        (False, ["done", "intent"], "b", "running"),
        (False, ["done"], "", "rollback_unfinished"),
    ],
)
def test_the_outcome_of_a_rollback(finished, states, holder, outcome):
    entries = {str(number): {"state": state} for number, state in enumerate(states)}
    assert rollback_document.outcome(finished, entries, holder) == outcome


def test_a_rollback_tells_what_was_restored_and_what_is_left():
    back = BACK["rollback"]
    assert back["deployments"]["created"] == ["pl-legacy-router-service"] and back["routes"]["removed"] == [
        "pl-routing"
    ]
    [database] = back["databases"]
    assert database["kept"] == "pl_i18n_service_before_rollback_1" and database["sha256"] == "9f" * 32
    assert back["registry_left"] and back["asks_again"] == ["upgrade.sm.database.x"]
    assert "pl-i18n-service" not in {row["microservice"] for row in BACK["irreversible"]["steps"]}


def test_a_step_that_was_never_finished_has_no_seconds():
    assert sections.seconds("2026-03-02T01:00:00Z", None) is None and sections.seconds(None, None) is None


def test_counts_of_before_are_those_that_verify_recorded():
    """cleanup.yml may have removed the snapshots since."""
    before = {
        "replicas": {"pl-a": {"kubernetes": 7, "registry": 7, "hpa": False}},
        "routes": {"old": ["a.example.org"]},
    }
    report = report_data.upgrade({}, {"verified": {**report_data.VERIFIED, "before": before}})
    assert report["replicas"]["services"]["pl-a"]["kubernetes"]["before"] == 7
    assert report["routes"]["before"] == {"old": ["a.example.org"]}


def test_every_key_is_on_its_page_of_the_docs():
    text = (ROOT / "docs/docsite/rst/report.rst").read_text(encoding="utf-8").rpartition("report.json\n------")[2]
    cells = re.findall(r"^   \* - (.+)$", text, re.M)
    assert {name for cell in cells for name in re.findall(r"``(\w+)``", cell)} == (KEYS | OF_UPGRADES) - {"format"}


def test_a_rollback_that_failed_tells_where():
    """Before its first database too: the steps are those of the databases that it was started with."""
    [failure] = STUCK["failures"]
    assert failure["step"] == "rollback.deployments.stop" and "do not terminate" in failure["message"]
    assert {"rollback.backup.pl-i18n-service", "rollback.database.pl-i18n-service"} <= {
        row["key"] for row in STUCK["steps"]
    }
