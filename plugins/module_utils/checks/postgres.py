# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time

from .. import prerequisites, process
from ..errors import CommandError, InputError, MissingLibrary, MonqError
from ..postgres import catalogue, dump, rebuild
from ..postgres.client import POOLER, Postgresql, free_bytes, nearest
from ..postgres.connection import TRANSACTION
from . import restore
from .examination import Examination
from .finding import finding, of_error

ELSEWHERE = "; if these programs are installed elsewhere, link them into a folder of PATH"
NAMES = "add {} to monq_database_names with the real name of its database"


class Inspection:
    """Finds everything that would make the backups fail, without writing anything."""

    def __init__(self, source, scratch, databases, directory, scratch_max_bytes, clock=time.time):
        self._source = source
        self._scratch = scratch
        self._databases = databases
        self._directory = directory
        self._limit = scratch_max_bytes
        self._clock = clock
        self._made = Examination([source.server.get("password"), scratch.server.get("password")])
        self.findings = self._made.findings
        self.sizes = {}  # database: bytes
        self.tables = {}  # database: number of tables
        self._server_version = None

    def run(self):
        make, seen = self._made.make, {}
        make("postgresql.reachable", lambda: seen.update(server=self._server()), subject=self._source.name)
        make("postgresql.pg_dump", self._programs, subject="pg_dump and pg_restore")
        make("postgresql.directory", self._folder, subject=self._directory)
        if seen.get("server"):
            make("postgresql.access", self._access, subject=self._source.name)
        if seen.get("server") and self._limit > 0:
            make("postgresql.scratch", self._scratch_server, subject=self._scratch.name)
        return self

    def _add(self, check, severity, obj, expected, seen, next_step=""):
        self.findings.append(finding(f"postgresql.{check}", severity, obj, expected, seen, next_step))

    def _failed(self, check, severity, exc, next_step=""):
        if isinstance(exc, MissingLibrary):
            self.findings.append(of_error(f"postgresql.{check}", exc))
            return
        self._add(
            check, severity, exc.obj, exc.expected or "no error", exc.seen or exc.what, next_step or exc.next_step
        )

    def _access(self):
        told = self._limit > 0 and rebuild.is_same(self._source.server, self._scratch.server)
        return restore.of_access(self._source, self._limit > 0, ask=not told)

    # ---- programs

    def _programs(self):
        found, theirs = {}, self._server_version
        wanted = dump.major_text(theirs) if theirs else ""
        install = prerequisites.postgresql_client(wanted) or f"install PostgreSQL's client programs {wanted}"
        for name, read in (("pg_dump", self._source.pg_dump_version), ("pg_restore", self._source.pg_restore_version)):
            try:
                found[name] = read()
            except CommandError as exc:
                if exc.not_started:
                    exc.seen = prerequisites.program(exc.obj)[0] or exc.seen
                self._failed(name, "stop", exc, install + ELSEWHERE)
        if len(found) == 2 and dump.major(found["pg_restore"]) < dump.major(found["pg_dump"]):
            self._add(
                "pg_restore",
                "stop",
                "pg_restore",
                f"version {dump.major_text(found['pg_dump'])} or newer, like pg_dump",
                f"version {dump.major_text(found['pg_restore'])}",
                install + ELSEWHERE,
            )
        if theirs and "pg_dump" in found and dump.major(found["pg_dump"]) < dump.major(theirs):
            self._add(
                "pg_dump",
                "stop",
                "pg_dump",
                f"version {wanted} or newer, like the server {self._source.name}",
                f"version {dump.major_text(found['pg_dump'])}",
                install + ELSEWHERE,
            )

    # ---- server and databases

    def _server(self):
        try:
            with self._source.maintenance([item["database"] for item in self._databases]) as session:
                self._server_version = int(session.value("SHOW server_version_num"))
                if session.value("SELECT pg_is_in_recovery()"):
                    self._add(
                        "primary",
                        "stop",
                        self._source.name,
                        "a primary server",
                        "a standby",
                        "set monq_postgresql_host to the primary",
                    )
                variables = "monq_postgresql_host and monq_postgresql_port"
                where = self._source.name
                self._made.make("postgresql.pooler", self._pooler, session, self._source, variables, subject=where)
                existing, locks = self._source.existing(session), self._source.locks(session)
                names = sorted({item["database"] for item in self._databases})
                limits = restore.of_connections
                self._made.make("postgresql.connections", limits, session, names, self._source, subject=where)
        except MonqError as exc:
            self._failed("reachable", "stop", exc)
            return False
        for item in self._databases:
            if item["database"] in existing:
                name = f"database {item['database']}"
                self._made.make(
                    "postgresql.database", self._database, item["database"], item["microservice"], subject=name
                )
            else:
                self._add(
                    "database",
                    "stop",
                    f"database {item['database']} of {item['microservice']} on {self._source.name}",
                    "exists",
                    "no such database",
                    NAMES.format(item["microservice"]),
                )
        self._made.make("postgresql.locks", self._locks, locks, subject=self._source.name)
        return True

    def _pooler(self, session, client, variables):
        mode = client.connector.pooling(session.value("SELECT current_database()"))
        if mode:
            self._add(
                "pooler",
                "stop" if mode == TRANSACTION else "warning",
                client.name,
                "PostgreSQL itself, without a connection pooler in between",
                POOLER[mode],
                f"set {variables} to the PostgreSQL server itself",
            )

    def _locks(self, locks):
        """pg_dump holds a lock on each table of a database until it has finished."""
        name = max(self.tables, key=self.tables.get, default=None)
        if name and self.tables[name] > locks // 2:
            self._add(
                "locks",
                "warning",
                f"database {name} on {self._source.name}",
                f"room for the locks of pg_dump, one for each table, and for the live platform: {locks} in all",
                f"{self.tables[name]} tables; without room, pg_dump and the services fail with: out of shared memory",
                f"raise {dump.LOCKS} in postgresql.conf and restart the server before the upgrade",
            )

    def _database(self, name, microservice):
        obj, role = f"database {name} on {self._source.name}", self._source.server["user"]
        try:
            with self._source.session(name) as session:
                self.sizes[name] = session.value("SELECT pg_database_size(current_database())")
                tables, unreadable, hidden = session.tables(), session.unreadable(), session.hidden_rows()
                self.tables[name] = len(tables)
                unreadable += catalogue.unreadable(session)
                self._made.make("postgresql.restore", restore.of_database, session, name, obj, self._limit, subject=obj)
        except MonqError as exc:
            self._failed("database", "stop", exc)
            return
        if not tables:
            self._add(
                "empty",
                "stop",
                obj,
                f"the tables of {microservice}",
                "no tables, so this is not the database that it uses",
                NAMES.format(microservice),
            )
        if unreadable:
            self._add(
                "select",
                "stop",
                obj,
                f"role {role} may SELECT every table and sequence",
                f"it may not read {dump.some(unreadable)}",
                f"GRANT USAGE on the schemas and SELECT on these to {role}, or set monq_postgresql_user to the owner",
            )
        forced, others = [table for table, own in hidden if own], [table for table, own in hidden if not own]
        if others:
            self._add(
                "row_security",
                "stop",
                obj,
                f"role {role} sees every row",
                f"row security hides rows of {dump.some(others)}",
                f"ALTER ROLE {role} BYPASSRLS, or set monq_postgresql_user to the owner",
            )
        if forced:
            self._add(
                "row_security_forced",
                "stop",
                obj,
                f"role {role} sees every row",
                f"{role} owns {dump.some(forced)}, but FORCE ROW LEVEL SECURITY hides rows from the owner too",
                f"as a superuser: ALTER ROLE {role} BYPASSRLS; or, as the owner: ALTER TABLE … NO FORCE ROW LEVEL "
                "SECURITY for each of these until the upgrade is finished",
            )
        if 0 < self._limit < self.sizes[name]:
            self._add(
                "scratch_size",
                "warning",
                obj,
                f"at most {self._limit} bytes for a scratch restore",
                f"{self.sizes[name]} bytes: the dump is read through, but restored without its rows",
                "raise monq_backup_scratch_max_bytes to have its rows restored and compared",
            )

    # ---- the folder

    def _folder(self):
        near = nearest(self._directory)
        command = prerequisites.folder(self._directory)
        next_step = f"{command}; or set monq_backup_dir to a folder that the user of this connection may write to"
        if not os.path.isdir(near):
            self._add(
                "directory",
                "stop",
                self._directory,
                "a folder that exists or can be created",
                f"{near} is not a folder",
                next_step,
            )
            return
        if not os.access(near, os.W_OK | os.X_OK):
            self._add("directory", "stop", self._directory, "a writable folder", f"{near} is not writable", next_step)
        need, free = sum(self.sizes.values()), free_bytes(near)
        if free < need:
            self._add(
                "space",
                "stop",
                self._directory,
                f"{need} bytes free, the size of the databases",
                f"{free} bytes free",
                "free space, or set monq_backup_dir to a folder on a larger disk",
            )
        elif self.sizes:
            self._add(
                "space",
                "info",
                self._directory,
                f"{need} bytes free, the size of {len(self.sizes)} databases",
                f"{free} bytes free",
            )

    # ---- the scratch server

    def _scratch_server(self):
        where = f"role {self._scratch.server['user']} on {self._scratch.name}"
        try:
            with self._scratch.maintenance([item["database"] for item in self._databases]) as session:
                may_create = self._scratch.may_create(session)
                left = self._scratch.scratch_databases(session)
                if self._scratch.name != self._source.name:
                    self._pooler(session, self._scratch, "monq_scratch_postgresql_host and _port")
        except MonqError as exc:
            self._failed(
                "scratch",
                "stop",
                exc,
                "check monq_scratch_postgresql_*, or leave them out: then the databases' own server is used",
            )
            return
        if not rebuild.is_same(self._source.server, self._scratch.server):
            self.findings += restore.of_access(self._scratch)
        if not may_create:
            self._add(
                "scratch",
                "warning",
                where,
                "may create databases",
                "may not: the dumps are read through, but not restored and compared, nor could this role roll back",
                f"ALTER ROLE {dump.identifier(self._scratch.server['user'])} CREATEDB, or set "
                f"monq_scratch_postgresql_host to another server; and run a rollback with a monq_postgresql_user that "
                f"may create databases",
            )
        if left:
            gone = [
                name
                for name, comment in left
                if dump.is_abandoned(name, comment, self._clock(), process.here(), process.start_time)
            ]
            self._add(
                "leftovers",
                "info",
                self._scratch.name,
                "no scratch databases",
                dump.some(name for name, _comment in left),
                (
                    f"the next backup drops {len(gone)} of them"
                    if gone
                    else "a run may be using them; the next backup drops those of this installation. Check the others, "
                    "then DROP DATABASE"
                ),
            )


def inspect(params):
    """The findings for a module's parameters, and the sizes of the databases."""
    wrong, databases = [], []
    for item in params["databases"]:
        try:
            dump.check_database(item["database"])
            databases.append(item)
        except InputError as exc:
            wrong.append(of_error("postgresql.database", exc))
    programs = {"pg_dump": params["pg_dump"], "pg_restore": params["pg_restore"], "timeout": params["timeout"]}
    source = Postgresql(params["postgresql"], **programs)
    scratch = Postgresql(dump.scratch_server(params["postgresql"], params["scratch_postgresql"]), **programs)
    found = Inspection(source, scratch, databases, params["directory"], params["scratch_max_bytes"]).run()
    return {"findings": wrong + found.findings, "sizes": found.sizes}
