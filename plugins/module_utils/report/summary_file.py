# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import os

from ..errors import MonqError

NAME = "summary.txt"


def keep(folder, text, check_mode=False, name=NAME, what="the summary", again="verify.yml"):
    """Writes a text beside the backup, mode 0600; returns whether it changes. In check mode it only predicts."""
    path = os.path.join(folder, name)
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
        if file.read() == text:
            return False
    if check_mode:
        return True
    fresh = f"{path}.partial"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        seen, then = exc.strerror or str(exc), f"make monq_backup_dir writable, then run {again} again"
        raise MonqError(f"{what} cannot be written", path, "a writable folder with free space", seen, then) from exc
    return True


def keep_all(folder, files, check_mode=False):
    """Writes the files of a report, {name: text}; returns the names of those that change."""
    for name in files:
        if name != os.path.basename(name) or name in ("", ".", ".."):
            raise MonqError("not a name of a file", repr(name), "a name without a folder", repr(name), "correct it")
    again = "report.yml"
    return [name for name, text in sorted(files.items()) if keep(folder, text, check_mode, name, "the report", again)]
