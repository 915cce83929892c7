"""The archive that goes to Galaxy: built from what git knows, without anything of the development, and usable alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from repository import ROOT

BINARIES = Path(sys.executable).parent
SHIPPED = {
    *("CHANGELOG.rst", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "README.ru.md", "bindep.txt"),
    *("changelogs", "docs", "execution-environment.yml", "inventories", "meta", "playbooks", "plugins"),
    *("requirements.txt", "requirements.yml", "roles"),
}
NEVER = {"test", "tests", "sandbox", "molecule", "fragments", "Makefile", "pyproject.toml", "galaxy.yml", "generate.py"}
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
NEEDS_AWX = {"awx"}


def command(*argv, **env):
    """Runs a command of ansible that knows no collections but those of its environment."""
    done = subprocess.run(
        [str(BINARIES / argv[0]), *map(str, argv[1:])],
        env={"PATH": f"{BINARIES}:{os.environ['PATH']}", "HOME": "/nowhere", "LC_ALL": "C.UTF-8", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
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


def test_it_works_from_an_empty_collections_path(archive, tmp_path):
    where = {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_CONFIG": ""}
    command("ansible-galaxy", "collection", "install", archive, "--offline", "--no-deps", "-p", tmp_path, **where)
    names = [f"monq.platform.{name}" for name in PLAYBOOKS if name not in NEEDS_AWX]
    (tmp_path / "hosts").write_text("[monq]\nproduction ansible_connection=local\n")
    said = command("ansible-playbook", "-i", tmp_path / "hosts", "--syntax-check", *names, **where)
    assert said.count("playbook: ") == len(names) == len(PLAYBOOKS) - 1
