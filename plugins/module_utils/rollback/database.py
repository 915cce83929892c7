# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import os
import time
import uuid

from .. import process
from ..errors import MonqError
from ..postgres import dump
from ..postgres.backup import sha256
from ..postgres.client import Postgresql
from . import sql

AGAIN = "then run the same command again"


def proved(result, database, read=True):
    """Raises MonqError unless the dump is of this database and unchanged since it was recorded. read: verifies its
    sha256 too."""
    if not result:
        raise MonqError(
            "the ledger has no dump of this database",
            f"database {database}",
            "a dump from before the first SQL",
            "none",
            "restore it by hand from a dump of your own",
        )
    path = result["path"]
    if result.get("database") != database:
        raise MonqError(
            "the dump is of a different database",
            path,
            database,
            result.get("database") or "unknown",
            f"correct monq_database_names, {AGAIN}",
        )
    try:
        size = os.path.getsize(path)
        if size != result["bytes"]:
            raise _altered(path, f"{result['bytes']} bytes", f"{size} bytes")
        seen = sha256(path) if read else result["sha256"]
    except OSError as exc:
        raise _altered(path, f"a file of {result['bytes']} bytes", exc.strerror or str(exc)) from exc
    if seen != result["sha256"]:
        raise _altered(path, f"sha256 {result['sha256']}", f"sha256 {seen}")
    return result


def _altered(path, expected, seen):
    return MonqError(
        "the dump is missing or altered",
        path,
        expected,
        seen,
        f"restore the file from a copy of monq_backup_dir, {AGAIN}",
    )


