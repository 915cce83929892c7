"""Stages of `make test`: each has a share of CI's time and is recorded; CI stops one that takes twice its share."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from repository import ROOT

LIMIT = 5400  # seconds after which CI ends a run, whatever it does
GOAL = 2400  # seconds that a run may take on two idle cores with the control plane built


def shares():
    lines = (ROOT / "tests/tools/shares").read_text(encoding="utf-8").splitlines()
    return {title: int(seconds) for title, _tab, seconds in (line.partition("\t") for line in lines if line[0] != "#")}


def test_every_stage_of_the_tests_has_a_share_and_no_other_has():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules = dict(re.findall(r"^([a-z-]+):[^\n]*\n((?:\t.*\n)+)", text, re.M))
    called = re.search(r"\$\(MAKE\) (.*)", rules["test"]).group(1).split()
    lines = "".join(rules[name] for name in ["test", *called])
    titles = {bare or quoted for quoted, bare in re.findall(r"""\$\(STAGE\) (?:['"]([^'"]+)['"]|(\w[\w-]*))""", lines)}
    assert titles - {"test"} == set(shares())


def test_the_shares_keep_the_goal_and_ci_never_ends_a_run_without_a_word():
    found = shares()
    assert sum(found.values()) - found["control plane"] <= GOAL
    assert 2 * (GOAL - 1) + found["control plane"] <= LIMIT


@pytest.fixture
def stage(tmp_path):
    tools = tmp_path / "tests" / "tools"
    tools.mkdir(parents=True)
    shutil.copy(ROOT / "tests/tools/stage", tools)
    (tools / "shares").write_text("quick\t60\nslow\t1\n")

    def run(*words, ci=True):
        env = {**os.environ, "MONQ_CI": "1"} if ci else {k: v for k, v in os.environ.items() if k != "MONQ_CI"}
        return subprocess.run([str(tools / "stage"), *words], env=env, capture_output=True, text=True, check=False)

    return run


def test_a_stage_is_recorded_whether_it_passes_or_not(stage):
    assert stage("quick", "true").returncode == 0 and stage("no share", "sh", "-c", "exit 7").returncode == 7
    table = [re.split(r"  +", line) for line in stage("--table").stdout.strip().splitlines()]
    assert table == [
        ["stage", "seconds", "share", "result"],
        ["quick", "0", "60", "ok"],
        ["no share", "0", "FAILED (7)"],
    ]


def test_ci_stops_what_takes_twice_its_share_and_says_so(stage):
    done = stage("slow", "sleep", "60")
    assert done.returncode == 124 and "STOPPED after" in done.stderr and "twice its share" in done.stderr
    assert "STOPPED" in stage("--table").stdout


def test_outside_ci_nobody_is_stopped(stage):
    assert stage("slow", "sleep", "2.5", ci=False).returncode == 0
