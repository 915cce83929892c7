# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our sessions and programs set for themselves, whatever the role, the database or the server sets for them."""

from __future__ import annotations

import re

# pg_dump and pg_restore set the rest themselves. A database's time zone, DateStyle and the like must reach pg_restore.
PROGRAM = {
    "default_transaction_read_only": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
# As current_setting() prints them, since they are compared with it.
SESSION = {
    **PROGRAM,
    "lock_timeout": "1min",
    "row_security": "off",
    "search_path": "pg_catalog",
    "standard_conforming_strings": "on",
}
# Only newer servers know these; the session that holds a snapshot is idle for long.
NEWER = ("idle_session_timeout", "transaction_timeout")
AS_LOGIN = {"role": "none"}
# Never taken from the database that is dumped: they say who acts, or in which encoding a dump is read.
_OURS = {*PROGRAM, *NEWER, "role", "session_authorization", "client_encoding"}

_POOLER = re.compile(r"startup parameter|command.line options|pooling mode", re.IGNORECASE)


def options(settings):
    """The settings as libpq's options: a blank or backslash within a value is escaped."""
    return " ".join(f"-c {name}={_escaped(value)}" for name, value in settings.items())


def _escaped(value):
    return re.sub(r"([\\\s])", r"\\\1", value)


def local(settings):
    """The statement that sets them until the transaction ends."""
    return "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in settings.items())


def of_database(rows):
    """{name: value} of rows "name=value", without those that our programs set for themselves. Later rows win."""
    pairs = (row.partition("=") for row in rows)
    return {name: value for name, _sign, value in pairs if name.lower() not in _OURS}


def is_pooler(text):
    """Returns whether a refused connection was refused as poolers do it: they do not pass options on to a server."""
    return bool(_POOLER.search(text))
