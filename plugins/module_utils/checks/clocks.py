# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time

from ..errors import MonqError
from ..postgres.client import Postgresql
from .finding import WARNING, finding

LIMIT = 30  # seconds; the Date header has no fractions


def compare(where, read, now=time.time):
    """A warning if a clock differs from this machine's. read: returns its time in seconds since 1970, or None. The time
    that the answer takes is no difference."""
    began = now()
    theirs = read()
    ended = now()
    if theirs is None:
        return []
    ahead = theirs - ended if theirs > ended else min(0, theirs - began)
    if abs(ahead) <= LIMIT:
        return []
    direction = "ahead" if ahead > 0 else "behind"
    return [finding("clock.skew", WARNING, where=where, limit=LIMIT, seconds=round(abs(ahead)), direction=direction)]


def of_database(params):
    """The same for PostgreSQL. A server that cannot be reached is the finding of another check."""
    source = Postgresql(params["postgresql"])
    names = [item["database"] for item in params["databases"]]

    def read():
        try:
            with source.maintenance(names) as session:
                return float(session.value("SELECT extract(epoch FROM clock_timestamp())"))
        except MonqError:
            return None

    return compare(f"PostgreSQL {source.name}", read)
