"""The ledger: a result that cannot be written, another plan, another SQL file, a closed release."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from support.refusal import Refusal

FIRST = "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
SECOND = "upgrade.pl.database.pl-automaton-rules-api-service.sqls_pl-automaton-rules-api-service.sql"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def story(install):
    """Runs one upgrade from an exported release, whose ledger cannot be written right after its first SQL file; then
    tries what must be refused, and repeats the command."""
    installation = install("by-hand", modules="pl", alias=False)
    export = installation.work / "release"
    shutil.copytree(installation.facts["release_source_dir"], export)
    options = {"extra": {"monq_release_source_dir": str(export)}}
    refusal = Refusal(installation, "configmaps", "UPDATE")
    call = ["release", "update", "db", "pgsql", "--microservice=pl-i18n-service"]
    installation.faults({"match": call, "kind": "exec", "command": refusal.command(), "when": "after"})
    told = {"broken": installation.play("site", **options)}
    refusal.lift()
    told["ledger"] = installation.ledger()
    told["copies"] = sorted(path.name for path in installation.backup.rglob("ledger-*"))
    mark, calls = installation.audit_mark(), installation.journal()
    file = export / "pl" / "sqls" / "pl-automaton-rules-api-service.sql"
    kept = file.read_text()
    told["sha256"] = sha256(file)
    file.write_text(kept + "-- corrected\n")
    told["other sha256"] = sha256(file)
    told["other file"] = installation.play("site", **options)
    file.write_text(kept)
    told["other plan"] = installation.play("site", extra={**options["extra"], "monq_prefetch_images": False})
    told["unchanged"] = (installation.mutations(mark), installation.journal() == calls)
    saved = installation.work / "ledger.json"
    saved.write_text(installation.kubectl("get", "configmap", "monq-upgrade-6.0.0", "-o", "json"))
    installation.kubectl("delete", "configmap", "monq-upgrade-6.0.0")
    mark = installation.audit_mark()
    told["no ledger"] = installation.play("site", **options)
    told["unchanged without it"] = (installation.mutations(mark), installation.journal() == calls)
    installation.kubectl("create", "-f", str(saved))
    told["ended"] = installation.play("site", **options)
    told["copies after"] = sorted(path.name for path in installation.backup.rglob("ledger-*"))
    return installation, told


def test_a_result_that_cannot_be_written_stops_the_run_and_is_left_beside_the_backup(story):
    _installation, told = story
    broken = told["broken"]
    assert broken.rc == 2 and "the result of a step cannot be written to the ledger" in broken.text, broken.text[-3000:]
    assert told["ledger"][FIRST]["state"] == "intent" and SECOND not in told["ledger"], "nothing more was begun"
    assert told["copies"] == [f"ledger-{FIRST}-{told['ledger'][FIRST]['attempt']}.json"]


def test_the_next_run_imports_it_and_no_sql_file_runs_twice(story):
    installation, told = story
    assert told["ended"].rc == 0, told["ended"].text[-3000:]
    assert told["copies after"] == [told["copies"][0].replace(".json", ".imported")]
    assert set(installation.migrations().values()) == {1} and len(installation.migrations()) == 5
    assert installation.ledger()[FIRST]["attempt"] == told["ledger"][FIRST]["attempt"], "no answer was needed"


def test_another_sql_file_is_refused_with_both_fingerprints(story):
    _installation, told = story
    refused = told["other file"]
    assert (
        refused.rc == 2
        and told["sha256"] in refused.text
        and told["other sha256"] in refused.text
        and SECOND in refused.text
    ), refused.text[-3000:]


def test_another_list_of_steps_is_refused_with_both_fingerprints(story):
    installation, told = story
    refused = told["other plan"]
    known = json.loads(installation.kubectl("get", "configmap", "monq-upgrade-6.0.0", "-o", "json"))["metadata"][
        "annotations"
    ]["monq.platform/steps-sha256"]
    assert refused.rc == 2 and "the step list differs from the one this upgrade started with" in refused.text, (
        refused.text[-3000:]
    )
    assert known[:16] in refused.text


def test_a_refused_run_changes_nothing(story):
    _installation, told = story
    assert told["unchanged"] == ([], True)


def test_snapshots_whose_ledger_was_deleted_stop_the_upgrade(story):
    """Once it is restored, the upgrade continues: told["ended"]."""
    _installation, told = story
    refused = told["no ledger"]
    assert refused.rc == 2, refused.text[-3000:]
    assert (
        "the ledger of the run that created the snapshots" in refused.text
        and "monq-upgrade-6.0.0-original-0" in refused.text
    )
    assert told["unchanged without it"] == ([], True)


def test_a_finished_release_is_closed(story):
    installation, _told = story
    notes = json.loads(installation.kubectl("get", "configmap", "monq-upgrade-6.0.0", "-o", "json"))["metadata"][
        "annotations"
    ]
    assert notes["monq.platform/closed"]
    mark, calls = installation.audit_mark(), installation.journal()
    other = installation.play("site", extra={"monq_prefetch_images": False})
    assert other.rc == 2 and "the step list differs from the one this upgrade started with" in other.text, other.text[
        -2000:
    ]
    assert (installation.mutations(mark), installation.journal() == calls) == ([], True)
