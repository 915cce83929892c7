# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one line that shows what a run is doing: composed here, and shown in the terminal, in the lock's Lease and by
status.yml."""

from __future__ import annotations

import re

from .language import ENGLISH

NAMED = 3  # late objects that a line names
STAMPED = re.compile(r"(\d{4}-\S+Z )?(.*)", re.DOTALL)
COUNTED = re.compile(r"(\d+) of (\d+) (.+)")
OBJECT = re.compile(r"\S+: ")
SINCE = re.compile(r"(.+) for (\d+) s")
WIDTH = 120  # characters of what somebody else has printed

FIRST, EVERY = 10.0, 30.0  # seconds until the first line, and between two
PAUSE = 5.0  # shortest time between two lines that only say that a late object has caught up


def clock(seconds):
    """04:31, from an hour on 1:04:31."""
    minutes, seconds = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


def size(count):
    """A number of bytes as text: 512 B, 1.5 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024


def short(text, width=WIDTH):
    """One line of at most that many characters."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def details(text, done=None, total=None, late=None):
    """What a task says of itself. done of total: only where both are known. late: {object: why it is waited for}."""
    words = [f"{done} of {total} {text}" if total is not None else text]
    rows = list((late or {}).items())
    words += [short(f"{name}: {why}" if why else name) for name, why in rows[:NAMED]]
    if len(rows) > NAMED:
        words.append(f"and {len(rows) - NAMED} more")
    return ", ".join(words)


def step(key, number, total):
    """step 47 of 78 pl rollout"""
    words = [word for word in key.split(".", 4)[1:] if word != "microservices"]
    return f"step {number} of {total} " + " ".join(words)


def body(row, outage=None, budget=None, words=ENGLISH):
    """The line without time and place. row: what the task has said last. outage: its seconds so far, or None."""
    parts = []
    if outage is not None and budget:
        parts.append(words._("outage {passed} of {budget}", passed=clock(outage), budget=clock(budget)))
    elif outage is not None:
        parts.append(words._("outage {passed}", passed=clock(outage)))
    parts += [translated(row[name], words) for name in ("step", "text") if row.get(name)]
    return " · ".join(parts)


def translated(text, words):
    """What a task has said of itself, see details, or a whole line; names, and what others have printed, stay as they
    are."""
    if " · " in text:
        return " · ".join(translated(part, words) for part in text.split(" · "))
    moment, text = STAMPED.fullmatch(text).groups()
    if moment:
        return moment + translated(text, words)
    said = text if OBJECT.match(text) else words.sentence(text)  # a name is no part of the sentence behind it
    if said != text or words.code == "en":
        return said
    first, *late = text.split(", ")
    counted = COUNTED.fullmatch(first)
    if counted:
        done, total, what = counted.groups()
        first = words._("{what}: {done} of {total}", what=words.sentence(what), done=done, total=total)
    else:
        first = _late(first, words)
    return ", ".join([first, *[_late(part, words) for part in late]])


def _late(text, words):
    """An object, and why it is waited for, and for how long."""
    name, sign, why = text.partition(": ")
    if not sign or " " in name:
        return words.sentence(text)
    since = SINCE.fullmatch(why)
    if since:
        return f"{name}: " + words._("{why} for {seconds} s", why=words.sentence(since[1]), seconds=since[2])
    return f"{name}: {words.sentence(why)}"


class Timing:
    """Decides when a line is due: at once if an object becomes late, soon if one has caught up, else regularly."""

    def __init__(self, now, first=FIRST, every=EVERY):
        self._every, self._next, self._last = every, now + first, now - PAUSE
        self._shown = frozenset()

    def due(self, late, now, late_only=False):
        """Returns whether to show a line now. late: the names of the late objects. late_only: do not count the time."""
        late = frozenset(late)
        caught_up = self._shown - late and now - self._last >= PAUSE
        return bool(late - self._shown or caught_up) or (not late_only and now >= self._next)

    def shown(self, late, now):
        self._shown, self._last, self._next = frozenset(late), now, now + self._every
