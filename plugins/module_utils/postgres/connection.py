# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
from collections import namedtuple

from ..errors import MonqError
from ..prerequisites import missing
from ..terminal import decode
from . import settings
from .session import one_line

# connection; raw: its text arrives as bytes, each as one character; local: settings must end with each transaction
Opened = namedtuple("Opened", "connection raw local")

TRANSACTION, SESSION = "transaction", "session"
_STATE = "SELECT current_user = session_user" + "".join(
    f", current_setting('{name}', true)" for name in (*settings.SESSION, *settings.NEWER)
)
# A role that the login role sets for itself is kept only if it can do what the login role cannot: with NOINHERIT, or
# by an attribute, which is never inherited.
_ROLE_IS_NEEDED = """
SELECT NOT pg_has_role(session_user, current_user, 'USAGE') OR EXISTS (
       SELECT FROM pg_roles r, pg_roles l WHERE r.rolname = current_user AND l.rolname = session_user
          AND (r.rolcreatedb > l.rolcreatedb OR r.rolsuper > l.rolsuper OR r.rolbypassrls > l.rolbypassrls))
"""


class Connector:
    """Opens connections of one role to one server, and knows whether a pooler lies between them."""

    def __init__(self, server, secrets=()):
        self._server, self._secrets = server, secrets
        self.name = f"{server['host']}:{server['port']}"
        self.pooled = False  # options do not reach the server
        self._mode = None  # "": no pooler was noticed
        self._as_login = False
        self._newer = {}

    def open(self, database):
        """An Opened connection in autocommit mode. Its settings are options of the connection, which a session of the
        server cannot pass on to the next client; behind a pooler they are set in each transaction, or, in session mode,
        for the session."""
        try:
            connection, raw = self._settled(database)
            local = self.pooled and self.pooling(database) == TRANSACTION
            if self.pooled and not local:
                _execute(connection, settings.local(settings.SESSION).replace("SET LOCAL", "SET"))
        except failures() as exc:
            raise self._refused(database, str(exc)) from exc
        return Opened(connection, raw, local)

    def close(self, opened):
        """Closes it. A pooler hands the session of the server to the next client, without our settings."""
        with contextlib.suppress(failures()):
            if self.pooled and not opened.local:
                _execute(opened.connection, "ROLLBACK; RESET ALL")
        with contextlib.suppress(failures()):
            opened.connection.close()

    def _settled(self, database):
        connection = self._connect(database)
        if connection.get_parameter_status("server_encoding") == "SQL_ASCII":
            connection.close()
            connection, raw = self._connect(database, client_encoding="LATIN1"), True
        else:
            raw = False
        if self.pooled:
            return connection, raw
        as_login, *values = _row(connection, _STATE)
        count = len(settings.SESSION)
        if values[:count] != list(settings.SESSION.values()):
            self.pooled = True
            return connection, raw
        newer = {name: value for name, value in zip(settings.NEWER, values[count:]) if value is not None}
        self._newer = dict.fromkeys(newer, "0")
        for name, value in newer.items():
            if value != "0":
                _execute(connection, f"SET {name} = 0")
        if not as_login and not self._as_login and not _row(connection, _ROLE_IS_NEEDED)[0]:
            self._as_login = True
            connection.close()
            return self._settled(database)
        return connection, raw

    def _connect(self, database, client_encoding="UTF8"):
        if not self.pooled:
            given = {**settings.SESSION, **self._newer, **(settings.AS_LOGIN if self._as_login else {})}
            try:
                return self._plain(database, client_encoding, options=settings.options(given))
            except MonqError as exc:
                if not settings.is_pooler(exc.seen):
                    raise
                self.pooled = True
        return self._plain(database, client_encoding)

    def _plain(self, database, client_encoding, **more):
        psycopg2 = _psycopg2()
        try:
            connection = psycopg2.connect(
                host=self._server["host"],
                port=self._server["port"],
                user=self._server["user"],
                password=self._server.get("password") or None,
                sslmode=self._server["sslmode"],
                dbname=database,
                connect_timeout=10,
                application_name="monq.platform",
                client_encoding=client_encoding,
                keepalives_idle=30,
                **more,
            )
        except (psycopg2.Error, UnicodeDecodeError) as exc:
            # A server whose messages are not in UTF-8 refuses before an encoding is agreed on; psycopg2 cannot read it.
            said = decode(exc.object) if isinstance(exc, UnicodeDecodeError) else str(exc)
            raise self._refused(database, said) from exc
        connection.autocommit = True
        return connection

    def _refused(self, database, said):
        return MonqError(
            "cannot connect to PostgreSQL",
            f"database {database} on {self.name}, role {self._server['user']}",
            "a connection",
            one_line(said, self._secrets),
            "check monq_postgresql_host, _port, _user, _password, _sslmode and pg_hba.conf; then run the same "
            "command again",
        )

    # ---- poolers

    def pooling(self, database):
        """None, "session" or "transaction": how a pooler shares the server's sessions among its clients.

        Two of our connections that meet in one session of the server, or one that is served by two, are proof of
        transaction mode. Nothing is set meanwhile.
        """
        if self._mode is not None:
            return self._mode or None
        with contextlib.ExitStack() as stack:
            try:
                first, second = (stack.enter_context(contextlib.closing(self._connect(database))) for _one in "12")
                before = _backend(first)
                _execute(second, "BEGIN")
                other = _backend(second)
                shared = before == other or before != _backend(first)
                _execute(second, "ROLLBACK")
            except MonqError:  # such as no second connection: what follows will say it better
                return TRANSACTION if self.pooled else None
            except failures() as exc:
                shared = settings.is_pooler(str(exc))  # statement mode knows no transactions
        self._mode = TRANSACTION if shared else SESSION if self.pooled else ""
        return self._mode or None

    def options(self, given=()):
        """libpq's options for a program, with further settings that yield to ours; empty behind a pooler."""
        if self.pooled:
            return ""
        mine = {**settings.PROGRAM, **self._newer, **(settings.AS_LOGIN if self._as_login else {})}
        return settings.options({**dict(given), **mine})


def _psycopg2():
    try:
        import psycopg2
    except ImportError as exc:
        raise missing("psycopg2", exc) from exc
    return psycopg2


def failures():
    """What psycopg2 raises."""
    return _psycopg2().Error


def _execute(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _row(connection, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def _backend(connection):
    return _row(connection, "SELECT pg_backend_pid()")[0]
