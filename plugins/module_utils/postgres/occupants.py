# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a database, so that it can be neither dropped nor renamed: other clients, and prepared transactions."""

from __future__ import annotations

import contextlib
import time
from collections import namedtuple

from ..errors import MonqError
from .dump import identifier, literal

TRIES, PAUSE = 3, 1  # each DROP DATABASE waits 5 s by itself

Client = namedtuple("Client", "pid application user address ours")  # ours: this role may end it


def clients(database):
    """The query for other clients' sessions. The server's own workers have no user; they end by themselves."""
    return (
        "SELECT a.pid, coalesce(a.application_name, ''), a.usename,"
        # Without a right to see it, both are null.
        " CASE WHEN a.client_port = -1 THEN 'local' ELSE coalesce(host(a.client_addr), '') END,"
        " coalesce((pg_has_role(a.usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE'))"
        " AND (NOT r.rolsuper OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)), false)"
        " FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid"
        f" WHERE a.datname = {literal(database)} AND a.pid <> pg_backend_pid() AND a.usename IS NOT NULL ORDER BY 1"
    )


def prepared(database, minutes=0):
    """The query for prepared transactions that were not ended for so long."""
    return (
        f"SELECT gid, owner, prepared::text FROM pg_prepared_xacts WHERE database = {literal(database)}"
        f" AND prepared <= now() - interval '{int(minutes)} minutes' ORDER BY 3"
    )


def present(session, database):
    return [Client(*row) for row in session.query(clients(database))]


def end(session, database):
    """Asks the other clients to go whose sessions this role may end. One may go by itself meanwhile."""
    for client in present(session, database):
        if client.ours:
            with contextlib.suppress(MonqError):
                session.query(f"SELECT pg_terminate_backend({int(client.pid)})")


def in_words(found, most=10):
    """The clients as text."""
    words = [
        f"pid {client.pid}: {client.application or 'no name'}, user {client.user}"
        + (f", from {client.address}" if client.address else "")
        + ("" if client.ours else " (this role may not end it)")
        for client in found
    ]
    return "; ".join(words[:most] + ([f"and {len(words) - most} more"] if len(words) > most else []))


def prepared_in_words(rows, most=10):
    """Prepared transactions as text."""
    return "; ".join(
        f"prepared transaction {gid!r} of user {owner}, since {since}" for gid, owner, since in rows[:most]
    )


def drop(session, database, server, tries=TRIES, sleep=time.sleep):
    """Drops a scratch database. Raises MonqError that names it, who is in it, and the command that drops it."""
    with contextlib.suppress(MonqError):  # nobody comes back
        session.query(f"ALTER DATABASE {identifier(database)} ALLOW_CONNECTIONS false")
    for left in reversed(range(tries)):
        end(session, database)
        try:
            session.query(f"DROP DATABASE IF EXISTS {identifier(database)}")
            return
        except MonqError as exc:
            if not left:
                raise _not_dropped(session, database, server, exc) from exc
        sleep(PAUSE)


def _not_dropped(session, database, server, exc):
    holders = ""
    with contextlib.suppress(MonqError):
        holders = in_words(present(session, database))
    return MonqError(
        "a scratch database could not be dropped",
        f"database {database} on {server}",
        "dropped",
        "; ".join(filter(None, [exc.seen, holders])),
        f"when nobody is connected to it any more: DROP DATABASE {identifier(database)}",
    )
