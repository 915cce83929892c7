# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import hashlib
import os

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
