# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import os

from .. import timestamp
from ..checks import catalogue
from ..engine.spool import Spool
from ..errors import MonqError

# Minor: something was added. Major: something that was there is gone or means something else.
FORMAT = "1.0"
NAME = "findings.json"
SEVERITIES = ("stop", "warning", "info")


def place(given, generation, part=""):
    """The path beside the backup, or an empty string without a backup directory. generation: None if the ledger cannot
    be read. part: the checks that were made, if not all."""
    if not given["spool_directory"]:
        return ""
    spool = Spool(given["spool_directory"], given["spool_host"], given["plan"]["release"]["version"])
    folder = spool.folder(generation or 1)
    name = NAME.replace(".", f"-{part}.") if part else NAME
    return os.path.join(folder if generation else os.path.dirname(folder), name)


def content(found, given, part=""):
    """What machines read: the findings, each with its title and the page that explains it."""
    counts = {severity: sum(one["severity"] == severity for one in found) for severity in SEVERITIES}
    return {
        "format_version": FORMAT,
        "made": timestamp.text(),
        "host": given["spool_host"],
        "namespace": given["namespace"],
        "release": given["plan"]["release"]["version"],
        "checks": part or "all",
        "passed": not counts["stop"],
        "counts": counts,
        "findings": [
            {**one, "title": catalogue.ENTRIES.get(one["id"], {}).get("title", ""), "page": catalogue.page(one["id"])}
            for one in found
        ],
    }


def write(path, data):
    """Writes the file, mode 0600, whole or not at all. Raises MonqError if it cannot be written."""
    fresh = f"{path}.partial"
    try:
        os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
        with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            json.dump(data, file, ensure_ascii=False, indent=1)
            file.write("\n")
        os.replace(fresh, path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        seen, then = exc.strerror or str(exc), "make its folder writable, or set monq_findings_file to another path"
        raise MonqError("the findings cannot be written", path, "a writable folder", seen, then) from exc


def keep(found, given, generation, *, asked="", part="", check_mode=False):
    """Writes the findings beside the backup, or where the operator asked for them; in check mode only there. Returns
    (path or an empty string, warnings): a file that cannot be written fails nothing."""
    try:
        path = asked or ("" if check_mode else place(given, generation, part))
        if not path:
            return "", []
        write(path, content(found, given, part))
        return path, []
    except MonqError as exc:
        return "", [str(exc)]
