# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that a command reads: 0600, in the home of its client, and gone with its process, or at the next look."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import tempfile

from .errors import CommandError

NAME = re.compile(r"\.monq-(?P<host>.+)-(?P<pid>\d+)-[^-]+\.json")


@contextlib.contextmanager
def private_file(content, folder):
    """The path of a file with that content, or "" for None."""
    if content is None:
        yield ""
        return
    path = ""
    try:
        try:
            handle, path = tempfile.mkstemp(prefix=f".monq-{socket.gethostname()}-{os.getpid()}-", suffix=".json", dir=folder)  # mkstemp: 0600
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
        except OSError as exc:
            why = exc.strerror or str(exc)
            error = CommandError("monqctl's file cannot be written", folder, "a folder with space", why, "make room, or correct monq_monqctl_home")
            error.unknown = False  # nothing was called yet
            raise error from exc
        yield path
    finally:
        if path:
            os.unlink(path)


def remove_abandoned(folder):
    """Removes what a killed process of this machine has left there: it may carry passwords. Whether another machine's process lives cannot be seen."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(folder):
            found = NAME.fullmatch(name)
            if found and found["host"] == socket.gethostname() and not os.path.exists(f"/proc/{found['pid']}"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(folder, name))
