# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import os

from .. import process
from ..errors import CommandError, MonqError
from ..redaction.text import known, redact
from . import dump

SERVER = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 5432},
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "no_log": True},
    "sslmode": {
        "type": "str",
        "default": "prefer",
        "choices": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    },
}

ARGUMENTS = {
    "postgresql": {"type": "dict", "required": True, "options": SERVER},
    "scratch_postgresql": {
        "type": "dict",
        "options": {
            "host": {"type": "str"},
            "port": {"type": "int"},
            "user": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "sslmode": {"type": "str", "choices": SERVER["sslmode"]["choices"]},
        },
    },
    "databases": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {"microservice": {"type": "str", "required": True}, "database": {"type": "str", "required": True}},
    },
    "directory": {"type": "path", "required": True},
    "scratch_max_bytes": {"type": "int", "default": 5368709120},
    "pg_dump": {"type": "str", "default": "pg_dump"},
    "pg_restore": {"type": "str", "default": "pg_restore"},
    "timeout": {"type": "int", "default": 14400},
}

# What pg_dump writes row by row. Members of an extension are restored with the extension.
_MINE = """
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (
       SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
_TABLES = "SELECT n.nspname, c.relname" + _MINE + " AND c.relkind IN ('r', 'p') ORDER BY 1, 2"
_UNREADABLE = (
    "SELECT n.nspname || '.' || c.relname" + _MINE + " AND c.relkind IN ('r', 'p', 'S')"
    " AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) ORDER BY 1"
)
_HIDDEN_ROWS = (
    "SELECT n.nspname || '.' || c.relname"
    + _MINE
    + " AND c.relkind IN ('r', 'p') AND row_security_active(c.oid) ORDER BY 1"
)


class Session:
    """One connection, in autocommit mode unless BEGIN was sent."""

    def __init__(self, connection, where, failure, secrets=()):
        self._connection = connection
        self._where = where
        self._failure = failure
        self._secrets = secrets

    def query(self, sql):
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        except self._failure as exc:
            raise MonqError(
                "a PostgreSQL statement failed",
                self._where,
                sql.strip().splitlines()[0][:120],
                _one_line(exc, self._secrets),
                "fix the cause, then run the same command again",
            ) from exc

    def value(self, sql):
        return self.query(sql)[0][0]

    def rows(self):
        """{schema.table: exact number of rows}, as seen by this session's transaction."""
        return {
            f"{schema}.{table}": self.value(
                f"SELECT count(*) FROM ONLY {dump.identifier(schema)}.{dump.identifier(table)}"
            )
            for schema, table in self.query(_TABLES)
        }


