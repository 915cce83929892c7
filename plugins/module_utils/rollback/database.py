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
from ..checks.restore import of_access, of_connections
from ..errors import MonqError
from ..postgres import catalogue, dump, needs, occupants, rebuild
from ..postgres.backup import sha256
from ..postgres.client import Postgresql
from . import sql

END_PREPARED = "in this database, as its user or a superuser: COMMIT PREPARED or ROLLBACK PREPARED, with its name"
PREPARED_FOR = 1  # minutes after which a prepared transaction does not end by itself
NOT_PREPARED = "no transaction that is prepared and not yet ended"
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

    def problems(self, database, result=None):
        """[{severity, expected, seen, next}] for everything that a restore of this database will lack or lose. result:
        the dump's, as in the ledger."""
        entry, role = _manifest_entry(result) or {}, self._settings["user"]
        with self._server.maintenance() as session:
            self._server.require_own_sessions(session)
            facts = self._facts(session, database)
            # The database's own limit binds nobody once the Deployments are stopped.
            full = of_connections(session, (), self._server)
            found = self._needs(session, facts, entry, database) if entry.get("contents") else []
            held = session.query(occupants.prepared(database, PREPARED_FOR))
            if held:
                full.append(needs.need("stop", NOT_PREPARED, occupants.prepared_in_words(held), END_PREPARED))
        try:
            with self._server.session(database) as session:
                if not entry.get("contents"):  # a dump of an earlier version of this collection
                    found = self._needs(session, facts, {"contents": catalogue.contents(session)}, database)
                # The database is dumped as it is now before it is replaced.
                unreadable = session.unreadable() + catalogue.unreadable(session)
                unreadable += [table for table, _own in session.hidden_rows()]
        except MonqError as exc:  # its connections may be used up until the Deployments are stopped
            found.append(needs.need("warning", exc.expected, f"{exc.what}: {exc.seen}", exc.next_step))
            unreadable = []
        if unreadable:
            found.append(
                needs.need(
                    "stop",
                    f"role {role} may read everything, to dump it before it is replaced",
                    f"it may not read {dump.some(unreadable)}",
                    f"GRANT SELECT on these to {role}, or {needs.SUPERUSER}",
                )
            )
        return found + full + of_access(self._server)

    def _needs(self, session, facts, entry, database):
        """What the dump's restore needs, as read when it was taken, judged by the role's rights now."""
        held = {**entry["contents"], "database_owner": facts["owner"]}
        may = catalogue.rights(session, held)
        by = {name: may[name] for name in ("user", "superuser")}
        proved = bool((entry.get("scratch") or {}).get("as_rollback"))
        proved = proved and entry["server"] == self._server.name and held.get("by") == by
        return needs.judge(held, may, database, proved)

    def _lost(self, session, facts, result, database):
        """What this restore loses, for the summary. It does not keep the database from being restored."""
        entry = _manifest_entry(result) or {}
        with contextlib.suppress(MonqError, KeyError):
            found = self._needs(session, facts, entry, database)
            return [f"{one['seen']}; {one['next']}" for one in found if one["severity"] == "warning"]
        return []

    def run(self, database, result, generation):
        """Replaces the current database by that of the dump; returns the result for the ledger."""
        proved(result, database)
        with self._server.maintenance() as session:
            self._server.require_own_sessions(session)
            facts = self._facts(session, database)
            kept, left = sql.kept_by(self._databases(session), database, generation, facts["oid"], result["sha256"]), []
            lost = self._lost(session, facts, result, database)
            if not kept:
                self._free(session, database, self._terminate)
                self._drop_abandoned(session)
                kept, left = self._replace(session, database, facts, result, generation)
        known = {name: result[name] for name in ("path", "sha256", "rows", "tables")}
        return {"database": database, "kept": kept, "settings_left": left, "lost": lost, **known}

    def _facts(self, session, database):
        rows = session.query(rebuild.present(database, int(session.value("SHOW server_version_num"))))
        if not rows:
            raise MonqError(
                "the database to restore does not exist",
                f"database {database} on {self._server.name}",
                "present: owner, encoding and privileges are copied from it",
                "none",
                f"create it empty with its owner, {AGAIN}",
            )
        return dict(zip(rebuild.PRESENT, rows[0]))

    @staticmethod
    def _databases(session):
        return session.query("SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database")

    def _free(self, session, database, terminate):
        """Requires that nobody holds the database; with terminate, ends the clients' sessions first."""
        self._require_nothing_prepared(session, database)
        if terminate:
            self._fence()
            for _try in range(20):
                occupants.end(session, database)
                if not occupants.present(session, database):
                    return
                self._sleep(0.25)
        found = occupants.present(session, database)
        if not found:
            return
        next_step = f"end them, {AGAIN}; or add -e monq_rollback_terminate_connections=true"
        if terminate:
            pids = ", ".join(str(client.pid) for client in found[:10])
            next_step = (
                f"stop these clients, or have a superuser end them: SELECT pg_terminate_backend(pid) FROM "
                f"pg_stat_activity WHERE pid IN ({pids}); {AGAIN}"
            )
        raise MonqError(
            "the database has live connections",
            f"database {database} on {self._server.name}",
            "none",
            occupants.in_words(found),
            next_step,
        )

    def _require_nothing_prepared(self, session, database):
        held = session.query(occupants.prepared(database))
        if held:
            raise MonqError(
                "a prepared transaction holds the database",
                f"database {database} on {self._server.name}",
                NOT_PREPARED,
                occupants.prepared_in_words(held),
                f"{END_PREPARED}; {AGAIN}",
            )

    def _drop_abandoned(self, session):
        for name, comment in self._server.scratch_databases(session):
            if dump.is_abandoned(name, comment, self._clock(), process.here(), process.start_time):
                with contextlib.suppress(MonqError):
                    self._server.drop_scratch(session, name, tries=1)

    def _replace(self, session, database, facts, result, generation):
        new, pid = dump.SCRATCH + uuid.uuid4().hex[:12], os.getpid()
        owner = {
            "host": process.here(),
            "pid": pid,
            "pid_start": process.start_time(pid),
            "created": int(self._clock()),
        }
        try:
            session.query(rebuild.create(new, facts))
            session.query(dump.comment_scratch(new, owner))
            with self._server.session(new) as empty:  # rows may be valid only with the database's settings
                settings = empty.allowed(session.settings(database))
            self._fill(new, result, settings)
            self._compare(new, result)
            self._grant(session, new, facts)
            left = self._set(session, new, facts)
            return self._swap(session, database, new, facts, result, generation), left
        except BaseException as exc:
            with contextlib.suppress(MonqError):
                session.query("ROLLBACK")
            try:
                self._server.drop_scratch(session, new)
            except MonqError as left:
                if isinstance(exc, MonqError):  # the first failure is the one to report
                    exc.evidence.append(f"{left.what}: {left.obj}: {left.seen}; {left.next_step}")
            raise

    def _fill(self, new, result, settings=()):
        watch = self._server.reading("restore from the dump", result["path"])
        argv = rebuild.restore(self._pg_restore, self._settings, new, result["path"])
        dump.judge(
            self._server.run(argv, settings, watch=watch),
            "the dump could not be restored; the current database is untouched",
            f"{result['path']} on {self._server.name}",
            f"fix the cause, {AGAIN}",
            full=f"free space on {self._server.name}, {AGAIN}",
        )

    def _compare(self, new, result):
        """Compares the rows of each table with the manifest; if that is gone, the totals with the ledger."""
        self._server.say("counting the restored rows")
        with self._server.session(new) as session:
            seen, partitions = session.rows(), session.partitions()
        expected = _manifest_rows(result)
        if expected is not None:
            found = dump.differences(expected, seen, partitions)
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
        session.query(f"ALTER DATABASE {dump.identifier(new)} ALLOW_CONNECTIONS false")
        for _try in range(occupants.TRIES):
            occupants.end(session, new)  # monitoring may connect to every database
            self._free(session, database, self._terminate)  # somebody may have connected during the restore
            kept = sql.kept_name(database, generation, {name for name, _comment in self._databases(session)})
            oid = session.value(f"SELECT oid FROM pg_database WHERE datname = {dump.literal(new)}")
            note = sql.kept_note(database, generation, oid, result["sha256"])
            self._fence()
            swap = sql.swap(database, kept, new, facts["comment"], note, facts["limit"])
            failed = self._renamed(session, swap, new)
            if not failed:
                return kept
        raise failed

    @staticmethod
    def _renamed(session, statements, new):
        """Executes the transaction; returns its error, with those who are connected to the new database."""
        try:
            for statement in statements:
                session.query(statement)
        except MonqError as exc:
            session.query("ROLLBACK")
            holders = occupants.present(session, new)
            exc.evidence += [f"connected to {new}: {occupants.in_words(holders)}"] if holders else []
            return exc
        return None


def _manifest_entry(result):
    """This dump's entry in the manifest beside it, or None."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        with open(os.path.join(os.path.dirname(result["path"]), dump.MANIFEST), encoding="utf-8") as file:
            entries = json.load(file)["dumps"]
        return next((entry for entry in entries if entry["sha256"] == result["sha256"]), None)
    return None


def _manifest_rows(result):
    """This dump's {table: rows} from the manifest, or None."""
    rows = (_manifest_entry(result) or {}).get("rows")
    return rows if isinstance(rows, dict) else None
