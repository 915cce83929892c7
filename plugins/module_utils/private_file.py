# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporary files for commands and libraries: readable by their owner only, removed with the process, or after a kill
at the next opportunity."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import socket
import stat
import tempfile

from .errors import CommandError

NAME = re.compile(r"\.monq-(?P<host>.+)-(?P<pid>\d+)-[^-]+\.json")
FOLDER = re.compile(r"monq-(?P<host>.+)-(?P<pid>\d+)-[^-]+")


@contextlib.contextmanager
def private_file(content, folder):
    """Yields the path of a file with that content, or "" for None."""
    if content is None:
        yield ""
        return
    path = ""
    try:
        try:
            handle, path = tempfile.mkstemp(
                prefix=f".monq-{socket.gethostname()}-{os.getpid()}-", suffix=".json", dir=folder
            )  # mkstemp: 0600
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
        except OSError as exc:
            why = exc.strerror or str(exc)
            error = CommandError(
                "cannot write a temporary file for monqctl",
                folder,
                "a writable folder with free space",
                why,
                "free space there, or correct monq_monqctl_home",
            )
            error.unknown = False  # nothing was called yet
            raise error from exc
        yield path
    finally:
        if path:
            os.unlink(path)


def remove_abandoned(folder):
    """Removes files left by killed processes of this machine: they may contain passwords. Processes of other machines
    cannot be checked."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(folder):
            found = NAME.fullmatch(name)
            if found and _is_dead(found):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, name))


def private_folder(parent=None):
    """The path of a new folder, mode 0700, removed when this process ends. The kubernetes library writes a kubeconfig's
    keys to files."""
    parent = parent or tempfile.gettempdir()
    for name in os.listdir(parent):
        found = FOLDER.fullmatch(name)
        if found and _is_dead(found) and _is_ours(os.path.join(parent, name)):
            shutil.rmtree(os.path.join(parent, name), ignore_errors=True)
    path = tempfile.mkdtemp(prefix=f"monq-{socket.gethostname()}-{os.getpid()}-", dir=parent)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _is_dead(found):
    return found["host"] == socket.gethostname() and not os.path.exists(f"/proc/{found['pid']}")


def _is_ours(path):
    with contextlib.suppress(FileNotFoundError):
        seen = os.lstat(path)
        return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid()
    return False
