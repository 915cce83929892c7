# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import os

from ..errors import LedgerError
from ..postgres import dump


class Spool:
    """Results that the API server did not accept, in files beside the backup until a later run imports them."""

    def __init__(self, directory, host, release):
        self._directory, self._host, self._release = directory, host, release

    def folder(self, generation):
        return os.path.join(os.path.abspath(self._directory), *dump.folder_parts(self._host, self._release, generation))

    def save(self, generation, key, entry):
        """Writes a file of mode 0600, synced to disk, and returns its path. Raises LedgerError if it cannot be
        written."""
        if not self._directory:
            raise LedgerError("there is no folder to save results in", "spool_directory", "a folder", "none")
        folder = self.folder(generation)
        path = os.path.join(folder, f"ledger-{key}-{entry['attempt']}.json")
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                json.dump({"key": key, "entry": entry}, file, ensure_ascii=False, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            with contextlib.suppress(OSError):
                os.unlink(path)  # a partial file must not be imported
            raise LedgerError(
                "a result cannot be saved on disk",
                path,
                "a writable folder with free space",
                exc.strerror or str(exc),
            ) from exc
        return path

    def pending(self, generation):
        """[(path, key, entry)] not imported yet. A damaged file is ignored."""
        found, folder = [], self.folder(generation) if self._directory else ""
        names = sorted(os.listdir(folder)) if folder and os.path.isdir(folder) else []
        for name in names:
            if name.startswith("ledger-") and name.endswith(".json"):
                path = os.path.join(folder, name)
                with (
                    contextlib.suppress(OSError, ValueError, KeyError, TypeError),
                    open(path, encoding="utf-8") as file,
                ):
                    kept = json.load(file)
                    found.append((path, kept["key"], dict(kept["entry"])))
        return found

    @staticmethod
    def settle(path, imported):
        os.replace(path, path[: -len("json")] + ("imported" if imported else "outdated"))
