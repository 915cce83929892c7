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

from .. import process
from ..errors import InputError, MonqError
from . import dump
from .client import Postgresql, free_bytes, nearest

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
            entry = self._verified(database, partial, may_be_empty=stage == "rollback")
            entry.update(
                microservice=microservice,
                stage=stage,
                started=dump.moment(started),
                finished=dump.moment(self._clock()),
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

    def _verified(self, database, path, may_be_empty):
        self._pg_dump_version = self._pg_dump_version or self._source.pg_dump_version()
        with self._source.snapshot(database) as (session, snapshot):
            server_version = session.value("SHOW server_version")
            kind = session.query(
                "SELECT pg_encoding_to_char(encoding), coalesce(datcollate, 'C'), coalesce(datctype, 'C') FROM "
                "pg_database WHERE datname = current_database()"
            )[0]
            size = session.value("SELECT pg_database_size(current_database())")
            self._source.say(f"counting the rows of {database}")
            rows = session.rows()
            if not rows and not may_be_empty:
                raise MonqError(
                    "the database has no tables, so it is probably not the service's",
                    f"database {database} on {self._source.name}",
                    "tables",
                    "none",
                    "correct monq_database_names, then run the same command again",
                )
            self._source.dump(database, snapshot, path, size)
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
            "scratch": self._restored(database, path, rows, size, kind),
        }

    def _restored(self, database, path, rows, size, kind):
        """Restores into a scratch database, which is always dropped; returns {state: restored} or {state: skipped,
        reason}."""
        reason = dump.scratch_refusal(size, self._limit, True)
        if reason:
            return {"state": "skipped", "reason": reason}
        with self._scratch.maintenance([database]) as session:
            reason = dump.scratch_refusal(size, self._limit, self._scratch.may_create(session))
            if reason:
                return {"state": "skipped", "reason": reason}
            self._drop_abandoned(session)
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
                self._scratch.create_scratch(session, name, *kind, owner)
                self._scratch.restore(name, path)
                self._scratch.say(f"counting the restored rows of {database}")
                with self._scratch.session(name) as restored:
                    found = dump.differences(rows, restored.rows())
            except BaseException:
                with contextlib.suppress(MonqError):  # the first failure is the one to report
                    self._scratch.drop_scratch(session, name)
                raise
            self._scratch.drop_scratch(session, name)
        if found:
            raise MonqError(
                "the restored dump does not match the database",
                f"database {database}, dump {path}",
                "the same tables and rows",
                dump.some(found),
                "run the same command again; if this recurs, the disk or pg_dump is faulty",
            )
        return {"state": "restored", "server": self._scratch.name}

    def _drop_abandoned(self, session):
        for name, comment in self._scratch.scratch_databases(session):
            if dump.is_abandoned(name, comment, self._clock(), process.here(), process.start_time, self._run):
                with contextlib.suppress(MonqError):  # another run may be faster; preflight shows what is left
                    self._scratch.drop_scratch(session, name)

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
