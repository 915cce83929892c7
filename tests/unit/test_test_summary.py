"""The end of `make test`: what passed, what failed, and each test that was skipped, which CI does not accept."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys

import pytest
from repository import ROOT

SUMMARY = runpy.run_path(str(ROOT / "tests/tools/test_summary.py"))
POINT = "tests.faults.test_point"
WHY = "needs sshd and user namespaces"
REFUSED = "In CI no test may be skipped but those of ALLOWED in tests/tools/test_summary.py:"
FILE = f"""
import pytest
def test_good(): pass
@pytest.mark.parametrize("x", [1])
@pytest.mark.skipif(True, reason={WHY!r})
def test_x(x): pass
"""


@pytest.fixture(params=[False, True], ids=["elsewhere", "in CI"])
def ci(request, monkeypatch):
    monkeypatch.delenv("MONQ_CI", raising=False)
    if request.param:
        monkeypatch.setenv("MONQ_CI", "1")
    return request.param


def summary(capsys, path):
    """(exit status, lines) of the summary of one file."""
    status = SUMMARY["main"]([str(path)])
    return status, capsys.readouterr().out.splitlines()


def junit(path, *names, skipped=(), failures=0):
    """A file as pytest writes it."""
    found = dict.fromkeys(names, "") | {name: f'<skipped type="pytest.skip" message="{WHY}" />' for name in skipped}
    rows = [f'<testcase classname="{POINT}" name="{name}">{inside}</testcase>' for name, inside in found.items()]
    counted = f'tests="{len(rows)}" failures="{failures}" errors="0" skipped="{len(skipped)}"'
    path.write_text(f"<testsuites><testsuite {counted}>{''.join(rows)}</testsuite></testsuites>")
    return path


def test_all_passed(capsys, tmp_path, ci):
    found = summary(capsys, junit(tmp_path / "unit.xml", "test_a", "test_b"))
    assert found == (0, ["unit: 2 passed, 0 failed, 0 skipped", "2 passed, 0 failed, 0 skipped"])


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """What a real session of pytest writes."""
    folder = tmp_path_factory.mktemp("session")
    (folder / "tests" / "faults").mkdir(parents=True)
    (folder / "tests" / "faults" / "test_point.py").write_text(FILE)
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    argv = [sys.executable, "-m", "pytest", "--rootdir=.", "--junitxml=faults.xml", "tests"]
    subprocess.run(argv, cwd=folder, env=env, capture_output=True, check=True)
    return folder / "faults.xml"


def test_each_skipped_test_is_named_with_its_reason_and_ci_fails(capsys, session, ci):
    status, lines = summary(capsys, session)
    expected = ["1 passed, 0 failed, 1 skipped", f"skipped: {POINT}.test_x[1]: {WHY}"]
    assert (status, lines[1:]) == (int(ci), expected + [f"{REFUSED} {POINT}.test_x[1]"] * ci)


def test_what_may_be_skipped_is_named_too(capsys, tmp_path, ci):
    found = summary(capsys, junit(tmp_path / "faults.xml", "test_a", skipped=["test_point"]))
    assert (found[0], found[1][-1]) == (0, f"skipped: {POINT}.test_point: {WHY}")


def test_nothing_but_skipped_tests_fails_everywhere(capsys, tmp_path, ci):
    assert summary(capsys, junit(tmp_path / "faults.xml", skipped=["test_point"]))[0] == 1


def test_a_failure_fails_everywhere(capsys, tmp_path, ci):
    assert summary(capsys, junit(tmp_path / "unit.xml", "test_a", "test_b", failures=1))[0] == 1


def test_what_may_be_skipped_exists():
    names = {
        f"tests.{path.parent.name}.{path.stem}.{line[4:].partition('(')[0]}"
        for path in ROOT.glob("tests/*/test_*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("def test_")
    }
    files = {f"{name.rpartition('.')[0]}." for name in names}
    assert SUMMARY["ALLOWED"] <= names | files


def test_a_whole_file_may_be_allowed_and_no_other_of_that_beginning():
    allowed, file = SUMMARY["_allowed"], "tests.integration.test_bastion"
    assert allowed(f"{file}.test_any") and not allowed(f"{file}s.test_any")
    assert allowed("tests.faults.test_point.test_point") and not allowed("tests.faults.test_point.test_other")
