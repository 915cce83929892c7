"""The archive that goes to Galaxy: built from what git knows, without anything of the development, and usable alone."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from repository import ROOT
from support.russian import english

BINARIES = Path(sys.executable).parent
SHIPPED = {
    *("CHANGELOG.rst", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "README.ru.md", "bindep.txt"),
    *("changelogs", "docs", "execution-environment.yml", "inventories", "meta", "playbooks", "plugins"),
    *("requirements.txt", "requirements.yml", "roles"),
}
NEVER = {"test", "tests", "sandbox", "molecule", "fragments", "Makefile", "pyproject.toml", "galaxy.yml", "generate.py"}
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
NEEDS_AWX = {"awx"}


KUBECONFIG = """{apiVersion: v1, kind: Config, current-context: monq-production,
  clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}], users: [{name: u, user: {token: t}}],
  contexts: [{name: monq-production, context: {cluster: c, user: u, namespace: production}}]}
"""


def command(*argv, status=0, **env):
    """Runs a command of ansible that knows no collections but those of its environment."""
    done = subprocess.run(
        [str(BINARIES / argv[0]), *map(str, argv[1:])],
        env={"PATH": f"{BINARIES}:{os.environ['PATH']}", "HOME": "/nowhere", "LC_ALL": "C.UTF-8", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    source = folder / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, listed)):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command("ansible-galaxy", "collection", "build", source, "--output-path", folder, ANSIBLE_HOME=str(folder / "home"))
    (made,) = folder.glob("*.tar.gz")
    return made


def test_it_holds_nothing_of_the_development(archive):
    with tarfile.open(archive) as opened:
        names = [member.name for member in opened.getmembers() if member.isfile()]
    assert {name.partition("/")[0] for name in names} == SHIPPED
    assert [name for name in names if NEVER & set(name.split("/"))] == []


@pytest.fixture(scope="module")
def installed(archive, tmp_path_factory):
    """(folder of collections with nothing but the archive, environment)"""
    folder = tmp_path_factory.mktemp("installed")
    where = {"ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_CONFIG": ""}
    command("ansible-galaxy", "collection", "install", archive, "--offline", "--no-deps", "-p", folder, **where)
    return folder, where


def test_it_works_from_an_empty_collections_path(installed, tmp_path):
    _folder, where = installed
    names = [f"monq.platform.{name}" for name in PLAYBOOKS if name not in NEEDS_AWX]
    (tmp_path / "hosts").write_text("[monq]\nproduction ansible_connection=local\n")
    said = command("ansible-playbook", "-i", tmp_path / "hosts", "--syntax-check", *names, **where)
    assert said.count("playbook: ") == len(names) == len(PLAYBOOKS) - 1


def test_a_playbook_of_the_archive_comes_to_its_first_findings(installed, tmp_path):
    """With the inventory that it ships, and nothing that could be reached: modules, plugins and texts are in
    it. In Russian, so that the catalogue is too."""
    folder, where = installed
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    given = {
        **{"monq_kubeconfig": str(tmp_path / "kubeconfig"), "monq_backup_dir": str(tmp_path / "backup")},
        **{"monq_monqctl_path": "/nowhere/monqctl", "monq_releasehub_token": "hunter2-token"},
        "monq_language": "ru",
        "monq_releasehub_server": "http://127.0.0.1:9",
        **{"monq_postgresql_host": "127.0.0.1", "monq_postgresql_port": 9, "monq_postgresql_password": "hunter2-word"},
    }
    inventory = folder / "ansible_collections" / "monq" / "platform" / "inventories" / "production"
    argv = ["-i", inventory, "-e", json.dumps(given), "monq.platform.preflight"]
    said = command("ansible-playbook", *argv, status=2, **where)
    text = json.loads(re.search(r"^fatal: \[production\]: FAILED! => (\{.*\})$", said, re.M)[1])["msg"]
    assert "API Kubernetes не отвечает" in text and "http://127.0.0.1:9" in text, said
    assert re.search(r"\[СТОП\] MONQ-\d+ .*\n(?:.*\n)*? +дальше: +\S+", text), text
    assert "Traceback" not in said and "hunter2" not in said and "/nowhere/monqctl" in text
    assert english(said, re.compile("обнаружено: .*|install -D -m 0755 monqctl")) == [], "but for what others say"
