# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private file in which the process that watches the outage keeps what it sees: changes only, and until when it
looked."""

from __future__ import annotations

import contextlib
import json
import os
import re

from .. import timestamp
from .observations import LARGEST, UNSEEN

NAME = re.compile(r"outage-watch-(?P<lock>[0-9a-f]+)\.jsonl")


def path_of(folder, lock_id):
    return os.path.join(folder, f"outage-watch-{lock_id}.jsonl")


def free_path(folder, lock_id):
    """A name for the file of an earlier process under the same lock."""
    number = 0
    while os.path.exists(path_of(folder, f"{lock_id}{number:x}")):
        number += 1
    return path_of(folder, f"{lock_id}{number:x}")


def stop_file(folder, lock_id):
    return os.path.join(folder, f"outage-watch-{lock_id}.stop")


class Record:
    """Writes. The last line, until when somebody looked, is overwritten with each observation."""

    def __init__(self, path, heading):
        """heading: who writes: pid, started and host. Raises OSError if the file exists or cannot be written."""
        self._handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        line = _line(heading)
        os.write(self._handle, line)
        self._end, self._state, self._until, self._count = len(line), None, None, 0

    def saw(self, state, at):
        """state: what was seen at that second. A gap is noted with unseen() first."""
        if self._count >= LARGEST:
            return
        lines = b""
        if state != self._state:
            lines = _line({"at": timestamp.of_seconds(at), "state": state})
            self._state, self._count = state, self._count + 1
        self._until = at
        os.pwrite(self._handle, lines + _line({"until": timestamp.of_seconds(at)}), self._end)
        self._end += len(lines)

    def unseen(self):
        """Notes that nobody has looked since the last observation."""
        if self._until is not None and self._state != UNSEEN:
            self.saw(UNSEEN, self._until)

    def close(self):
        os.close(self._handle)


def _line(row):
    return (json.dumps(row, separators=(",", ":")) + "\n").encode()


def read(path):
    """{heading, changes, until} of one file; empty where there is none. A damaged line is left out."""
    found = {"heading": {}, "changes": [], "until": None}
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            with contextlib.suppress(ValueError, TypeError):
                row = json.loads(line)
                if "until" in row:
                    found["until"] = row["until"]
                elif "state" in row:
                    found["changes"].append({"at": row["at"], "state": row["state"]})
                elif "pid" in row:
                    found["heading"] = row
    if found["changes"] and not found["until"]:
        found["until"] = found["changes"][-1]["at"]
    return found


def spans(folder):
    """{lock id: {changes, until}} of all files of a generation's folder that hold an observation."""
    found = {}
    names = []
    with contextlib.suppress(OSError):
        names = sorted(os.listdir(folder))
    for name in names:
        match = NAME.fullmatch(name)
        if match:
            seen = read(os.path.join(folder, name))
            if seen["changes"]:
                found[match["lock"]] = {"changes": seen["changes"], "until": seen["until"]}
    return found
