"""The inventory host as findings: libraries, monqctl, and a Python that cannot be started."""

from __future__ import annotations

import shlex
import sys

import pytest
from ansible_collections.monq.platform.plugins.module_utils import prerequisites
from ansible_collections.monq.platform.plugins.module_utils.checks import entries_host, host
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import merged, of_error
from ansible_collections.monq.platform.plugins.module_utils.checks.preflight import CHECKS
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from fake_session import params


def named(found):
    return [one["parameters"]["library"] for one in found]


def test_only_what_the_checks_need_is_looked_for(monkeypatch):
    for name in ("urllib3", "cryptography.x509", "jmespath", "psycopg2", "yaml", "kubernetes"):
        monkeypatch.setitem(sys.modules, name, None)
    given = params()
    assert named(host.libraries(given, CHECKS)) == ["urllib3", "cryptography", "jmespath", "psycopg2"]
    assert named(host.libraries(given, ["registry"])) == ["jmespath"]
    manual = {**given, "plan": {**given["plan"], "registry_replicas": "manual"}}
    assert named(host.libraries(manual, ["registry"])) == []


def test_a_library_is_one_finding_wherever_it_was_missed(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    first = host.libraries(params(), ["databases"])[0]
    error = prerequisites.absent(["psycopg2"])[0]
    other = of_error("monqctl", CommandError("failed"))
    found = merged([first, of_error("postgresql.reachable", error), other, of_error("clock.skew", error), other])
    assert [one["id"] for one in found] == ["MONQ-131", other["id"]]
    assert found[0]["parameters"]["unchecked"] == ["postgresql.reachable", "clock.skew"]
    assert found[0]["next"] == error.details["missing"]["command"]


def test_a_monqctl_that_is_not_there_is_named_with_its_remedy(tmp_path):
    path = str(tmp_path / "monqctl")
    found = host.monqctl(path, CommandError("the program cannot be started", seen="No such file or directory"))
    assert (found["id"], found["object"], found["seen"]) == ("MONQ-132", path, "no such file")
    assert f"install -D -m 0755 monqctl {path}" in found["next"]
    (tmp_path / "monqctl").write_bytes(b"\x7fELF")
    (tmp_path / "monqctl").chmod(0o755)
    found = host.monqctl(path, CommandError("the program cannot be started", seen="Exec format error"))
    assert found["seen"] == "Exec format error" and "install -m 0755 monqctl" in found["next"]


def test_each_entry_has_a_text_for_every_part():
    for entry in entries_host.ENTRIES.values():
        assert all(entry.get(what) for what in ("object", "expected", "seen", "next", "why", "do"))


PYTHON = "/srv/python/bin/python"


def result(rc, out="", err=""):
    return {"failed": True, "rc": rc, "module_stdout": out, "module_stderr": err, "msg": "…"}


@pytest.mark.parametrize(
    ("given", "number", "seen"),
    [
        (result(127, err=f"/bin/sh: 1: {PYTHON}: not found\n"), "MONQ-133", f"/bin/sh: 1: {PYTHON}: not found"),
        (result(126, err=f"/bin/sh: 1: {PYTHON}: Permission denied\n"), "MONQ-133", "/bin/sh: 1: …: Permission denied"),
        (result(0, out="uid=1042(operator)\n"), "MONQ-133", "uid=1042(operator)"),
        (
            result(127, err=f"{PYTHON}: No such file\nControlSocket /x already exists\nbye\n"),
            "MONQ-133",
            f"{PYTHON}: No such file",
        ),
        (result(1, err="ControlSocket /x already exists\n"), "MONQ-133", "no output"),
        (
            result(1, err="Traceback (most recent call last):\nNo usable temporary directory found in ['/tmp']\n"),
            "MONQ-134",
            "No usable temporary directory found in ['/tmp']",
        ),
    ],
)
def test_a_module_that_could_not_start_is_a_finding(given, number, seen):
    found = host.not_run(given, PYTHON, "production")
    assert (found["id"], found["seen"], found["severity"]) == (number, seen.replace("…", PYTHON), "stop")
    assert "production" in found["object"]


@pytest.mark.parametrize(
    "given",
    [
        {"changed": False, "findings": []},
        {"failed": True, "msg": "monq_namespace is not valid"},
        result(1, err="Traceback (most recent call last):\nKeyError: 'x'\n"),
        {"failed": True, "unreachable": True, "msg": "ssh: no route to host"},
    ],
)
def test_other_failures_stay_as_they_are(given):
    assert host.not_run(given, PYTHON, "production") is None


def test_the_command_makes_the_environment_that_the_inventory_names():
    found = host.not_run(result(127), PYTHON, "production")
    words = shlex.split(found["next"])
    assert words[:5] == ["python3", "-m", "venv", "/srv/python", "&&"]
    assert words[5:9] == [PYTHON, "-m", "pip", "install"]
    assert words[9:] == [requirement for requirement, _package in prerequisites.LIBRARIES.values()]


@pytest.mark.parametrize("python", ["", "python3", "/usr/bin/python3.12", "/usr/libexec/platform-python"])
def test_no_environment_is_made_in_a_folder_of_the_system(python):
    assert host.not_run(result(127), python, "production")["next"].startswith("set ansible_python_interpreter")
