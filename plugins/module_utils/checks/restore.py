# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a rollback could restore the databases with this role, found before anything is changed."""

from __future__ import annotations

from ..errors import MonqError
from ..postgres import catalogue, dump, needs
from .finding import STOP, WARNING, finding

PROBE = dump.SCRATCH + "probe"  # never created: the name alone shows whether pg_hba.conf admits new databases


def of_database(session, database, obj, limit):
    """Findings on one database. limit: above which size there is no scratch restore; 0 means that another role may run
    the rollback, and so does a role that may not create databases: then nothing here stops."""
    held = catalogue.contents(session)
    may = catalogue.rights(session, held)
    found = needs.judge(held, may, database)
    if not may["may_create"]:
        found = [one for one in found if "may create databases" not in one["expected"]]  # said once, of the server
    proves = limit > 0 and may["may_create"]
    return [_finding(one, obj, proves) for one in found]


def _finding(one, obj, proves):
    severity = one["severity"] if proves else WARNING
    more = f"; {needs.ROLLBACK}" if severity == STOP else needs.OTHER_ROLE if one["severity"] == STOP else ""
    return finding("postgresql.restore", severity, obj, one["expected"], one["seen"], one["next"] + more)


def of_connections(session, databases, server):
    return [
        finding("postgresql.connections", STOP, f"{obj} on {server.name}", *rest)
        for obj, *rest in needs.limits(catalogue.connections(session, databases))
    ]


def of_access(server, stops=True, ask=False):
    """Findings on databases that do not exist yet, or that a restore connects to besides its own. ask: whether the role
    may create databases, too."""
    found, where = [], f"role {server.server['user']} on {server.name}"
    refused = server.refuses(PROBE)
    if refused:
        found.append((f"it may connect to new databases, {dump.SCRATCH}*", refused.seen, _admit(server)))
    try:
        with server.maintenance() as session:
            if ask and not server.may_create(session):
                return [_no_creator(server, where)] + [_kept_out(where, stops, rest) for rest in found]
    except MonqError as exc:
        found.append(("it may connect to database postgres, to create and rename others", exc.seen, _admit(server)))
    return [_kept_out(where, stops, rest) for rest in found]


def _kept_out(where, stops, rest):
    return finding("postgresql.pg_hba", STOP if stops else WARNING, where, *rest)


def _no_creator(server, where):
    return finding(
        "postgresql.restore",
        WARNING,
        where,
        "it may create databases, as a rollback does",
        "it may not",
        f"ALTER ROLE {dump.identifier(server.server['user'])} CREATEDB{needs.OTHER_ROLE}",
    )


def _admit(server):
    return (
        f'admit the role to all databases: a line "host all {server.server["user"]} <address of this machine>/32 '
        'scram-sha-256" in pg_hba.conf, then SELECT pg_reload_conf(); behind a pooler, set monq_postgresql_host and '
        "_port to the server itself"
    )
