# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times as the ledger, reports and files hold them: UTC, whole seconds, such as 2026-03-01T10:00:00Z."""

from __future__ import annotations

import datetime

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
UTC = datetime.timezone.utc


def text(moment=None):
    """A time as text; without one, the present."""
    return (moment or datetime.datetime.now(UTC)).strftime(FORMAT)


def of_seconds(seconds):
    """Seconds since 1970 as text."""
    return text(datetime.datetime.fromtimestamp(int(seconds), UTC))


def parsed(written):
    """The time, in UTC. Raises ValueError for another form, TypeError for what is no text."""
    return datetime.datetime.strptime(written, FORMAT).replace(tzinfo=UTC)


def seconds(written):
    """The time in seconds since 1970. Raises as parsed does."""
    return parsed(written).timestamp()
