# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

from ..errors import CommandError, MonqError
from ..postgres import trace
from ..postgres.client import Postgresql
from ..postgres.dump import databases

POLL = 0.5
STATISTICS = 10  # seconds after which a server has certainly counted what a session did
SERVICE = "--microservice="


class Traces:
    """release update db: the database's catalogue, or its counters of inserted, updated or deleted rows, have changed.
    Services may write at the same time, so this does not prove that the whole file was applied. If nothing has changed,
    the outcome is unknown, and the next run asks. Server, clock and sleep are injected."""

    argv = ("release", "update", "db")

    def __init__(self, session, server, names, connect=Postgresql, clock=time.monotonic, sleep=time.sleep):
        self._session, self._names = session, names
        self._server, self._clock, self._sleep = connect(server), clock, sleep
        self.evidence = {}  # step key: what has changed
        self.warnings = []

    def after(self, step, call, repeated=False):  # pylint: disable=unused-argument
        """Makes the call; returns its output.

        Raises CommandError, whose unknown is true, where the database shows no change at all, and whatever the call
        raises, with what the database shows.
        """
        database = self._database(step)
        before = self._look(step, database)
        try:
            output = call()
        except CommandError as exc:
            seen = before and self._seen(step, database, before, 0)
            if seen:
                exc.evidence.append(f"database {database} shows: {in_words(seen)}")
            raise
        seen = before and self._seen(step, database, before, STATISTICS)
        if seen:
            self.evidence[step.key] = seen
            if not any(seen.values()):
                raise self._nothing(step, database)
        return output

    def _database(self, step):
        service = next(word for word in step.argv if word.startswith(SERVICE))[len(SERVICE) :]
        return databases([service], self._names)[0]["database"]

    def _look(self, step, database):
        """A look at the database, or None with a warning: that one cannot look stops no upgrade."""
        try:
            with self._server.session(database) as session:
                return trace.look(session)
        except MonqError as exc:
            self.warnings.append(f"{step.key}: database {database} is not looked at: {exc.what}: {exc.seen}")
            return None

    def _seen(self, step, database, before, patience):
        """The difference, as soon as there is one: a server counts with a delay. None where one cannot look."""
        end = self._clock() + patience
        while True:
            now = self._look(step, database)
            seen = now and trace.difference(before, now)
            if not seen or any(seen.values()) or self._clock() >= end:
                return seen
            self._sleep(POLL)

    def _nothing(self, step, database):
        error = CommandError(
            f"monqctl reported success, but the database shows nothing of it: {step.title}",
            f"database {database}",
            "a change of its catalogue or of rows in its tables",
            "catalogue and counters of inserted, updated and deleted rows as before",
            "check monq_database_names and the database, then run the same command again: it asks how to go on",
        )
        error.unknown = True
        return error


def in_words(seen):
    """The difference as text."""
    rows = ", ".join(f"{seen[name]} rows {name}" for name in ("inserted", "updated", "deleted") if seen[name])
    return ", ".join(filter(None, ["definitions changed" if seen["catalogue"] else "", rows])) or "no change"
