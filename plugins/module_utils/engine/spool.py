# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import os

from ..errors import LedgerError
from ..postgres import dump


class EmergencyCopies:
    """Results that the API server did not take, beside the backup: one file for each, until a later run has imported it."""

    def __init__(self, directory, host, release):
        self._directory, self._host, self._release = directory, host, release

    def _folder(self, attempt):
        return os.path.join(os.path.abspath(self._directory), *dump.folder_parts(self._host, self._release, attempt))

    def save(self, attempt, key, entry):
        """The path of the copy, mode 0600, on the disk when this returns. LedgerError where there is no place for it."""
        if not self._directory:
            raise LedgerError("there is no folder for a copy of the ledger", "emergency_directory", "a folder", "none")
        folder = self._folder(attempt)
        path = os.path.join(folder, f"ledger-{key}-{entry['attempt']}.json")
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                json.dump({"key": key, "entry": entry}, file, ensure_ascii=False, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            with contextlib.suppress(OSError):
                os.unlink(path)  # a half would be read as a whole
            raise LedgerError("the copy of the ledger cannot be written", path, "a writable folder with free space", exc.strerror or str(exc)) from exc
        return path

    def pending(self, attempt):
        """[(path, key, entry)] that no run has imported yet. A torn one counts for nothing."""
        found, folder = [], self._folder(attempt) if self._directory else ""
        names = sorted(os.listdir(folder)) if folder and os.path.isdir(folder) else []
        for name in names:
            if name.startswith("ledger-") and name.endswith(".json"):
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError), open(path, encoding="utf-8") as file:
                    copy = json.load(file)
                    found.append((path, copy["key"], dict(copy["entry"])))
        return found

    @staticmethod
    def settle(path, imported):
        os.replace(path, path[: -len("json")] + ("imported" if imported else "outdated"))
