# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import os
import shlex
import tempfile
import uuid

from ..module_utils.live_progress import NAME, sweep

LOCAL, SSH = 0.5, 5.0  # seconds between two looks


class ProgressFile:
    """What a running module appends, row by row. Whatever fails here fails no task."""

    pause, last = LOCAL, True

    def __init__(self, path):
        self._path, self._offset, self._rest = path, 0, b""

    def argument(self):
        """What the module is told of it."""
        return {"file": self._path}

    def rows(self):
        """The rows since the last look."""
        data = self._rest + self._read()
        whole, _end, self._rest = data.rpartition(b"\n")
        found = []
        for line in whole.split(b"\n"):
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                found += [row] if isinstance(row, dict) else []
        return found

    def _read(self):
        with open(self._path, "rb") as file:
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        return data

    def close(self):
        with contextlib.suppress(OSError):
            os.unlink(self._path)


class SshFile(ProgressFile):
    """The same over SSH. A plugin's own connection must not be used by two threads, so this has one of its own; where
    the first is multiplexed, it costs no further login."""

    pause, last = SSH, False

    def __init__(self, connect):
        """connect: returns a connection."""
        super().__init__(f"/tmp/{NAME}{uuid.uuid4().hex}")
        self._connect, self._connection, self._found = connect, None, False

    def argument(self):
        return {"file": self._path, "create": True}

    def _read(self):
        data = self._execute(f"tail -c +{self._offset + 1} {shlex.quote(self._path)} 2>/dev/null || true")
        self._offset += len(data)
        self._found = self._found or bool(data)
        return data

    def _execute(self, command):
        self._connection = self._connection or self._connect()
        status, data, _errors = self._connection.exec_command(command, sudoable=False)
        if status:
            raise OSError(f"status {status}")
        return data

    def close(self):
        with contextlib.suppress(Exception):
            if self._found:
                self._execute(f"rm -f {shlex.quote(self._path)}")
            if self._connection:
                self._connection.close()


def opened(action):
    """The file for an action's module, or None where there is no way to read it while the module runs."""
    transport = getattr(action._connection, "transport", "")
    if action._task.async_val:  # it outlives the action
        return None
    if transport == "local":
        sweep(tempfile.gettempdir())
        handle, path = tempfile.mkstemp(prefix=NAME)
        os.close(handle)
        return ProgressFile(path)
    return SshFile(lambda: second(action)) if transport == "ssh" else None


def second(action):
    """A connection of its own to the same host, with the same options."""
    first = action._connection
    made = action._shared_loader_obj.connection_loader.get(
        first._load_name,
        action._play_context,
        new_stdin=None,
        task_uuid=action._task._uuid,
        ansible_playbook_pid=str(os.getppid()),
    )
    made._options = dict(first._options)
    made._origins = dict(getattr(first, "_origins", {}))  # from ansible-core 2.18 on
    return made
