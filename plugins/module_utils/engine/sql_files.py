# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import hashlib
import os

from ..errors import StepError
from . import steps


def digests(release, modules, folder):
    """{step key: sha256} of the readable SQL files in an exported release; {} without one.

    The layout of an export is assumed: <module>/<file> in the folder itself, or in <product>/<version> below it.
    """
    found = {}
    roots = [folder, os.path.join(folder, release["product"], release["version"])] if folder else []
    for module in steps.ordered(release, "modules", modules) if folder else []:
        for sql in release["modules"][module]["sql"]:
            path = next(
                (p for p in (os.path.join(root, module, sql["file"]) for root in roots) if os.path.isfile(p)), None
            )
            if path:
                # An unreadable file is not compared, and must not make status.yml fail.
                with contextlib.suppress(OSError), open(path, "rb") as file:
                    found[steps.sql_key(module, sql["microservice"], sql["file"])] = hashlib.sha256(
                        file.read()
                    ).hexdigest()
    return found


def require_same(key, known, mine, entry, given, choice):
    """Raises StepError for a file that differs from the one the upgrade started with, unless the operator allows it.

    known, mine: sha256. entry: the step's in the ledger. given: the operator's decision. choice: the one to offer."""
    if known == mine:
        return
    if isinstance(given, dict) and given.get("attempt"):
        if given["attempt"] == "f" + mine[:7]:
            return
        if given["attempt"] == entry.get("attempt") and given.get("answer") in ("done", "accept"):
            return  # then no file is run
    unknown = entry.get("state") in ("intent", "unknown")
    raise StepError(
        "the SQL file has changed since this upgrade started",
        key,
        f"sha256 {known}",
        f"sha256 {mine}" + (f"; the outcome of attempt {entry['attempt']} is unknown" if unknown else ""),
        "restore the original file and run the same command again; if the vendor has corrected it and it may run, "
        "allow it with\n    " + choice,
        expected_sha256=known,
        seen_sha256=mine,
    )