class Postgresql:
    """A server, a role and the two programs. The program runner is injected."""

    def __init__(
        self, server, pg_dump="pg_dump", pg_restore="pg_restore", timeout=14400, runner=process.run, progress=None
    ):
        self.server = server
        self.name = f"{server['host']}:{server['port']}"
        self._pg_dump = pg_dump
        self._pg_restore = pg_restore
        self._timeout = timeout
        self._runner = runner
        self.progress = progress
        self._secrets = known([server.get("password")])

    # ---- programs

    def say(self, text):
        """Says what is being done; how far it is is not known."""
        if self.progress:
            self.progress.say(text)

    def run(self, argv, watch=None):
        """Calls a program once; stderr is redacted."""
        watched = {"watch": watch} if watch else {}
        result = self._runner(argv, env=dump.environment(self.server), timeout=self._timeout, **watched)
        return result._replace(stderr=redact(result.stderr, self._secrets))

    def _version(self, program):
        result = self.run([program, "--version"])
        dump.judge(
            result,
            "a PostgreSQL program cannot be used",
            program,
            "install the postgresql-client of the server's version",
        )
        version = dump.program_version(result.stdout)
        if version is None:
            raise CommandError(
                "a PostgreSQL program did not print its version",
                program,
                "… (PostgreSQL) 15.8",
                result.stdout.strip()[:200],
                "correct its path",
            )
        return version

    def pg_dump_version(self):
        return self._version(self._pg_dump)

    def pg_restore_version(self):
        return self._version(self._pg_restore)

    def dump(self, database, snapshot, path, size=None):
        watch = self.progress and self.progress.growing(f"dump of {database}", path, size)
        result = self.run(dump.pg_dump(self._pg_dump, self.server, database, snapshot, path), watch)
        dump.judge(
            result,
            "pg_dump failed",
            f"database {database} on {self.name}, into {path}",
            "fix the cause, then run the same command again",
        )

    def read_whole(self, database, path):
        watch = self.progress and self.progress.reading(f"check of the dump of {database}", path)
        result = self.run(dump.full_read(self._pg_restore, path), watch)
        dump.judge(
            result,
            "the dump cannot be read to the end",
            f"{path} of database {database}",
            "check the disk that it is on, then run the same command again",
        )

    def restore(self, database, path):
        watch = self.progress and self.progress.reading("restore into a scratch database", path)
        result = self.run(dump.restore(self._pg_restore, self.server, database, path), watch)
        dump.judge(
            result,
            "the dump could not be restored into a scratch database",
            f"{path} on {self.name}",
            "fix the cause, or set monq_backup_scratch_max_bytes to 0 (no scratch restore); then run the same command "
            "again",
            full=f"free space on {self.name}, or set monq_backup_scratch_max_bytes lower; then run the same command "
            f"again",
        )

    # ---- queries

    @contextlib.contextmanager
    def session(self, database):
        try:
            import psycopg2
        except ImportError as exc:
            raise MonqError(
                "the Python library psycopg2 is missing",
                "the Python that runs modules",
                "psycopg2",
                str(exc),
                "pip install psycopg2-binary",
            ) from exc
        where = f"database {database} on {self.name}"
        try:
            connection = psycopg2.connect(
                host=self.server["host"],
                port=self.server["port"],
                user=self.server["user"],
                password=self.server.get("password") or None,
                sslmode=self.server["sslmode"],
                dbname=database,
                connect_timeout=10,
                application_name="monq.platform",
                keepalives_idle=30,
            )
        except psycopg2.Error as exc:
            raise MonqError(
                "cannot connect to PostgreSQL",
                f"{where}, role {self.server['user']}",
                "a connection",
                _one_line(exc, self._secrets),
                "check monq_postgresql_host, _port, _user, _password, _sslmode and pg_hba.conf; then run the same "
                "command again",
            ) from exc
        try:
            connection.autocommit = True
            session = Session(connection, where, psycopg2.Error, self._secrets)
            # The server's idle timeouts must not end the session that holds the snapshot.
            session.query(
                "SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0; SET lock_timeout = '60s'; "
                "SET row_security = off"
            )
            if connection.server_version >= 140000:
                session.query("SET idle_session_timeout = 0")
            yield session
        finally:
            with contextlib.suppress(psycopg2.Error):
                connection.close()

    @contextlib.contextmanager
    def maintenance(self, others=()):
        """A session in any accessible database: not every role may connect to "postgres"."""
        first = None
        with contextlib.ExitStack() as stack:
            for database in ("postgres", *others, "template1"):
                try:
                    session = stack.enter_context(self.session(database))
                    break
                except MonqError as exc:
                    first = first or exc
            else:
                raise first
            yield session

    @contextlib.contextmanager
    def snapshot(self, database):
        """Yields (session, id): the session and a pg_dump with that ID see the same data."""
        with self.session(database) as session:
            session.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield session, session.value("SELECT pg_export_snapshot()")

    def may_create(self, session):
        return session.value("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")

    # ---- scratch databases

    def create_scratch(self, session, name, encoding, collate, ctype, owner):
        try:
            session.query(dump.create_scratch(name, encoding, collate, ctype))
        except MonqError:  # another server may lack the locale; C exists everywhere, and any other cause fails again
            session.query(dump.create_scratch(name, encoding, "C", "C"))
        session.query(dump.comment_scratch(name, owner))

    def drop_scratch(self, session, name):
        for statement in dump.drop_scratch(name):
            session.query(statement)

    def scratch_databases(self, session):
        """[(name, comment)] of this role's databases with the scratch prefix."""
        return session.query(
            "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database"
            f" WHERE left(datname, {len(dump.SCRATCH)}) = {dump.literal(dump.SCRATCH)}"
            " AND pg_has_role(datdba, 'USAGE') ORDER BY 1"
        )

    # ---- what preflight asks

    def existing(self, session):
        return {row[0] for row in session.query("SELECT datname FROM pg_database WHERE datallowconn")}

    def tables(self, session):
        return [f"{schema}.{table}" for schema, table in session.query(_TABLES)]

    def unreadable(self, session):
        return [row[0] for row in session.query(_UNREADABLE)]

    def hidden_rows(self, session):
        return [row[0] for row in session.query(_HIDDEN_ROWS)]


def free_bytes(path):
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def nearest(path):
    """The path, or the nearest folder above it that exists."""
    path = os.path.abspath(path)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _one_line(exc, secrets):
    return " | ".join(redact(str(exc), secrets).strip().splitlines())[:500]
