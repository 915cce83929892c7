# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import os

from .. import process
from ..errors import CommandError, MonqError
from ..redaction.text import known, redact
from . import dump, needs, occupants, rebuild
from .connection import SESSION, TRANSACTION, Connector, failures
from .session import Session

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

_LOCKS = (
    "SELECT current_setting('max_locks_per_transaction')::int * (1 + "
    + " + ".join(
        f"current_setting('{name}')::int"
        for name in (
            "max_connections",
            "autovacuum_max_workers",
            "max_worker_processes",
            "max_wal_senders",
            "max_prepared_transactions",
        )
    )
    + ")"
)
POOLER = {
    TRANSACTION: "a pooler in transaction mode: what pg_dump sets for its sessions would reach the application's",
    SESSION: "a pooler in session mode: settings of the databases do not reach pg_restore, and scratch databases only "
    "where the pooler knows every database",
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
        self.connector = Connector(server, self._secrets)

    # ---- programs

    def say(self, text):
        """Says what is being done; how far it is is not known."""
        if self.progress:
            self.progress.say(text)

    def run(self, argv, given=(), encoding="UTF8", watch=None):
        """Calls a program once; stderr is redacted. given: settings of its sessions, besides ours; encoding: the
        sessions', and so a dump's; watch: as for process.run."""
        env = {
            **dump.environment(self.server),
            "PGOPTIONS": self.connector.options(given),
            "PGCLIENTENCODING": encoding,
        }
        watched = {"watch": watch} if watch else {}
        result = self._runner(argv, env=env, timeout=self._timeout, **watched)
        return result._replace(stderr=redact(dump.without_progress(result.stderr), self._secrets))

    def reading(self, text, path):
        """Watches a program that reads a file, or None where nobody listens."""
        return self.progress.reading(text, path) if self.progress else None

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

    def dump(self, database, snapshot, path, encoding="UTF8", via_root=False, size=None):
        watch = self.progress and self.progress.growing(f"dump of {database}", path, size)
        argv = dump.pg_dump(self._pg_dump, self.server, database, snapshot, path, via_root)
        result = self.run(argv, encoding=encoding, watch=watch)
        dump.judge(
            result,
            "pg_dump failed",
            f"database {database} on {self.name}, into {path}",
            "fix the cause, then run the same command again",
        )

    def read_whole(self, database, path):
        watch = self.reading(f"check of the dump of {database}", path)
        result = self.run(dump.full_read(self._pg_restore, path), watch=watch)
        dump.judge(
            result,
            "the dump cannot be read to the end",
            f"{path} of database {database}",
            "check the disk that it is on, then run the same command again",
        )

    def restore(self, database, path, given=()):
        """Restores into a scratch database. given: settings of the dumped database, {name: value}."""
        watch = self.reading("restore into a scratch database", path)
        result = self.run(dump.restore(self._pg_restore, self.server, database, path), given, watch=watch)
        dump.judge(
            result,
            "the dump could not be restored into a scratch database",
            f"{path} on {self.name}",
            "fix the cause, then run the same command again. Setting monq_backup_scratch_max_bytes to 0 would only "
            "postpone the failure to a rollback, with the platform down",
            full=f"free space on {self.name}, or set monq_backup_scratch_max_bytes lower; then run the same command "
            f"again",
        )

    def restore_as_rollback(self, database, path, remedies, schema_only, given=()):
        """Restores with owners and privileges, as the rollback does. remedies: of what is known to be needed; given:
        see restore()."""
        more = rebuild.SCHEMA if schema_only else rebuild.PROOF
        watch = self.reading("restore as a rollback would, into a scratch database", path)
        argv = rebuild.restore(self._pg_restore, self.server, database, path, *more)
        result = self.run(argv, given, watch=watch)
        dump.judge(
            result,
            "the dump could not be restored as a rollback would restore it",
            f"{path} on {self.name}, into a scratch database",
            needs.then(remedies),
            full=f"free space on {self.name}, or set monq_backup_scratch_max_bytes lower; then run the same command "
            f"again",
        )

    # ---- queries

    @contextlib.contextmanager
    def session(self, database):
        opened = self.connector.open(database)
        try:
            yield Session(
                opened.connection,
                f"database {database} on {self.name}",
                failures(),
                self._secrets,
                opened.raw,
                opened.local,
            )
        finally:
            self.connector.close(opened)

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
            self.require_own_sessions(session)
            session.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield session, session.value("SELECT pg_export_snapshot()")

    def require_own_sessions(self, session):
        """Raises MonqError behind a pooler in transaction mode: what pg_dump and pg_restore set for their sessions,
        such as an empty search_path, would stay in the application's."""
        database = session.value("SELECT current_database()")
        if self.connector.pooling(database) == TRANSACTION:
            raise MonqError(
                "a connection pooler lies between this host and PostgreSQL",
                f"database {database} on {self.name}",
                "PostgreSQL itself",
                POOLER[TRANSACTION],
                "set monq_postgresql_host and _port (or monq_scratch_postgresql_host and _port) to the PostgreSQL "
                "server itself, then run the same command again",
            )

    def may_create(self, session):
        return session.value("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")

    def refuses(self, database):
        """The error that keeps this role out of a database of that name, which need not exist; else None."""
        try:
            with self.session(database):
                return None
        except MonqError as exc:
            # Only a server that let the role in says that the database does not exist. In every language it names it.
            kept_out = "pg_hba.conf" in exc.seen or "no such database" in exc.seen or database not in exc.seen
            return exc if kept_out else None

    # ---- scratch databases

    def create_scratch(self, session, name, encoding, collate, ctype, owner):
        try:
            session.query(dump.create_scratch(name, encoding, collate, ctype))
        except MonqError:  # another server may lack the locale; C exists everywhere, and any other cause fails again
            session.query(dump.create_scratch(name, encoding, "C", "C"))
        session.query(dump.comment_scratch(name, owner))
        self._close(session, name)

    def create_as_rollback(self, session, name, facts, owner, remedies):
        """Creates it with the owner, tablespace and locale of the database, as the rollback does."""
        try:
            session.query(rebuild.create(name, facts))
        except MonqError as exc:
            raise MonqError(
                "a rollback could not create this database anew",
                f"database {facts['database']} on {self.name}",
                exc.expected,
                exc.seen,
                needs.then(remedies),
            ) from exc
        session.query(dump.comment_scratch(name, owner))
        self._close(session, name)

    @staticmethod
    def _close(session, name):
        """Keeps others out: monitoring that connects to every database would hold this one, and has no business in a
        copy of the data."""
        with contextlib.suppress(MonqError):
            session.query(f"GRANT CONNECT ON DATABASE {dump.identifier(name)} TO SESSION_USER")
            session.query(f"REVOKE CONNECT ON DATABASE {dump.identifier(name)} FROM PUBLIC")

    def drop_scratch(self, session, name, tries=occupants.TRIES):
        """Raises MonqError, which names the database, who is in it and the command that drops it."""
        occupants.drop(session, name, self.name, tries)

    def scratch_databases(self, session):
        """[(name, comment)] of this role's databases with the scratch prefix."""
        return session.query(
            "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database"
            f" WHERE left(datname, {len(dump.SCRATCH)}) = {dump.literal(dump.SCRATCH)}"
            " AND pg_has_role(datdba, 'USAGE') ORDER BY 1"
        )

    # ---- what preflight asks

    def existing(self, session):
        # Another database's name may be in another encoding; one of ours is as check_database() wants it.
        query = "SELECT datname FROM pg_database WHERE datallowconn AND datname ~ '^[A-Za-z0-9_.$-]+$'"
        return {row[0] for row in session.query(query)}

    def locks(self, session):
        """How many locks on tables and the like the server can hold, those of all sessions together."""
        return session.value(_LOCKS)


def free_bytes(path):
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def nearest(path):
    """The path, or the nearest folder above it that exists."""
    path = os.path.abspath(path)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path
