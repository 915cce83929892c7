# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine that modules run on, as findings."""

from __future__ import annotations

import os
import re
import shlex

from .. import prerequisites
from ..errors import CommandError
from .finding import STOP, finding

# The report of a preflight that could read nothing.
UNREAD = {
    "findings": [],
    "ledger": {},
    "finished": False,
    "prepared": False,
    "home_due": True,
    "deferred": False,
    "cut": False,
}
USED_BY = {"cluster": ("urllib3", "cryptography"), "registry": ("jmespath",), "databases": ("psycopg2",)}
NO_FOLDER = "No usable temporary directory found"
NOT_STARTED = (126, 127)  # the shell's statuses for a program that it could not execute, or not find
OPEN = "sudo chmod 1777 /tmp"
NOISE = "ControlSocket "  # ssh, where two begin at the same time
LONGEST = 300


def libraries(given, checks):
    """Findings on the libraries that these checks, and the steps after them, need. One that is needed only sometimes,
    such as for a kubeconfig, is found where it is used."""
    names = [name for check, used in USED_BY.items() if check in checks for name in used]
    if given["plan"]["registry_replicas"] == "manual":
        names = [name for name in names if name != "jmespath"]
    return [finding("host.library", STOP, **one.details["missing"]) for one in prerequisites.absent(names)]


def monqctl(path, error: CommandError):
    """The finding for a monqctl that could not be started."""
    problem, command = prerequisites.program(path)
    given = {"path": path, "user": prerequisites.user(), "problem": problem or error.seen}
    return finding("monqctl.program", STOP, **given, command=command or prerequisites.program("monqctl")[1])


def not_run(result, python, host):
    """A finding for the result of a module that has not run, or None. python: ansible_python_interpreter, empty where
    Ansible looks for one itself."""
    if not result.get("failed") or not {"module_stdout", "module_stderr"} & set(result):
        return None
    said = f"{result.get('module_stderr') or ''}\n{result.get('module_stdout') or ''}"
    if NO_FOLDER in said:
        return finding("host.temporary", STOP, host=host, error=_line(said, NO_FOLDER), command=OPEN)
    if result.get("rc") not in NOT_STARTED and "Traceback" in said:  # a Python has run it
        return None
    python = str(python or "python3")
    return finding("host.python", STOP, python=python, host=host, error=_line(said, python), command=_command(python))


def _line(said, wanted):
    """The last line with the wanted text, or just the last one: ssh and the shell's profile may say something too."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith(NOISE)]
    named = [line for line in lines if wanted in line]
    return ((named or lines or ["no output"])[-1])[:LONGEST]


def _command(python):
    """The command that makes an environment of that path, with every library that modules need."""
    venv = re.fullmatch(r"(/.+)/bin/python[\d.]*", python)
    if not venv or venv[1] in ("/usr", "/usr/local", "/usr/libexec"):
        return "set ansible_python_interpreter to a Python of that machine, such as that of a virtual environment"
    folder, pip = shlex.quote(venv[1]), os.path.join(venv[1], "bin", "python")
    wanted = [requirement for requirement, _package in prerequisites.LIBRARIES.values()]
    return f"python3 -m venv {folder} && {shlex.join([pip, '-m', 'pip', 'install', *wanted])}"
