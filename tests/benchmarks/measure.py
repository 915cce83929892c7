"""What a command costs as a whole: it and everything that it started. The servers of the sandbox are no part of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

from support.harness import CLI, ROOT

PROGRAMS = Path(__file__).resolve().parent / "programs"

# seconds of wall time, seconds of CPU time, MiB of the largest of its processes, and of its largest child with all that
# this has started, where that was looked at
Cost = namedtuple("Cost", "wall cpu memory fork", defaults=[0])


def counted(path, forks=False):
    """The words before a command whose use goes to a file."""
    return [sys.executable, "-I", "-S", str(PROGRAMS / "counted.py"), *["--forks"][:forks], str(path)]


def read(path):
    return Cost(**json.loads(Path(path).read_text()))


def cost(argv, **options):
    """The Cost of a command that must succeed. Its output goes to tests/output/bench.log."""
    with open(ROOT / "tests" / "output" / "bench.log", "ab") as log, tempfile.NamedTemporaryFile() as used:
        given = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT, **options}
        done = subprocess.run([*counted(used.name), *map(str, argv)], check=False, **given)
        assert done.returncode == 0, f"{argv[0]} …: status {done.returncode}; see tests/output/bench.log"
        return read(used.name)


def play(installation, playbook, *words, **options):
    """The Cost of a playbook that must succeed."""
    used = installation.work / "used.json"
    process = installation.start(playbook, *words, wrapper=counted(used), **options)
    assert process.wait() == 0, Path(process.log).read_text(errors="replace")[-3000:]
    return read(used)


def by_hand(installation, pause=0):
    """The release notes as a script types them: no reading, no thinking, no waiting for an operator."""
    env = {**os.environ, "SANDBOX_DIR": str(installation.sandbox.dir), "PAUSE": str(pause)}
    return cost([CLI.parent / "vendor_procedure.sh", installation.name], env=env)


def program(name, *words, **options):
    """A program of programs/ on the collection's library, in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")}
    return cost([sys.executable, PROGRAMS / f"{name}.py", *words], env=env, **options)
