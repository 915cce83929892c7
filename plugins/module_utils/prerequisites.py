# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine that modules run on must have, and the command that installs what it lacks. Standard library only:
it is what still works there."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pwd
import shlex
import sys
import sysconfig

from .errors import MissingLibrary

# As in requirements.txt, by the name that is imported; and the package of Debian and its relatives.
LIBRARIES = {
    "urllib3": ("urllib3>=1.26.5,<3", "python3-urllib3"),
    "yaml": ("pyyaml>=5.1", "python3-yaml"),
    "kubernetes": ("kubernetes>=25.3.0,!=34.1.0,<38", "python3-kubernetes"),
    "jmespath": ("jmespath>=1.0.0,<2", "python3-jmespath"),
    "psycopg2": ("psycopg2-binary>=2.9.5,<3", "python3-psycopg2"),
    "cryptography": ("cryptography>=3.3", "python3-cryptography"),
}
_PROBED = {"cryptography": "cryptography.x509"}  # the part that fails if its binary does not suit the machine
_MANAGERS = ("/usr/bin/apt-get", "/usr/bin/dnf")


def missing(library, error, why=""):
    """The exception for a library that cannot be imported. why: it is needed, where that is not always so."""
    requirement, said = LIBRARIES[library][0], "; ".join(filter(None, [str(error), why]))
    details = {"library": library, "requirement": requirement, "python": sys.executable, "error": said}
    return MissingLibrary({**details, "command": installing([library])})


def absent(libraries):
    """The exceptions for those that cannot be imported."""
    found = []
    for name in libraries:
        try:
            importlib.import_module(_PROBED.get(name, name))
        except ImportError as exc:
            found.append(missing(name, exc))
    return found


def installing(libraries):
    """The command that installs libraries for the Python that runs this."""
    if _belongs_to_the_system() and os.path.exists(_MANAGERS[0]):
        return as_root("apt-get install -y " + " ".join(LIBRARIES[name][1] for name in libraries))
    pip = shlex.join([sys.executable, "-m", "pip", "install", *(LIBRARIES[name][0] for name in libraries)])
    if importlib.util.find_spec("pip"):
        return pip
    return shlex.join([sys.executable, "-m", "ensurepip"]) + " && " + pip


def _belongs_to_the_system():
    """Returns whether pip refuses to install for this Python (PEP 668)."""
    mark = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
    return sys.prefix == sys.base_prefix and os.path.exists(mark)


# ---- programs, folders and files


def package(debian, fedora):
    """The command that installs a package of the system, or an empty text where its package manager is not known."""
    commands = (f"apt-get install -y {debian}", f"dnf install -y {fedora}")
    return next((as_root(command) for path, command in zip(_MANAGERS, commands) if os.path.exists(path)), "")


def postgresql_client(version=""):
    """The command that installs pg_dump and pg_restore. version: the server's major version, where it is known."""
    if not version:
        return package("postgresql-client", "postgresql")
    return package(f"postgresql-client-{version}", f"@postgresql:{version}/client")


def program(path):
    """(what is wrong with a program that could not be started, the command that repairs it)"""
    name, target = shlex.quote(os.path.basename(path)), shlex.quote(path)
    if os.sep not in path:
        return f"not in PATH, {os.environ.get('PATH', '')}", as_root(f"install -m 0755 {name} /usr/local/bin/{name}")
    if not os.path.exists(path):
        return "no such file", _in_its_folder(path, f"install -D -m 0755 {name} {target}")
    if not os.path.isfile(path):
        return "not a file", ""
    if not os.access(path, os.X_OK):
        command = f"chmod a+rx {target}"
        mine = os.stat(path).st_uid == os.geteuid()
        return f"{user()} may not execute it", command if mine else as_root(command)
    return "", ""


def folder(path):
    """The command that makes a folder for the user of this connection."""
    return as_root(f"install -d -m 0700 -o {shlex.quote(user())} {shlex.quote(path)}")


def kubeconfig(path):
    """The command that puts a kubeconfig there, or lets this user read the one that is there, or a copy of it."""
    if os.path.exists(path):
        if os.stat(path).st_uid == os.geteuid():
            return f"chmod u+r {shlex.quote(path)}"
        home, owner = os.path.expanduser("~"), shlex.quote(user())
        if path.startswith(home + os.sep):
            return as_root(f"chown {owner} {shlex.quote(path)}")
        copy = shlex.quote(os.path.join(home, ".kube", "config"))
        return as_root(f"install -D -m 0600 -o {owner} {shlex.quote(path)} {copy}")
    return _in_its_folder(path, f"install -D -m 0600 kubeconfig {shlex.quote(path)}")


def _in_its_folder(path, command):
    near = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(near):
        near = os.path.dirname(near)
    return command if os.access(near, os.W_OK | os.X_OK) else as_root(command)


def as_root(command):
    return command if os.geteuid() == 0 else f"sudo {command}"


def user():
    """The name of the user of this connection, or its number."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