class DatabaseRestore:
    """Builds a database from a dump beside the current one, and swaps their names only once it is verified."""

    def __init__(
        self,
        server,
        pg_restore="pg_restore",
        timeout=14400,
        terminate=False,
        fence=None,
        clock=time.time,
        sleep=time.sleep,
        runner=process.run,
        progress=None,
    ):
        self._server = Postgresql(server, pg_restore=pg_restore, timeout=timeout, runner=runner, progress=progress)
        self._settings, self._pg_restore, self._timeout = server, pg_restore, timeout
        self._terminate, self._clock, self._sleep, self._runner = terminate, clock, sleep, runner
        self._fence = fence or (lambda: None)  # raises if the lock is lost

    def problems(self, database):
        """[(expected, seen)] for everything that would prevent a restore of this database."""
        found = []
        with self._server.maintenance() as session:
            if not self._server.may_create(session):
                found.append((f"role {self._settings['user']} may create databases", "it may not"))
            facts = self._facts(session, database)
            if not session.value(f"SELECT pg_has_role({dump.literal(facts['owner'])}, 'USAGE')"):
                found.append(
                    (f"role {self._settings['user']} is a member of the owner's role", f"owner {facts['owner']}")
                )
        return found

    def run(self, database, result, generation):
        """Replaces the current database by that of the dump; returns the result for the ledger."""
        proved(result, database)
        with self._server.maintenance() as session:
            facts = self._facts(session, database)
            kept, left = sql.kept_by(self._databases(session), database, generation, facts["oid"], result["sha256"]), []
            if not kept:
                self._free(session, database, self._terminate)
                self._drop_abandoned(session)
                kept, left = self._replace(session, database, facts, result, generation)
        known = {name: result[name] for name in ("path", "sha256", "rows", "tables")}
        return {"database": database, "kept": kept, "settings_left": left, **known}

    def _facts(self, session, database):
        rows = session.query(sql.present(database, int(session.value("SHOW server_version_num"))))
        if not rows:
            raise MonqError(
                "the database to restore does not exist",
                f"database {database} on {self._server.name}",
                "present: owner, encoding and privileges are copied from it",
                "none",
                f"create it empty with its owner, {AGAIN}",
            )
        return dict(zip(sql.PRESENT, rows[0]))

    @staticmethod
    def _databases(session):
        return session.query("SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database")

    def _free(self, session, database, terminate):
        """Requires that the database has no live connections; with terminate, ends them first."""
        if terminate:
            self._fence()
            session.query(sql.terminate(database))
            for _try in range(20):
                if not session.query(sql.connections(database)):
                    return
                self._sleep(0.25)
        found = session.query(sql.connections(database))
        if found:
            raise MonqError(
                "the database has live connections",
                f"database {database} on {self._server.name}",
                "none",
                "; ".join(
                    f"pid {pid}: {application or 'no name'}, user {user}, from {client}"
                    for pid, application, user, client in found[:10]
                ),
                f"end them, {AGAIN}; or add -e monq_rollback_terminate_connections=true",
            )

    def _drop_abandoned(self, session):
        for name, comment in self._server.scratch_databases(session):
            if dump.is_abandoned(name, comment, self._clock(), process.here(), process.start_time):
                with contextlib.suppress(MonqError):
                    self._server.drop_scratch(session, name)

    def _replace(self, session, database, facts, result, generation):
        new, pid = dump.SCRATCH + uuid.uuid4().hex[:12], os.getpid()
        owner = {
            "host": process.here(),
            "pid": pid,
            "pid_start": process.start_time(pid),
            "created": int(self._clock()),
        }
        try:
            session.query(sql.create(new, facts))
            session.query(dump.comment_scratch(new, owner))
            self._fill(new, result)
            self._compare(new, result)
            self._grant(session, new, facts)
            left = self._set(session, new, facts)
            return self._swap(session, database, new, facts, result, generation), left
        except BaseException:
            with contextlib.suppress(MonqError):
                session.query("ROLLBACK")
            with contextlib.suppress(MonqError):  # the first failure is the one to report
                self._server.drop_scratch(session, new)
            raise

    def _fill(self, new, result):
        watch = self._server.progress and self._server.progress.reading("restore from the dump", result["path"])
        argv = sql.restore(self._pg_restore, self._settings, new, result["path"])
        dump.judge(
            self._server.run(argv, watch),
            "the dump could not be restored; the current database is untouched",
            f"{result['path']} on {self._server.name}",
            f"fix the cause, {AGAIN}",
            full=f"free space on {self._server.name}, {AGAIN}",
        )

    def _compare(self, new, result):
        """Compares the rows of each table with the manifest; if that is gone, the totals with the ledger."""
        self._server.say("counting the restored rows")
        with self._server.session(new) as session:
            seen = session.rows()
        expected = _manifest_rows(result)
        if expected is not None:
            found = dump.differences(expected, seen)
        else:
            sums = {"tables": len(seen), "rows": sum(seen.values())}
            found = [
                f"{name}: {result[name]} dumped, {sums[name]} restored"
                for name in ("tables", "rows")
                if sums[name] != result[name]
            ]
        if found:
            raise MonqError(
                "the restored database does not match the dump; the current one is untouched",
                f"{result['path']} on {self._server.name}",
                "the same tables and rows",
                dump.some(found),
                f"check the dump and pg_restore's version, {AGAIN}",
            )

    @staticmethod
    def _grant(session, new, facts):
        """Copies the database's privileges, which its dump does not contain."""
        if not facts["default_privileges"]:
            for statement in sql.grants(new, facts["owner"], session.query(sql.privileges(facts["oid"]))):
                session.query(statement)

    @staticmethod
    def _set(session, new, facts):
        """Copies the database's settings; returns the names of those that only a superuser may set. They are reported,
        not fatal: the restore must not stay blocked for one."""
        left = []
        for role, text in session.query(sql.settings(facts["oid"])):
            try:
                for statement in sql.setting(new, role, text):
                    session.query(statement)
            except MonqError:
                session.query("ROLLBACK")
                left.append(text.partition("=")[0] + (f" of role {role}" if role else ""))  # the value may be a secret
        return left

    def _swap(self, session, database, new, facts, result, generation):
        self._free(session, database, self._terminate)  # somebody may have connected during the restore
        kept = sql.kept_name(database, generation, {name for name, _comment in self._databases(session)})
        oid = session.value(f"SELECT oid FROM pg_database WHERE datname = {dump.literal(new)}")
        note = sql.kept_note(database, generation, oid, result["sha256"])
        self._fence()
        for statement in sql.swap(database, kept, new, facts["comment"], note):
            session.query(statement)
        return kept


def _manifest_rows(result):
    """This dump's {table: rows} from the manifest beside it, or None."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        with open(os.path.join(os.path.dirname(result["path"]), dump.MANIFEST), encoding="utf-8") as file:
            entries = json.load(file)["dumps"]
        return next(
            (
                entry["rows"]
                for entry in entries
                if entry["sha256"] == result["sha256"] and isinstance(entry["rows"], dict)
            ),
            None,
        )
    return None
