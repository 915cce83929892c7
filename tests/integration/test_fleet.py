"""Several installations in one run: one that fails, one that is locked, one that is killed, and those that end."""

from __future__ import annotations

import json
import re

import pytest
from support.fleet import Fleet


@pytest.fixture(scope="module")
def fleet(install, tmp_path_factory):
    made = [install(name, modules="pl", alias=False) for name in ("site-run", "fl-fails", "fl-lock", "fl-dead")]
    return Fleet(made, tmp_path_factory.mktemp("fleet"))


def states(installation):
    return {key: entry["state"] for key, entry in installation.ledger().items()}


@pytest.fixture(scope="module")
def first(fleet):
    """One command for all of them, with a canary. Of the others one fails, one is locked by a colleague, and the
    process of one is killed."""
    canary = {"monq_serial": [1, "100%"]}
    return fleet.disturbed("fl-fails", "fl-lock", "fl-dead", "--forks", "4", extra=canary)


def test_those_without_a_fault_end(fleet, first):
    assert first.rc == 2, first.text[-4000:]
    assert states(fleet["site-run"])["verify.installation.check"] == "done"
    assert set(fleet["site-run"].migrations().values()) == {1}
    assert fleet["site-run"].kubernetes_counts()["pl-identity-service"] == 4
    assert fleet["fl-lock"].ledger() == {} and fleet["fl-lock"].journal() == []
    assert states(fleet["fl-dead"])["upgrade.pl.microservices.replace"] == "intent"


def test_one_table_shows_all(fleet, first):
    rows = fleet.rows(first.text)
    assert re.fullmatch(r"done \d+ s up", rows.pop("site-run"))
    assert rows == {
        "fl-fails": "failed at upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql - DOWN",
        "fl-lock": "locked by colleague - up",
        "fl-dead": "interrupted at upgrade.pl.microservices.replace - DOWN",
    }
    assert "--limit fl-fails,fl-dead" in first.text and "--limit fl-lock" in first.text


def test_each_has_a_folder_of_its_own(fleet, first):
    """One monq_backup_dir for all: each file of it lies below one host, once."""
    assert sorted(path.name for path in fleet.backup.iterdir()) == sorted(fleet.installations)
    for name in ("site-run", "fl-fails", "fl-dead"):
        [report] = fleet.backup.glob(f"{name}/6.0.0/1/report.json")
        assert json.loads(report.read_text())["installation"]["host"] == name


def test_one_that_is_no_longer_as_its_plan_says_is_refused(fleet, first):
    one = fleet["fl-lock"]
    made = fleet.play("plan", "--limit", one.name)
    assert made.rc == 0, made.text[-3000:]
    [path] = fleet.backup.glob(f"{one.name}/**/plan.json")
    one.kubectl("scale", "deployment", "pl-tags-service", "--replicas=5", user="sandbox-admin")
    mark, calls = one.audit_mark(), one.journal()
    approved = {"monq_plan": {one.name: json.loads(path.read_text())["id"], "another": "sha256:" + 64 * "0"}}
    refused = fleet.play("site", "--limit", one.name, extra=approved)
    assert refused.rc == 2 and "pl-tags-service" in refused.text[refused.text.index("FAILED on fl-lock") :]
    assert one.mutations(mark) == [] and one.journal() == calls and one.ledger() == {}


def test_two_runners_that_take_half_of_the_inventory_each_end_the_rest(fleet, first, tmp_path):
    """With the same variables as the first command."""
    done = fleet.slices(2, 2, tmp_path / "slices")
    assert [rc for rc, _text in done] == [0, 0], "".join(text[-3000:] for _rc, text in done)
    rows = {}
    for _rc, text in done:
        rows.update(fleet.rows(text))
    assert {name: row.split()[0] for name, row in rows.items()} == dict.fromkeys(fleet.installations, "done")
    for one in fleet.installations.values():
        assert set(states(one).values()) == {"done"} and set(one.migrations().values()) == {1}
