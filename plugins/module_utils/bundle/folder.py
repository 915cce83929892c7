# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time

from .. import live_line
from .manifest import Problem, Seen

BLOCK = 1 << 20
PACE = 0.5  # seconds between two lines of progress
LONGEST_MANIFEST = 64 << 20


def look(root):
    """{relative path: Seen} of everything below a folder but real folders. No link is followed."""
    found, left = {}, [""]
    while left:
        below = left.pop()
        try:
            with os.scandir(os.path.join(root, below)) as rows:
                entries = list(rows)
        except OSError as exc:
            found[below or "."] = Seen("unreadable", 0, exc.strerror or str(exc))
            continue
        for row in entries:
            path = f"{below}/{row.name}" if below else row.name
            if row.is_dir(follow_symlinks=False):
                left.append(path)
            else:
                found[path] = _seen(root, path)
    return found


def _seen(root, path):
    full = os.path.join(root, path)
    try:
        there = os.lstat(full)
        if stat.S_ISLNK(there.st_mode):
            return Seen("link", 0, _destination(root, full))
        if not stat.S_ISREG(there.st_mode):
            return Seen("special", 0, "neither a file nor a folder")
        return Seen("file", there.st_size, "")
    except OSError as exc:
        return Seen("unreadable", 0, exc.strerror or str(exc))


def _destination(root, full):
    top, end = os.path.realpath(root), os.path.realpath(full)
    where = "inside" if end == top or end.startswith(top + os.sep) else "out of"
    return f"a link {where} the folder, to {os.readlink(full)}"


def small_file(root, path, most=LONGEST_MANIFEST):
    """The bytes of one of the bundle's own files; None if it is not there. Raises OSError, for a link too."""
    try:
        with open(os.open(os.path.join(root, path), _HOW), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) or os.fstat(file.fileno()).st_size > most:
                raise OSError(f"not a file of at most {most} bytes")
            return file.read()
    except FileNotFoundError:
        return None


_HOW = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Hashing:
    """Reads files, and says how far it is in bytes."""

    def __init__(self, root, total, say=None, clock=time.monotonic):
        self._root, self._total, self._clock = root, total, clock
        self._say, self._next, self._done = say or (lambda *_words: None), 0.0, 0
        self.files = 0  # how many were read

    def digest(self, path):
        """(sha256, identity of what was read). Raises OSError, also if the file changes meanwhile."""
        known, self.files = hashlib.sha256(), self.files + 1
        with open(os.open(os.path.join(self._root, path), _HOW), "rb", buffering=0) as file:
            before = identity(os.fstat(file.fileno()))
            while block := file.read(BLOCK):
                known.update(block)
                self._read(len(block), path)
            if identity(os.fstat(file.fileno())) != before:
                raise OSError("it changed while it was read")
        return known.hexdigest(), before

    def _read(self, count, path):
        self._done += count
        if self._clock() >= self._next:
            self._next = self._clock() + PACE
            self._say(f"of the bundle read: {path}", live_line.size(self._done), live_line.size(self._total))


def identity(there):
    """What changes with a file's content: nobody sets the time of the last change back."""
    return [there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns]


def altered(root, expected, remembered, hashing):
    """Problems of contents. expected: {path: Entry}. remembered: {path: [sha256, identity]}, is brought up to date."""
    found = []
    for path in sorted(expected):
        try:
            known = [expected[path].sha256, identity(os.lstat(os.path.join(root, path)))]
            if remembered.get(path) == known:
                continue
            remembered.pop(path, None)
            digest, read = hashing.digest(path)
        except OSError as exc:
            found.append(Problem("unreadable", path, exc.strerror or str(exc)))
            continue
        if digest == expected[path].sha256:
            remembered[path] = [digest, read]
        else:
            found.append(Problem("altered", path, f"sha256 {digest[:16]}… instead of {expected[path].sha256[:16]}…"))
    return found


def remembered(path, root):
    """What an earlier run has verified in this folder; empty if that is not known."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        with open(os.open(path, _HOW), encoding="utf-8") as file:
            kept = json.load(file)
        if kept["folder"] == os.path.realpath(root) and os.stat(path).st_uid == os.geteuid():
            return dict(kept["files"])
    return {}


def remember(path, root, files):
    """Writes it, mode 0600, whole or not at all; without it the next run reads everything again."""
    fresh = f"{path}.partial"
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW, 0o600), "w") as file:
            json.dump({"folder": os.path.realpath(root), "files": files}, file)
        os.replace(fresh, path)
