# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
import uuid
from collections import namedtuple

from .. import process, timestamp
from ..errors import InputError, MonqError
from . import catalogue, dump, needs, rebuild
from .client import Postgresql, free_bytes, nearest

# What a snapshot shows: {table: rows}, {partition: table at the top}, {name: value} of the database's settings
Counted = namedtuple("Counted", "rows partitions settings")

CUT = "upgrade.routing.cut"
PREFIXES = {
    "prepare": "prepare.backup.database.",
    "upgrade": "upgrade.backup.database.",
    "outage": "upgrade.backup_in_outage.database.",
}


class Backup:
    """Dumps that are read to the end and, where possible, restored and compared. Servers and clock are injected."""

    def __init__(
        self,
        source,
        scratch,
        directory,
        host,
        release,
        generation,
        max_age,
        scratch_max_bytes,
        run=None,
        clock=time.time,
    ):
        """run: {installation, lock}, recorded with scratch databases."""
        self._source = source
        self._scratch = scratch
        self._identity = (release, host, generation)
        self.folder = os.path.join(os.path.abspath(directory), *dump.folder_parts(host, release, generation))
        self._directory = os.path.abspath(directory)
        self._max_age = max_age
        self._limit = scratch_max_bytes
        self._run = run or {}
        self._clock = clock
        self._pg_dump_version = None
        self.warnings = []  # for the operator: what a rollback will lack or lose, and what was left behind

    # ---- the stage

    def run_stage(self, run, stage, databases):
        """Executes every backup step of a stage; returns the module's result."""
        prefix = PREFIXES[stage]
        _require_all([step.key[len(prefix) :] for step in run.plan if step.key.startswith(prefix)], databases)
        backups = []
        for item in databases:
            key = prefix + item["microservice"]
            with run.renewing():  # the checksum of a large dump may take longer than a Lease lasts
                earlier, renewed = self._earlier(run, key, item) if stage == "upgrade" else (None, False)
            result = run.execute(key, lambda item=item, earlier=earlier: self._do(item, stage, earlier), renewed)
            backups.append({"step": key, **item, "reused": bool(earlier), **(result or {})})
        return {"backups": backups, "folder": self.folder}

    def _do(self, item, stage, earlier):
        return (
            {**earlier, "reused": True}
            if earlier
            else {**self.dump(item["microservice"], item["database"], stage), "reused": False}
        )

    def _earlier(self, run, key, item):
        """Returns prepare's result if it is still valid, and whether a done step must be repeated because its dump is
        not."""
        done = run.is_done(key)
        if done:
            entry = run.ledger.get(key)
            by_operator = entry.get("state") != "done" or not entry.get("result")
            # An unfinished cutover may have removed nothing: users may still be writing.
            if by_operator or run.is_done(CUT) or self.counts(entry["result"], item["database"]):
                return None, False
        result = (run.ledger.get(f"prepare.backup.database.{item['microservice']}") or {}).get("result")
        return (result if self.counts(result, item["database"]) else None), done

    def counts(self, result, database):
        """Returns whether a dump is of this database, fresh, and unchanged on disk."""
        if not result or result.get("database") != database or result.get("server") != self._source.name:
            return False
        if not dump.is_fresh(result.get("finished"), self._clock(), self._max_age):
            return False
        try:
            return os.path.getsize(result["path"]) == result["bytes"] and sha256(result["path"]) == result["sha256"]
        except OSError:
            return False

    # ---- one dump

    def dump(self, microservice, database, stage):
        """Dumps, reads through, sums up, restores to scratch and records. Until all is done the file is named
        .partial."""
        dump.check_database(database)
        with self._on_disk(f"database {database}"):
            self._make_folder()
        started = self._clock()
        final = os.path.join(self.folder, dump.file_name(database, started))
        partial = final + dump.PARTIAL
        try:
            with self._on_disk(partial):
                self._sweep(database)
                os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            # A rollback dumps the current database, which may have been created empty for it.
            entry = self._verified(database, partial, is_last=stage == "rollback")
            entry.update(
                microservice=microservice,
                stage=stage,
                started=timestamp.of_seconds(started),
                finished=timestamp.of_seconds(self._clock()),
                path=final,
            )
            with self._on_disk(final):
                os.replace(partial, final)
                _sync(self.folder)
                self._note(entry)
        except BaseException:  # a partial or unverified dump must not look like a backup
            for path in (partial, final):
                with contextlib.suppress(OSError):
                    os.unlink(path)
            raise
        return dump.kept(entry)

    def _verified(self, database, path, is_last):
        """is_last: no rollback restores this dump, as the database itself is kept too."""
        self._pg_dump_version = self._pg_dump_version or self._source.pg_dump_version()
        with self._source.snapshot(database) as (session, snapshot):
            server_version = session.value("SHOW server_version")
            facts = session.query(rebuild.present(database, int(session.value("SHOW server_version_num"))))[0]
            facts = {**dict(zip(rebuild.PRESENT, facts)), "database": database}
            held = None if is_last else catalogue.contents(session)
            found = None
            if held:
                may = catalogue.rights(session, held)
                held["by"] = {name: may[name] for name in ("user", "superuser")}
                found = needs.judge(held, may, database)
            size = session.value("SELECT pg_database_size(current_database())")
            self._source.say(f"counting the rows of {database}")
            counted = Counted(session.locked_rows(), session.partitions(), session.settings())
            rows = counted.rows
            if not rows and not is_last:
                raise MonqError(
                    "the database has no tables, so it is probably not the service's",
                    f"database {database} on {self._source.name}",
                    "tables",
                    "none",
                    "correct monq_database_names, then run the same command again",
                )
            via_root = self._pg_dump_version >= (11, 0) and session.moves_rows()
            self._source.dump(database, snapshot, path, facts["encoding"], via_root, size)
        with self._on_disk(path):
            _sync(path)
        self._source.read_whole(database, path)
        self._source.say(f"checksum of the dump of {database}")
        with self._on_disk(path):
            digest, length = sha256(path), os.path.getsize(path)
        return {
            "database": database,
            "server": self._source.name,
            "server_version": server_version,
            "pg_dump_version": ".".join(map(str, self._pg_dump_version)),
            "sha256": digest,
            "bytes": length,
            "database_bytes": size,
            "rows": rows,
            **({"contents": held} if held else {}),
            "scratch": self._restored(database, path, counted, size, facts, found),
        }

    def _restored(self, database, path, counted, size, facts, found):
        """Restores into a scratch database; returns {state: restored}, or {state: skipped or failed, reason}. found:
        what a rollback would need, or None for a dump that none restores."""
        large = dump.scratch_refusal(size, self._limit, True)
        if found is None:
            try:
                return (
                    {"state": "skipped", "reason": large}
                    if large
                    else self._in_scratch(self._scratch, database, path, counted, facts)
                )
            except MonqError as exc:  # the platform is down, and the database itself is kept too
                return {"state": "failed", "reason": f"{exc.what}: {exc.seen}"}
        here, remedies = rebuild.is_same(self._source.server, self._scratch.server), needs.remedies(found)
        done, proof = {"state": "skipped", "reason": large}, None
        if self._limit > 0 and (large or not here):  # owners and privileges are proved without rows
            proof = self._in_scratch(self._source, database, path, counted._replace(rows=None), facts, remedies)
        if not large:
            done = self._in_scratch(self._scratch, database, path, counted, facts, remedies if here else None)
        proved = (proof or done)["state"] == "restored"
        if proved:
            done["as_rollback"] = True
        if large and proved:
            done["reason"] += "; without its rows, it was restored as a rollback would"
        self.warnings += needs.spoken(
            [one for one in found if one["severity"] == "warning"] if proved else needs.warnings(found),
            f"database {database}",
        )
        return done

    def _in_scratch(self, server, database, path, counted, facts, remedies=None):
        """Restores into a scratch database, which is always dropped, and compares it with the rows, if any. A clean-up
        that fails is a warning: the dump is proved. remedies: not None to restore with owners and privileges, as a
        rollback does."""
        rows = counted.rows
        with server.maintenance([database]) as session:
            if not server.may_create(session):
                return {"state": "skipped", "reason": dump.scratch_refusal(0, 1, False)}
            server.require_own_sessions(session)
            self._drop_abandoned(server, session)
            name = dump.SCRATCH + uuid.uuid4().hex[:12]
            pid = os.getpid()
            owner = {
                **self._run,
                "host": process.here(),
                "pid": pid,
                "pid_start": process.start_time(pid),
                "created": int(self._clock()),
            }
            try:
                if remedies is None:
                    kind = facts["encoding"], facts["collate"] or "C", facts["ctype"] or "C"
                    server.create_scratch(session, name, *kind, owner)
                else:
                    server.create_as_rollback(session, name, facts, owner, remedies)
                with server.session(name) as empty:  # rows may be valid only with the database's settings
                    settings = empty.allowed(counted.settings)
                if remedies is None:
                    server.restore(name, path, settings)
                else:
                    server.restore_as_rollback(name, path, remedies, rows is None, settings)
                server.say(f"counting the restored rows of {database}")
                with server.session(name) as restored:
                    found = [] if rows is None else dump.differences(rows, restored.rows(), counted.partitions)
            except BaseException as exc:
                left = _left(server, session, name)
                if isinstance(exc, MonqError):  # the first failure is the one to report
                    exc.evidence += left
                raise
            self.warnings += _left(server, session, name)
        if found:
            raise MonqError(
                "the restored dump does not match the database",
                f"database {database}, dump {path}",
                "the same tables and rows",
                dump.some(found),
                "run the same command again; if this recurs, the disk or pg_dump is faulty",
            )
        return {"state": "restored", "server": server.name}

    def _drop_abandoned(self, server, session):
        for name, comment in server.scratch_databases(session):
            if dump.is_abandoned(name, comment, self._clock(), process.here(), process.start_time, self._run):
                with contextlib.suppress(MonqError):  # another run may be faster; preflight shows what is left
                    server.drop_scratch(session, name, tries=1)

    # ---- the folder

    def _make_folder(self):
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        path = self._directory
        for part in os.path.relpath(self.folder, self._directory).split(os.sep):
            path = os.path.join(path, part)
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)
            if stat.S_IMODE(os.stat(path).st_mode) != 0o700:
                os.chmod(path, 0o700)

    def _sweep(self, database):
        """Removes a killed run's partial dumps of this database. The lock ensures that nobody is writing them."""
        for name in os.listdir(self.folder):
            if dump.is_partial_of(database, name):
                os.unlink(os.path.join(self.folder, name))

    def _note(self, entry):
        path = os.path.join(self.folder, dump.MANIFEST)
        text = ""
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as found:
            text = found.read()
        content = dump.manifest(text, *self._identity)
        content["dumps"].append(entry)
        fresh = path + dump.PARTIAL
        try:
            with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
                json.dump(content, out, ensure_ascii=False, indent=2, sort_keys=True)
                out.write("\n")
                out.flush()
                os.fsync(out.fileno())
            os.replace(fresh, path)
            _sync(self.folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise

    @contextlib.contextmanager
    def _on_disk(self, obj):
        try:
            yield
        except OSError as exc:
            where = nearest(self.folder)
            with contextlib.suppress(OSError):
                where = f"{where}, {free_bytes(where)} bytes free"
            raise MonqError(
                "the backup cannot be written",
                obj,
                f"a writable folder with enough space: {self.folder}",
                f"{exc.strerror or exc} ({where})",
                "make monq_backup_dir writable for the user of this connection, or free space; then run the same "
                "command again",
            ) from exc


def backup(params, generation, server, progress=None):
    """The Backup that a module's parameters describe. server: the Kubernetes API's address, which distinguishes
    installations. progress: where it says how far it is."""
    programs = {"pg_dump": params["pg_dump"], "pg_restore": params["pg_restore"], "timeout": params["timeout"]}
    programs["progress"] = progress
    source = Postgresql(params["postgresql"], **programs)
    scratch = Postgresql(dump.scratch_server(params["postgresql"], params["scratch_postgresql"]), **programs)
    return Backup(
        source,
        scratch,
        params["directory"],
        params["host"],
        params["plan"]["release"]["version"],
        generation,
        params["max_age"],
        params["scratch_max_bytes"],
        {"installation": f"{params['namespace']} in {server}", "lock": params["lock_id"]},
    )


def _left(server, session, name):
    """Drops a scratch database; returns a line about it if that fails."""
    try:
        server.drop_scratch(session, name)
    except MonqError as exc:
        return [f"{exc.what}: {exc.obj}: {exc.seen}; {exc.next_step}"]
    return []


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as data:
        for block in iter(lambda: data.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _sync(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _require_all(planned, databases):
    given = [item["microservice"] for item in databases]
    for item in databases:
        dump.check_database(item["database"])
    missing, unknown = [name for name in planned if name not in given], [name for name in given if name not in planned]
    if missing or unknown or len(set(given)) != len(given):
        raise InputError(
            "the databases do not match the plan",
            "databases",
            ", ".join(planned),
            ", ".join(given),
            "keep the role's default, or list the same microservices in monq_backup_databases",
        )
