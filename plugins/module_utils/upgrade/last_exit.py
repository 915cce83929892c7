# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import json
import os

from .. import timestamp
from ..errors import InputError, StepError
from ..language import mark
from . import schedule

CUT = "upgrade.routing.cut"
# What a rollback undoes before the first SQL file has run, as the forward steps whose time stands for it.
UNDONE = ("prepare.registry_template.apply", CUT, "upgrade.routing.apply.")
OVER = mark("the outage does not fit any more ({}); it is not stopped, as SQL has run")


def now_of(cluster):
    """The API server's time, on whose clock window and budget are judged."""
    seconds = cluster.clock()
    if seconds is None:
        raise StepError(
            "the API server does not tell its time",
            cluster.server,
            "a Date header, which the window and the budget of the outage are judged by",
            "none",
            f"leave {schedule.WINDOW} and {schedule.BUDGET} out, and watch the time yourself",
        )
    return datetime.datetime.fromtimestamp(seconds, timestamp.UTC)


def require_window(cluster, text):
    """Raises StepError outside the window, InputError for what is none. Does nothing without one."""
    if text:
        schedule.require_open(schedule.Window(text), now_of(cluster))


class LastExit:
    """Asked right before the first SQL file, from where a rollback needs no database: goes on only if the rest of the
    outage fits into window and budget. After the first SQL file it only warns."""

    def __init__(self, session):
        """session.params: outage_window, outage_budget, forecast, last_exit and environment."""
        self._session, self._given = session, session.params
        self._ledger = session.run.ledger.entries

    def require(self):
        """What was compared, as lines; empty where nothing was. Raises StepError where there is no time for the rest,
        InputError for variables that cannot be used."""
        given, run = self._given, self._session.run
        if self._session.check_mode or not (given["outage_window"] or given["outage_budget"]):
            return []
        sql = [step.key for step in run.plan if step.ask]
        begun = any(key in self._ledger for key in sql)
        if CUT not in self._ledger or (begun and all(run.is_done(key) for key in sql)):
            return []
        balance = self._balance([step.key for step in run.plan])
        if balance.fits:
            return [] if begun else balance.lines()
        if begun:
            self._session.warnings.append(OVER.format("; ".join(balance.lines())))
        elif given["last_exit"] != "continue":
            raise self._stopped(balance)
        else:
            self._session.warnings.append("monq_last_exit is continue: " + "; ".join(balance.lines()))
        return []

    def _balance(self, keys):
        given = self._given
        now = now_of(self._session.cluster)
        window = schedule.Window(given["outage_window"]) if given["outage_window"] else None
        began = timestamp.parsed(self._ledger[CUT]["started"])
        left = [key for key in keys if key.startswith("upgrade.") and not self._session.run.is_done(key)]
        rest, unknown = (None, [])
        if given["forecast"]:
            rest, unknown = schedule.forecast(rehearsal(given["forecast"]), left)
        return schedule.Balance(
            (now - began).total_seconds(),
            window_left=window.left(now) if window else None,
            budget=given["outage_budget"],
            rest=rest,
            unknown=unknown,
            rollback=self._rollback(),
        )

    def _rollback(self):
        """Seconds that a rollback takes now, as long as the steps that it undoes have taken; None if none was timed."""
        took = [_seconds(entry) for key, entry in self._ledger.items() if key.startswith(UNDONE)]
        return sum(one for one in took if one is not None) if any(one is not None for one in took) else None

    def _stopped(self, balance):
        environment = self._given["environment"]
        return StepError(
            "the rest of the outage does not fit; stopped at the last exit: no SQL has run",
            " and ".join(name for name in ("outage_window", "outage_budget") if self._given[name]),
            "time for the rest of the outage, and for a rollback if it fails",
            "\n    ".join(balance.lines()),
            "decide with one of the two commands below: go on, or roll back",
            last_exit={"environment": environment},
        )


def rehearsal(path):
    """{step: seconds} of a report.json. Raises InputError where it is none."""
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            found = json.load(file)
        return {row["key"]: row["seconds"] for row in found["steps"] if row.get("seconds") is not None}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        seen = getattr(exc, "strerror", None) or f"{type(exc).__name__}: {exc}"
        then = "correct it: it is read on the inventory host"
        raise InputError(
            f"{schedule.FORECAST} cannot be read", path, "a report.json of a rehearsal", seen, then
        ) from exc


def _seconds(entry):
    if not entry.get("started") or not entry.get("finished"):
        return None
    return max(0.0, (timestamp.parsed(entry["finished"]) - timestamp.parsed(entry["started"])).total_seconds())
