"""findings.json: where it is written, what is in it, and that it fails nothing."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import STOP, WARNING, finding
from ansible_collections.monq.platform.plugins.module_utils.report import findings, findings_file
from fake_session import params

FOUND = [
    finding("modules.undeclared", STOP, module="sm"),
    finding("health.paused", WARNING, deployment="pl-x"),
    finding("postgresql.new", "info", "o", "e", "s", "n"),
]


@pytest.fixture
def given(tmp_path):
    return params(home=tmp_path / "backup", plan={"modules": ["pl"]})


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


@pytest.mark.parametrize(
    ("generation", "part", "place"),
    [
        (3, "", "production/6.0.0/3/findings.json"),
        (None, "", "production/6.0.0/findings.json"),
        (3, "registry", "production/6.0.0/3/findings-registry.json"),
    ],
    ids=["beside the dumps", "the ledger cannot be read", "some checks only"],
)
def test_it_is_written_beside_the_backup(given, tmp_path, generation, part, place):
    path, warnings = findings_file.keep(FOUND, given, generation, part=part)
    assert (path, warnings) == (str(tmp_path / "backup" / place), [])
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)], "no half of it is left"


def test_a_program_finds_ids_parameters_and_pages_in_it(given):
    told = read(findings_file.keep(FOUND, given, 1)[0])
    assert told["format_version"] == "1.0" and told["passed"] is False
    assert told["counts"] == {"stop": 1, "warning": 1, "info": 1}
    assert (told["host"], told["namespace"], told["release"]) == ("production", "production", "6.0.0")
    first, _second, unknown = told["findings"]
    assert first == {
        **FOUND[0],
        "title": "An installed module is not declared",
        "page": "docs/docsite/rst/findings.rst#monq-024",
    }
    assert first["parameters"] == {"module": "sm"} and (unknown["title"], unknown["page"]) == ("", "")


def test_check_mode_writes_only_where_it_is_asked_to(given, tmp_path):
    assert findings_file.keep(FOUND, given, 1, check_mode=True) == ("", [])
    assert list(tmp_path.iterdir()) == []
    asked = str(tmp_path / "plan" / "findings.json")
    assert findings_file.keep(FOUND, given, 1, asked=asked, check_mode=True) == (asked, [])
    assert read(asked)["findings"]


def test_a_file_that_cannot_be_written_is_a_warning(given, tmp_path):
    (tmp_path / "backup").write_text("a file")
    path, [warning] = findings_file.keep(FOUND, given, 1)
    assert path == "" and "monq_findings_file" in warning and "findings.json" in warning
    assert findings_file.keep(FOUND, {**given, "spool_directory": ""}, 1) == ("", [])
    assert findings_file.keep(FOUND, {**given, "spool_host": "../x"}, 1)[0] == ""


def test_a_line_for_each_text():
    assert findings.rows(FOUND[:1]) == [
        "[STOP] MONQ-024 modules: module sm",
        "  expected: declared in monq_modules",
        "  seen: installed here, but not declared",
        "  next: add it to monq_modules",
    ]
