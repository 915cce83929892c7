"""The whole upgrade over SSH, on a bastion with another user, a bare Python and a file system that it may hardly write
to; and the same with each prerequisite missing in turn: findings, and no change."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import time
from pathlib import Path

import pytest
from support import bastion as bastions
from support.bastion import BACKUP, HOME, Bastion

pytestmark = pytest.mark.skipif(not bastions.possible(), reason="needs sshd and user namespaces")
NAME, SLOW = "site-run", "pl-i18n-service"
LINE = re.compile(rf"^\d\d:\d\d:\d\d {NAME}: outage \d\d:\d\d · step \d+ of \d+ pl rollout · \d+ of \d+ ready", re.M)


@pytest.fixture
def behind(install, sandbox):
    """(an installation, the bastion that reaches it)"""
    installation = install(NAME, modules="pl", alias=False)
    shutil.rmtree(sandbox.dir / "bastion", ignore_errors=True)
    bastion = Bastion(installation, sandbox.dir / "bastion")
    installation.variables(**bastion.variables())
    yield installation, bastion
    bastion.close()


def controller(installation):
    """The environment of a controller whose home and temporary folder are empty."""
    names = {"HOME": "home", "ANSIBLE_HOME": "ansible", "TMPDIR": "tmp"}
    for name in names.values():
        (installation.work / name).mkdir(exist_ok=True)
    return {variable: str(installation.work / name) for variable, name in names.items()}


def until(condition, process):
    """Waits for something that the running process does; the limit only matters if the code is broken."""
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, Path(process.log).read_text()[-3000:]
        time.sleep(0.2)


def slow(installation, **seconds):
    (Path(installation.facts["kubelet"])).write_text(json.dumps({"slow": seconds, "broken": {}}))


def files(folder):
    return [Path(path) / name for path, _folders, names in os.walk(folder) for name in names]


def test_the_bastion_lets_nobody_write_elsewhere(behind):
    """the test's own means"""
    _installation, bastion = behind
    places = (HOME, "/srv", "/etc", "/var/tmp", "/usr/local", str(bastions.ROOT))
    status, said = bastion.run("; ".join(f"touch {place}/x" for place in places))
    assert status and said.count("Read-only file system") == len(places), said
    status, said = bastion.run(f"id -un; echo ~; touch {BACKUP}/x /tmp/x && rm {BACKUP}/x /tmp/x")
    assert (status, said) == (0, f"operator\n{HOME}\n"), said
    assert "No module named 'ansible'" in bastion.run(f"{bastions.PYTHON} -c 'import ansible'")[1]
    assert not Path(HOME).exists() and not Path(BACKUP).exists(), "neither is on this side"


def test_the_whole_upgrade_over_ssh(behind):
    installation, bastion = behind
    env = controller(installation)
    made = installation.play("plan", confirm=False, env=env)
    assert made.rc == 0 and not installation.mutations() and not installation.journal(), made.text[-3000:]
    plan = json.loads(next(bastion.real(BACKUP).rglob("plan.json")).read_text())

    slow(installation, **{SLOW: 3600})
    process = installation.start("site", extra={"monq_plan": plan["id"]}, env=env)
    until(lambda: LINE.search(Path(process.log).read_text()), process)
    slow(installation)
    assert process.wait(timeout=300) == 0, Path(process.log).read_text()[-3000:]
    text = Path(process.log).read_text()

    assert_upgraded(installation)
    assert_kept_on_the_bastion(installation, bastion, text)
    assert bastion.left() == [], "nothing in the home, no progress file in /tmp"
    assert_nothing_on_the_controller(installation)

    # What a local run would have done is done: it finds no difference, and changes nothing.
    known, calls = installation.ledger(), installation.journal()
    mark = installation.audit_mark()
    local = installation._variables()  # pylint: disable=protected-access
    installation.variables(**{**dict.fromkeys(bastion.variables()), **local})
    again = installation.play("site")
    assert again.rc == 0 and again.recap(NAME)["changed"] == 0, again.text[-3000:]
    assert (installation.ledger(), installation.journal()) == (known, calls)
    assert installation.mutations(mark) == []


def assert_upgraded(installation):
    """by kubectl and psql"""
    assert {entry["state"] for entry in installation.ledger().values()} == {"done"}
    tags = {
        d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
        for d in installation.objects("deployments")
        if d["metadata"]["name"].startswith("pl-") and "microservice-registry" not in d["metadata"]["name"]
    }
    assert tags and set(tags.values()) == {"6.0.0"}, tags
    runs = installation.migrations()
    assert len(runs) == 5 and set(runs.values()) == {1}, runs


def assert_kept_on_the_bastion(installation, bastion, text):
    kept = files(bastion.real(BACKUP))
    names = {path.name for path in kept}
    assert {"plan.json", "findings.json", "report.json", "report.html"} <= names, names
    dumps = [path for path in kept if path.suffix == ".dump"]
    assert len(dumps) == len(installation.facts["databases"]), names
    for path in kept:
        found = path.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, os.getuid()), path
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700, path
        assert path.parts[len(bastion.real(BACKUP).parts)] == NAME, path
    assert f"{BACKUP}/{NAME}/6.0.0/1/report.html" in text


def assert_nothing_on_the_controller(installation):
    work = installation.work
    assert files(work / "home") == [] and files(work / "tmp") == []
    assert [path for path in files(work / "ansible") if stat.S_ISREG(path.lstat().st_mode)] == []
    assert {path.name for path in work.iterdir()} - {"home", "ansible", "tmp", "inventory"} == {
        path.name for path in work.glob("*.log")
    }
    assert not installation.backup.exists()
