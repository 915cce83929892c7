# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time that an outage may take: its window, its budget, what a rehearsal says of the rest. Pure: no input, no
output."""

from __future__ import annotations

import datetime
import re

from .. import live_line, timestamp
from ..errors import InputError, StepError

WINDOW, BUDGET, FORECAST = "monq_outage_window", "monq_outage_budget", "monq_forecast"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)")
LENGTH = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
EXAMPLE = "2026-11-28T01:00:00+03:00/2026-11-28T04:00:00+03:00, or …/PT3H"


class Window:
    """An ISO 8601 interval: two moments with their offset from UTC, or one and a duration."""

    def __init__(self, text):
        """Raises InputError for anything else."""
        self.text = text
        first, slash, second = (part.strip() for part in text.partition("/"))
        self.start, self.end = _moment(first), _moment(second)
        length = LENGTH.fullmatch(second)
        if self.start and length and any(length.groups()):
            days, hours, minutes, seconds = (int(part or 0) for part in length.groups())
            self.end = self.start + datetime.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not slash or not self.start or not self.end or self.end <= self.start:
            expected = f"an interval of ISO 8601, such as {EXAMPLE}"
            raise InputError(f"{WINDOW} is not an interval", WINDOW, expected, text, "correct it")

    def left(self, now):
        """Seconds until the window closes; negative afterwards."""
        return (self.end - now).total_seconds()

    def problem(self, now):
        """Why the outage may not begin now, or an empty string."""
        if now < self.start:
            return f"it opens at {stamp(self.start)}; the API server's clock says {stamp(now)}"
        if now >= self.end:
            return f"it closed at {stamp(self.end)}; the API server's clock says {stamp(now)}"
        return ""


def _moment(text):
    if not MOMENT.fullmatch(text):
        return None
    try:
        colon = re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", re.sub(r"Z$", "+00:00", text))  # Python 3.9 needs it
        return datetime.datetime.fromisoformat(colon).astimezone(timestamp.UTC)
    except ValueError:
        return None


def stamp(moment):
    return moment.astimezone(timestamp.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(seconds):
    """Seconds as a stopwatch shows them, such as 04:31 or -01:05."""
    return ("-" if seconds < 0 else "") + live_line.clock(abs(int(seconds)))


def require_open(window, now):
    """Raises StepError outside the window. window: a Window, or None."""
    problem = window.problem(now) if window else ""
    if problem:
        raise StepError(
            "the outage may not begin now",
            WINDOW,
            f"a moment within {window.text}",
            problem,
            f"run the same command within the window, or correct {WINDOW}",
        )


def forecast(rehearsal, keys):
    """(seconds that these steps took in a rehearsal, the steps that it says nothing of). rehearsal: {step: seconds}"""
    known = [key for key in keys if key in rehearsal]
    return sum(rehearsal[key] for key in known), [key for key in keys if key not in rehearsal]


class Balance:
    """What is known right before the first SQL file: seconds of the outage so far, of the rest, of a rollback now, and
    those that are left."""

    def __init__(self, so_far, window_left=None, budget=0, rest=None, unknown=(), rollback=None):
        """rest: by a rehearsal, or None without one. unknown: steps that it says nothing of. window_left: None without
        a window. budget: 0 without one. rollback: None where it was not measured."""
        self.so_far, self.rest, self.unknown, self.rollback = so_far, rest, list(unknown), rollback
        self.window_left, self.budget = window_left, budget
        limits = [window_left] if window_left is not None else []
        self.left = min(limits + ([budget - so_far] if budget else []), default=None)

    @property
    def fits(self):
        """Whether there is time for the rest, as far as it is known, and for the way back if it fails."""
        return self.left is None or self.left > max(self.rest or 0, self.rollback or 0)

    def lines(self):
        """The figures as text."""
        found = [f"outage so far: {clock(self.so_far)}"]
        if self.rest is not None:
            gaps = f", without {len(self.unknown)} steps that the rehearsal did not have" if self.unknown else ""
            found.append(f"the rest, by the rehearsal: {clock(self.rest)}{gaps}")
        else:
            found.append(f"the rest: not known, as there is no rehearsal ({FORECAST})")
        if self.rollback is not None:
            found.append(f"a rollback from here: about {clock(self.rollback)}; no SQL has run, no database is restored")
        if self.window_left is not None:
            found.append(f"left of the window: {clock(self.window_left)}")
        if self.budget:
            found.append(f"left of the budget: {clock(self.budget - self.so_far)} of {clock(self.budget)}")
        return found
