# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import atexit
import contextlib
import datetime
import json
import os
import re
import stat
import time

from . import live_line, timestamp
from .redaction.text import known, redact
from .terminal import clean, decode, lines

NAME = "monq-progress-"  # what the file's name begins with
PROGRESS = {"progress": {"type": "dict", "default": {}}}

PACE = 1.0  # seconds between two looks at a program
OLD = 24 * 3600  # seconds after which a file is one of a killed run
ENOUGH = 8 << 20  # bytes of a file: a task that says more is not listened to any longer
TAIL = 16384  # bytes of a program's output that are redacted together
# Data are no news; and a value may come before the name that shows that it is a secret.
_DATA = re.compile(r"[\[\]{}\"']|(?i:.*\bvalue\b\W{0,3}[:=])")


class LiveProgress:
    """Says what a module is doing while it does it: to its action plugin through a file, and to everybody else through
    the Lease that is being renewed. Whatever fails here fails no step."""

    def __init__(self, given=None, secrets=(), clock=time.monotonic, now=time.time):
        """given: file, whether to create it, and the outage's budget in seconds, from the action plugin."""
        self._given, self._secrets = given or {}, known(secrets)
        self._clock, self._now = clock, now
        self._handle, self._written = None, 0
        self._row, self._since = {"step": "", "text": "", "late": []}, None
        self._last = None

    def at(self, plan, step, down_since):
        """Names the step that is executed. down_since: returns when the outage began, as in the ledger, or None."""
        with contextlib.suppress(Exception):
            self._since, self._last = _seconds(down_since()), None
            named = live_line.step(step.key, plan.index(step) + 1, len(plan))
            self._put({"step": named, "text": "", "late": []})

    def say(self, text, done=None, total=None, late=None):
        """Says how far the step is. late: {object: why it is waited for}."""
        with contextlib.suppress(Exception):
            said = (text, done, total, tuple((late or {}).items()))
            if said == self._last:
                return
            self._last = said
            shown = redact(live_line.details(text, done, total, late), self._secrets)
            self._put({"step": self._row["step"], "text": live_line.short(shown, 500), "late": sorted(late or {})})

    def annotation(self):
        """The line for the Lease, or an empty text."""
        with contextlib.suppress(Exception):
            text = live_line.body(self._row, self._outage(), self._given.get("budget"))
            moment = datetime.datetime.fromtimestamp(self._now(), datetime.timezone.utc)
            return f"{moment:%Y-%m-%dT%H:%M:%SZ} {text}" if text else ""
        return ""

    # ---- programs, as watched by process.run

    def heard(self, redacted, program="monqctl"):
        """Says the last whole line that a program has printed. redacted: removes secrets from a text."""
        return _Heard(lambda line: self.say(f"{program}: {line}"), redacted, self._clock)

    def growing(self, text, path, expected=None):
        """Says how large the file is that a program writes. expected: bytes of what it is made from."""
        of = f", the database has {live_line.size(expected)}" if expected else ""
        return self._paced(lambda _pid: self.say(f"{text}: {live_line.size(os.path.getsize(path))} written{of}"))

    def reading(self, text, path):
        """Says how much of a file a program has read."""

        def look(pid):
            read, total = position(pid, path), os.path.getsize(path)
            if read is not None:
                self.say(f"{text}: {live_line.size(read)} of the dump's {live_line.size(total)} read")

        return self._paced(look)

    def _paced(self, look):
        """A watch that looks once in a while."""
        due = 0.0

        def watch(pid, *_given):
            nonlocal due
            if self._clock() >= due:
                due = self._clock() + PACE
                look(pid)

        return watch

    # ---- the file

    def _outage(self):
        return None if self._since is None else max(0, int(self._now() - self._since))

    def _put(self, row):
        self._row = row
        if not self._given.get("file") or self._written > ENOUGH:
            return
        if self._handle is None:
            self._handle = _open(self._given["file"], self._given.get("create"))
            if self._given.get("create"):
                atexit.register(_remove, self._given["file"])
                sweep(os.path.dirname(self._given["file"]))
        data = (json.dumps({**row, "outage": self._outage()}, ensure_ascii=False) + "\n").encode()
        self._written += os.write(self._handle, data)


class _Heard:
    """A program's output, of which the last whole line is said."""

    def __init__(self, say, redacted, clock):
        self._say, self._redacted, self._clock = say, redacted, clock
        self._tails, self._cut, self._fresh, self._next = {}, set(), None, 0.0

    def __call__(self, _pid, stream, data):
        if data:
            tail = self._tails.get(stream, b"") + data
            if len(tail) > TAIL:
                self._cut.add(stream)
            self._tails[stream], self._fresh = tail[-TAIL:], stream
        if self._fresh is not None and self._clock() >= self._next:
            stream, self._fresh, self._next = self._fresh, None, self._clock() + PACE
            line = self._line(self._tails[stream], stream in self._cut)
            if line:
                self._say(line)

    def _line(self, tail, cut):
        whole = tail[: max(tail.rfind(b"\n"), tail.rfind(b"\r")) + 1]  # half a secret is not recognised
        text = clean(decode(whole))
        if cut:
            text = text.partition("\n")[2]
        found = lines(self._redacted(text))
        return live_line.short(found[-1]) if found and not _DATA.match(found[-1]) else ""


def position(pid, path):
    """How far a process has read an open file, or None."""
    wanted = os.path.realpath(path)
    with contextlib.suppress(OSError, ValueError, IndexError):
        for number in os.listdir(f"/proc/{pid}/fd"):
            if os.path.realpath(f"/proc/{pid}/fd/{number}") == wanted:
                with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as info:
                    return int(info.readline().split()[1])
    return None


def sweep(folder, now=time.time):
    """Removes files that killed runs of this user have left."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError):
            if (
                name.startswith(NAME)
                and os.lstat(path).st_uid == os.geteuid()
                and now() - os.lstat(path).st_mtime > OLD
            ):
                os.unlink(path)


def _remove(path):
    with contextlib.suppress(OSError):
        os.unlink(path)


def _open(path, create):
    """The file to append to; another user's, or a link, raises."""
    how = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    handle = os.open(path, how | (os.O_CREAT if create else 0), 0o600)
    seen = os.fstat(handle)
    if not stat.S_ISREG(seen.st_mode) or (create and seen.st_uid != os.geteuid()):
        os.close(handle)
        raise PermissionError(path)
    return handle


def _seconds(text):
    if not text:
        return None
    return timestamp.seconds(text)
