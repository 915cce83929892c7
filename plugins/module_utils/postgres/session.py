# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib

from ..errors import MonqError
from ..redaction.text import redact
from ..terminal import decode
from . import dump, settings

CHUNK = 20  # tables that are counted before their indexes' locks are released

# What pg_dump writes row by row. Members of an extension are restored with the extension.
MINE = """
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (
       SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
_TABLES = "SELECT n.nspname, c.relname" + MINE + " AND c.relkind IN ('r', 'p') ORDER BY 1, 2"
_UNREADABLE = (
    "SELECT n.nspname || '.' || c.relname" + MINE + " AND c.relkind IN ('r', 'p', 'S')"
    " AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) ORDER BY 1"
)
_HIDDEN_ROWS = (
    "SELECT n.nspname || '.' || c.relname, pg_has_role(c.relowner, 'USAGE')"
    + MINE
    + " AND c.relkind IN ('r', 'p') AND row_security_active(c.oid) ORDER BY 1"
)
_PARTITIONS = """
WITH RECURSIVE tree(oid, root) AS (
    SELECT oid, oid FROM pg_class WHERE relkind = 'p' AND NOT relispartition
    UNION ALL SELECT i.inhrelid, t.root FROM pg_inherits i JOIN tree t ON i.inhparent = t.oid)
SELECT n.nspname, c.relname, m.nspname, r.relname FROM tree t
  JOIN pg_class c ON c.oid = t.oid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class r ON r.oid = t.root JOIN pg_namespace m ON m.oid = r.relnamespace
 WHERE t.oid <> t.root
"""
# 950, 951: the collations C and POSIX, which are the same everywhere
_MOVING = """
SELECT EXISTS (SELECT FROM pg_partitioned_table WHERE partstrat = 'h'
    OR partstrat = 'r' AND EXISTS (SELECT FROM unnest(partcollation::oid[]) c WHERE c NOT IN (0, 950, 951)))
"""
# The role's last: they win.
_SETTINGS = """
SELECT unnest(setconfig) FROM pg_db_role_setting
 WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = {})
   AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)) ORDER BY setrole
"""


class Session:
    """One connection, in autocommit mode unless BEGIN was sent.

    raw: text arrives as bytes, each as one character, as the database has no encoding. local: nothing may be set for
    longer than a transaction, as the next one may be served by another session of the server.
    """

    def __init__(self, connection, where, failure, secrets=(), raw=False, local=False):
        self._connection = connection
        self._where = where
        self._failure = failure
        self._secrets = secrets
        self._raw, self._local = raw, local

    def query(self, sql):
        try:
            with self._connection.cursor() as cursor:
                if not self._local:
                    return self._rows(cursor, sql)
                with _transaction(cursor):
                    return self._rows(cursor, sql)
        except (self._failure, UnicodeError) as exc:
            raise self._error(exc, sql) from exc

    def _rows(self, cursor, sql):
        cursor.execute(sql.encode("utf-8", "surrogateescape").decode("latin-1") if self._raw else sql)
        rows = cursor.fetchall() if cursor.description else []
        return [tuple(_from_bytes(value) for value in row) for row in rows] if self._raw else rows

    def _error(self, exc, sql):
        said = decode(str(exc).encode("latin-1", "replace")) if self._raw else str(exc)
        if isinstance(exc, UnicodeError):
            said = f"text that is not in the encoding of its database: {said}"
        next_step = "fix the cause, then run the same command again"
        if dump.LOCKS in said:
            next_step = f"raise {dump.LOCKS} in postgresql.conf and restart the server; then run the same command again"
        return MonqError(
            "a PostgreSQL statement failed",
            self._where,
            shown(sql.strip().splitlines()[0][:120]),
            one_line(said, self._secrets),
            next_step,
        )

    def value(self, sql):
        return self.query(sql)[0][0]

    @property
    def version(self):
        return int(self.value("SHOW server_version_num"))

    # ---- tables

    def rows(self):
        """{schema.table: exact number of rows}, as seen by this session's transaction."""
        return {_name(*table): self._count(table) for table in self.query(_TABLES)}

    def locked_rows(self):
        """rows() of a transaction: each table is locked until its end, as by pg_dump, but not the indexes that counting
        locks besides: the server holds the locks of all sessions in one table of limited size."""
        found, tables = {}, self.query(_TABLES)
        for start in range(0, len(tables), CHUNK):
            chunk = tables[start : start + CHUNK]
            self.query(f"LOCK TABLE {', '.join('ONLY ' + _quoted(table) for table in chunk)} IN ACCESS SHARE MODE")
            self.query("SAVEPOINT counting")
            found.update({_name(*table): self._count(table) for table in chunk})
            self.query("ROLLBACK TO SAVEPOINT counting")
        return found

    def _count(self, table):
        return self.value(f"SELECT count(*) FROM ONLY {_quoted(table)}")

    def partitions(self):
        """{partition: the partitioned table at the top}, both as schema.table."""
        if self.version < 100000:
            return {}
        return {_name(*row[:2]): _name(*row[2:]) for row in self.query(_PARTITIONS)}

    def moves_rows(self):
        """Returns whether a restored row may belong to another partition: a hash of an enum, for instance, differs in
        each database, and the order of texts with the library of the server's machine."""
        return self.version >= 110000 and self.value(_MOVING)

    def tables(self):
        return [_name(*table) for table in self.query(_TABLES)]

    def unreadable(self):
        return [shown(row[0]) for row in self.query(_UNREADABLE)]

    def hidden_rows(self):
        """[(table, whether this role owns it)] of the tables whose rows row security hides from this role."""
        return [(shown(name), own) for name, own in self.query(_HIDDEN_ROWS)]

    # ---- settings

    def settings(self, database=None):
        """{name: value} that this or another database sets for each session, or for this role's."""
        which = dump.literal(database) if database else "current_database()"
        return settings.of_database(row[0] for row in self.query(_SETTINGS.format(which)))

    def allowed(self, given):
        """Those of the settings that this role may set here. The others are a superuser's."""
        found = {}
        for name, value in given.items():
            self.query("BEGIN")
            with contextlib.suppress(MonqError):
                self.query(f"SELECT set_config({dump.literal(name)}, {dump.literal(value)}, true)")
                found[name] = value
            self.query("ROLLBACK")
        return found


@contextlib.contextmanager
def _transaction(cursor):
    """A read-only transaction that takes our settings with it when it ends."""
    cursor.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; {settings.local(settings.SESSION)}")
    try:
        yield
    finally:
        cursor.execute("ROLLBACK")


def _quoted(table):
    return ".".join(dump.identifier(part) for part in table)


def _name(schema, table):
    return shown(f"{schema}.{table}")


def _from_bytes(value):
    return value.encode("latin-1").decode("utf-8", "surrogateescape") if isinstance(value, str) else value


def shown(text):
    """The text with bytes that are no text, of a database without an encoding, as backslash and number."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def one_line(said, secrets):
    return " | ".join(redact(said, secrets).strip().splitlines())[:500]
