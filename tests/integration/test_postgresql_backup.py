"""postgresql_backup and preflight_postgresql against a real, private PostgreSQL; only the Kubernetes API is played."""

from __future__ import annotations

import contextlib
import copy
import glob
import json
import os
import pwd
import resource
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import psycopg2
import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.checks.postgres import Inspection
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import Lease
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.engine.runner import StepRunner
from ansible_collections.monq.platform.plugins.module_utils.engine.steps import CUTOVER, Step
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, InputError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import backup as backup_module
from ansible_collections.monq.platform.plugins.module_utils.postgres import dump
from ansible_collections.monq.platform.plugins.module_utils.postgres.backup import Backup
from ansible_collections.monq.platform.plugins.module_utils.postgres.client import Postgresql

BIN = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), "")
PASSWORD = "kN7-owner-secret"
READER_PASSWORD = "kN7-reader-secret"
SERVICE, DATABASE = "pl-identity-service", "pl_identity_service"
PREPARE, UPGRADE = f"prepare.backup.database.{SERVICE}", f"upgrade.backup.database.{SERVICE}"
CUT = "upgrade.routing.cut"
START = 1_772_359_200.0

pytestmark = pytest.mark.skipif(not BIN, reason="no PostgreSQL server is installed")


# ---- a private server


class Server:
    """PostgreSQL refuses root: as root it runs as postgres, else as we are."""

    def __init__(self, home):
        self.home = home
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def _call(self, *argv):
        subprocess.run([*self._as, *argv], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")

    def start(self):
        secret = Path(self.home, "superuser")
        secret.write_text("kN7-super-secret\n")
        if self._as:
            user = pwd.getpwnam("postgres")
            for path in (self.home, secret):
                os.chown(path, user.pw_uid, user.pw_gid)
        auth = [
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        self._call(f"{BIN}/initdb", f"--pgdata={self.home}/data", *auth, "--no-sync")
        options = f"-p {self.port} -k {self.home} -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=16MB"
        self._call(
            f"{BIN}/pg_ctl", "start", "-w", f"--pgdata={self.home}/data", f"--log={self.home}/log", "-o", options
        )

    def stop(self):
        self._call(f"{BIN}/pg_ctl", "stop", "-w", "--mode=immediate", f"--pgdata={self.home}/data")

    def sql(self, *statements, database="postgres", user="postgres", password="kN7-super-secret"):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=user, password=password, dbname=database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def as_role(self, user="monq", password=PASSWORD):
        return {"host": "127.0.0.1", "port": self.port, "user": user, "password": password, "sslmode": "prefer"}

    def scratch(self):
        return [row[0] for row in self.sql("SELECT datname FROM pg_database WHERE datname LIKE 'monq_scratch%'")]


@pytest.fixture(scope="module")
def server():
    home = tempfile.mkdtemp(prefix="monq-pg-", dir="/tmp")
    found = Server(home)
    try:
        found.start()
        found.sql(
            f"CREATE ROLE monq LOGIN CREATEDB PASSWORD '{PASSWORD}'",
            f"CREATE ROLE reader LOGIN PASSWORD '{READER_PASSWORD}'",
        )
        yield found
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            found.stop()
        shutil.rmtree(home, ignore_errors=True)


TABLES = (
    "CREATE TABLE users (id serial PRIMARY KEY, name text)",
    "INSERT INTO users (name) SELECT md5(i::text) || md5((i + 1)::text) FROM generate_series(1, 3000) i",
    'CREATE SCHEMA "odd schema"',
    'CREATE TABLE "odd schema"."odd ""table" (id int)',
    'INSERT INTO "odd schema"."odd ""table" VALUES (1), (2)',
    "CREATE TABLE events (at int) PARTITION BY RANGE (at)",
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10)",
    "INSERT INTO events VALUES (1), (2), (3)",
    "CREATE VIEW names AS SELECT name FROM users",
)
ROWS = {"public.users": 3000, 'odd schema.odd "table': 2, "public.events": 0, "public.events_1": 3}


@pytest.fixture
def database(server):
    server.sql(f"CREATE DATABASE {DATABASE} OWNER monq")
    server.sql(*TABLES, database=DATABASE, user="monq", password=PASSWORD)
    server.sql(
        "GRANT USAGE ON SCHEMA public TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        database=DATABASE,
    )
    yield DATABASE
    for name in server.scratch() + [DATABASE]:
        server.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def let_reader_in(server):
    server.sql(
        'GRANT USAGE ON SCHEMA "odd schema" TO reader',
        'GRANT SELECT ON ALL TABLES IN SCHEMA "odd schema" TO reader',
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader",
        database=DATABASE,
    )


# ---- a played Kubernetes API, and a run on it


class Api:
    """Just enough of the API server for Ledger and Lease: objects by path, resourceVersion checked."""

    def __init__(self):
        self.objects = {}
        self.writes = 0
        self._lock = threading.RLock()

    def find(self, path):
        with self._lock:
            return copy.deepcopy(self.objects.get(path))

    def _store(self, path, body):
        self.writes += 1
        body.setdefault("metadata", {})["resourceVersion"] = str(self.writes)
        self.objects[path] = copy.deepcopy(body)
        return copy.deepcopy(body)

    def create(self, path, body):
        with self._lock:
            return self._store(f"{path}/{body['metadata']['name']}", copy.deepcopy(body))

    def patch(self, path, body):
        with self._lock:
            found = copy.deepcopy(self.objects[path])
            if (
                body["metadata"].get("resourceVersion", found["metadata"]["resourceVersion"])
                != found["metadata"]["resourceVersion"]
            ):
                raise ApiError(409, "Conflict", "the object has been modified", "PATCH", path)
            _merge(found, body)
            return self._store(path, found)


def _merge(target, patch):
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value


class Runner:
    """The real programs; keeps every argv, and lets a test step in before or after one."""

    def __init__(self):
        self.argvs = []
        self.before = {}
        self.after = {}

    def __call__(self, argv, env=None, timeout=3600):
        self.argvs.append(list(argv))
        kind = self.kind(argv)
        self.before.get(kind, lambda _argv: None)(argv)
        result = process.run(argv, env=env, timeout=timeout)
        self.after.get(kind, lambda _argv: None)(argv)
        return result

    @staticmethod
    def kind(argv):
        if "--version" in argv:
            return "version"
        if "--file=/dev/null" in argv:
            return "read"
        return "dump" if "--format=custom" in argv else "restore"

    def kinds(self):
        return [self.kind(argv) for argv in self.argvs if "--version" not in argv]


class Installation:
    """One installation: ledger, lock, folder, clock. Every run() is a process of its own to the code under test."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.api = Api()
        self.runner = Runner()
        self.now = START
        self.role = server.as_role()
        self.max_age = 14400
        self.limit = 1 << 30
        self.identity = None
        self.pg_dump = f"{BIN}/pg_dump"
        Lease(self.api, "ns", 120).acquire("a test")
        self.lock = next(iter(self.api.objects.values()))["metadata"]["annotations"]["monq.platform/lock-id"]

    def guarded(self, check_mode=False):
        plan = [
            Step(key=key, title=key, traits=frozenset({CUTOVER}) if key == CUT else frozenset())
            for key in (PREPARE, UPGRADE, CUT)
        ]
        ledger, lease = Ledger(self.api, "ns", "6.0.0").load(), Lease(self.api, "ns", 120)
        return StepRunner(plan=plan, ledger=ledger, lease=lease, lock_id=self.lock, check_mode=check_mode)

    def server_client(self, role=None):
        return Postgresql(role or self.role, self.pg_dump, f"{BIN}/pg_restore", 60, self.runner)

    def backup(self, generation=1):
        return Backup(
            self.server_client(),
            self.server_client(),
            str(self.folder),
            "production",
            "6.0.0",
            generation,
            self.max_age,
            self.limit,
            self.identity,
            clock=lambda: self.now,
        )

    def run(self, stage, check_mode=False, database=DATABASE):
        run = self.guarded(check_mode)
        answer = self.backup(run.ledger.generation).run_stage(
            run, stage, [{"microservice": SERVICE, "database": database}]
        )
        return run.result(), answer["backups"][0]

    def refused(self, stage="prepare", **kwargs):
        with pytest.raises(MonqError) as caught:
            self.run(stage, **kwargs)
        message = str(caught.value)
        assert caught.value.what and caught.value.obj and caught.value.seen and caught.value.next_step, message
        assert PASSWORD not in message + json.dumps(caught.value.result())
        return message

    def entry(self, key):
        return Ledger(self.api, "ns", "6.0.0").load().get(key)

    @property
    def attempt_folder(self):
        return Path(self.folder, "production", "6.0.0", "1")

    def files(self):
        return sorted(path.name for path in self.attempt_folder.glob("*")) if self.attempt_folder.exists() else []

    def dumps(self):
        return [name for name in self.files() if name != dump.MANIFEST]

    def manifest(self):
        return json.loads((self.attempt_folder / dump.MANIFEST).read_text())["dumps"]


@pytest.fixture
def installation(server, database, tmp_path):
    return Installation(server, tmp_path / "backups")


# ---- a dump that counts


def test_a_dump_is_read_restored_compared_and_noted(installation):
    result, taken = installation.run("prepare")
    assert result == {"changed": True, "steps": {"done": [PREPARE], "predicted": [], "skipped": []}}
    assert installation.runner.kinds() == ["dump", "read", "restore"]
    path = Path(taken["path"])
    assert path == installation.attempt_folder / "pl_identity_service.20260301T100000.000Z.dump"
    assert installation.files() == [dump.MANIFEST, path.name] or installation.files() == [path.name, dump.MANIFEST]
    assert (taken["tables"], taken["rows"]) == (4, 3005)
    assert taken["bytes"] == path.stat().st_size and taken["sha256"] == backup_module.sha256(path)
    assert taken["scratch"] == {"state": "restored", "server": f"127.0.0.1:{installation.server.port}"}
    [noted] = installation.manifest()
    assert noted["rows"] == ROWS
    assert noted["stage"] == "prepare" and noted["microservice"] == SERVICE and noted["database"] == DATABASE
    assert noted["server_version"] and noted["pg_dump_version"] and noted["started"] and noted["finished"]
    assert installation.entry(PREPARE)["result"]["sha256"] == noted["sha256"] == taken["sha256"]
    assert installation.server.scratch() == []


def test_only_the_owner_can_read_dumps(installation):
    before = os.umask(0)
    try:
        installation.run("prepare")
    finally:
        os.umask(before)
    for folder in (installation.attempt_folder, *list(installation.attempt_folder.parents)[:2]):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in installation.attempt_folder.iterdir()} == {0o600}


def test_the_second_run_does_nothing(installation):
    installation.run("prepare")
    installation.runner.argvs.clear()
    writes = installation.api.writes
    result, taken = installation.run("prepare")
    assert (result["changed"], result["steps"]["skipped"], installation.runner.argvs, installation.api.writes) == (
        False,
        [PREPARE],
        [],
        writes,
    )
    assert taken["path"]


def test_trap_37_rows_match_while_services_write(installation):
    """Rows that come between snapshot and dump are in neither, so that dump, count and scratch restore agree."""

    def insert(_argv):
        installation.server.sql("INSERT INTO users (name) SELECT 'late' FROM generate_series(1, 50)", database=DATABASE)

    installation.runner.before["dump"] = insert
    _result, taken = installation.run("prepare")
    assert installation.manifest()[0]["rows"]["public.users"] == 3000
    assert taken["scratch"]["state"] == "restored"
    assert installation.server.sql("SELECT count(*) FROM users", database=DATABASE) == [(3050,)]


def test_no_password_leaves_the_environment(installation):
    installation.run("prepare")
    everything = json.dumps([installation.runner.argvs, installation.api.objects, installation.manifest()])
    assert PASSWORD not in everything


# ---- dumps that do not count


def test_trap_38_a_dump_cut_to_60_percent_is_refused(installation):
    listed = []

    def cut(argv):
        path = next(arg for arg in argv if arg.startswith("--file=")).split("=", 1)[1]
        os.truncate(path, os.path.getsize(path) * 60 // 100)
        listed.append(process.run([f"{BIN}/pg_restore", "--list", path]).rc)

    installation.runner.after["dump"] = cut
    message = installation.refused()
    assert listed == [0], "pg_restore --list should have accepted it, or this test proves nothing"
    assert "the dump cannot be read to its end" in message
    assert installation.dumps() == []
    assert installation.entry(PREPARE)["state"] == "failed"


def test_trap_38_a_wrong_number_of_rows_is_refused(installation):
    def lose(argv):
        name = next(arg for arg in argv if arg.startswith("--dbname=")).split("=", 1)[1]
        installation.server.sql("DELETE FROM users WHERE id = 7", database=name)

    installation.runner.after["restore"] = lose
    message = installation.refused()
    assert "public.users: 3000 rows dumped, 2999 restored" in message
    assert installation.dumps() == [] and installation.server.scratch() == []


def test_a_failed_restore_drops_its_scratch_database(installation):
    seen = []

    def spoil(argv):
        name = next(arg for arg in argv if arg.startswith("--dbname=")).split("=", 1)[1]
        seen.append(name)
        installation.server.sql("CREATE TABLE users (other int)", database=name)

    installation.runner.before["restore"] = spoil
    message = installation.refused()
    assert "could not be restored" in message and 'relation "users" already exists' in message
    assert seen and installation.server.scratch() == [] and installation.dumps() == []


def test_a_failure_is_repeated_by_the_same_command(installation):
    installation.runner.after["dump"] = lambda argv: os.truncate(argv[4].split("=", 1)[1], 100)
    installation.refused()
    installation.runner.after.clear()
    result, _taken = installation.run("prepare")
    assert result["steps"]["done"] == [PREPARE]


def test_what_a_killed_run_left_is_cleared(installation):
    dead = {"host": process.here(), "pid": 2**22 + 1, "pid_start": 1, "created": START}
    alive = {**dead, "pid": os.getpid(), "pid_start": process.start_time(os.getpid())}
    old = {**dead, "host": "elsewhere", "created": START - 90000}
    for name, owner in (("monq_scratch_dead", dead), ("monq_scratch_alive", alive), ("monq_scratch_old", old)):
        installation.server.sql(f"CREATE DATABASE {name} OWNER monq", dump.comment_scratch(name, owner))
    installation.server.sql("CREATE DATABASE monq_scratch_stranger OWNER monq")
    installation.attempt_folder.mkdir(parents=True)
    (installation.attempt_folder / f"{DATABASE}.20260301T090000.000Z.dump.partial").write_text("half")
    (installation.attempt_folder / "other.20260301T090000.000Z.dump.partial").write_text("of another database")
    installation.run("prepare")
    assert sorted(installation.server.scratch()) == ["monq_scratch_alive", "monq_scratch_stranger"]
    assert [name for name in installation.files() if name.endswith(".partial")] == [
        "other.20260301T090000.000Z.dump.partial"
    ]


def test_a_scratch_database_of_an_earlier_run_of_this_installation_goes_wherever_that_ran(installation):
    """The job was killed in a pod that nobody can look into; we hold its lock now."""
    mine, elsewhere = "ns in https://one", {"host": "pod-a", "pid": 1, "pid_start": 1, "created": START}
    for name, owner in (
        ("monq_scratch_mine", {"installation": mine, "lock": "earlier"}),
        ("monq_scratch_now", {"installation": mine, "lock": "now"}),
        ("monq_scratch_theirs", {"installation": "ns in https://two", "lock": "earlier"}),
    ):
        installation.server.sql(
            f"CREATE DATABASE {name} OWNER monq", dump.comment_scratch(name, {**elsewhere, **owner})
        )
    installation.identity = {"installation": mine, "lock": "now"}
    installation.run("prepare")
    assert sorted(installation.server.scratch()) == ["monq_scratch_now", "monq_scratch_theirs"]


def test_a_database_without_tables_is_no_backup(installation):
    """A name that is right by chance, such as a leftover: trap 38."""
    installation.server.sql("CREATE DATABASE empty_one OWNER monq")
    try:
        message = installation.refused(database="empty_one")
        assert "a database without tables" in message and installation.dumps() == []
        by_check, _found = inspect(installation, databases=("empty_one",))
        assert by_check["empty"]["severity"] == "stop" and "monq_database_names" in by_check["empty"]["next"]
        taken = installation.backup().dump(SERVICE, "empty_one", "rollback")
        assert taken["tables"] == 0, "what a rollback is about to replace may be empty"
    finally:
        installation.server.sql("DROP DATABASE empty_one")


# ---- scratch restores that are skipped


def test_trap_38_a_role_without_createdb_is_told(installation):
    let_reader_in(installation.server)
    installation.role = installation.server.as_role("reader", READER_PASSWORD)
    _result, taken = installation.run("prepare")
    assert taken["scratch"] == {"state": "skipped", "reason": "the role may not create databases"}
    assert installation.manifest()[0]["scratch"] == taken["scratch"]
    assert installation.runner.kinds() == ["dump", "read"]


@pytest.mark.parametrize(("limit", "words"), [(1000, "the limit is 1000"), (0, "switched off")])
def test_a_large_database_is_not_restored(installation, limit, words):
    installation.limit = limit
    _result, taken = installation.run("prepare")
    assert taken["scratch"]["state"] == "skipped" and words in taken["scratch"]["reason"]


# ---- the stage upgrade


def test_a_fresh_dump_is_used_again(installation):
    _result, first = installation.run("prepare")
    installation.now += 3600
    installation.runner.argvs.clear()
    result, second = installation.run("upgrade")
    assert result["steps"]["done"] == [UPGRADE]
    assert second["reused"] is True and second["path"] == first["path"] and first["reused"] is False
    assert installation.runner.argvs == []
    assert installation.entry(UPGRADE)["result"]["reused"] is True


@pytest.mark.parametrize("what", ["too old", "missing", "altered", "another database"])
def test_trap_37_a_dump_that_does_not_count_is_taken_again(installation, what):
    _result, first = installation.run("prepare")
    installation.now += 1
    if what == "too old":
        installation.now += 14400
    elif what == "missing":
        os.unlink(first["path"])
    elif what == "altered":
        with open(first["path"], "r+b") as data:
            data.write(b"X")
    else:
        ledger = Ledger(installation.api, "ns", "6.0.0").load()
        ledger.write(PREPARE, {**ledger.get(PREPARE), "result": {**first, "database": "other"}})
    result, second = installation.run("upgrade")
    assert result["steps"]["done"] == [UPGRADE]
    assert second["reused"] is False and second["path"] != first["path"]
    assert [noted["stage"] for noted in installation.manifest()] == ["prepare", "upgrade"]


def test_trap_37_a_dump_of_upgrade_is_renewed_until_the_cut_is_saved(installation):
    installation.run("prepare")
    installation.run("upgrade")
    installation.now += 14401
    assert installation.run("upgrade", check_mode=True)[0]["steps"]["predicted"] == [UPGRADE]
    result, third = installation.run("upgrade")
    assert result["steps"]["done"] == [UPGRADE] and third["reused"] is False
    with pytest.raises(MonqError):
        installation.guarded().execute(CUT, refuse)
    installation.now += 14401
    assert installation.run("upgrade", check_mode=True)[0]["steps"]["predicted"] == [UPGRADE], (
        "a cut that failed may have cut nothing"
    )
    assert installation.run("upgrade")[0]["steps"]["done"] == [UPGRADE]
    installation.guarded().execute(CUT, dict)
    installation.now += 14401
    installation.runner.argvs.clear()
    result, _fourth = installation.run("upgrade")
    assert (result["changed"], result["steps"]["skipped"], installation.runner.argvs) == (False, [UPGRADE], [])


def refuse():
    raise MonqError("no", "routes", "cut", "refused", "again")


def test_a_step_that_the_operator_accepted_is_left_alone(installation):
    ledger = Ledger(installation.api, "ns", "6.0.0").load()
    for key in (PREPARE, UPGRADE):
        ledger.write(key, {"state": "accepted", "by": "operator"})
    assert installation.run("upgrade")[0]["steps"]["skipped"] == [UPGRADE]


def test_databases_that_are_not_the_plans_are_refused(installation):
    run = installation.guarded()
    backup = Backup(
        installation.server_client(), installation.server_client(), "/nowhere", "production", "6.0.0", 1, 1, 1
    )
    with pytest.raises(InputError):
        backup.run_stage(run, "prepare", [{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])


# ---- check mode


@pytest.mark.parametrize("stage", ["prepare", "upgrade"])
def test_check_mode_predicts_and_writes_nothing(installation, stage):
    writes = installation.api.writes
    result, _taken = installation.run(stage, check_mode=True)
    assert result["changed"] and result["steps"]["predicted"] == [PREPARE if stage == "prepare" else UPGRADE]
    assert not Path(installation.folder).exists()
    assert installation.api.writes == writes and installation.runner.argvs == []


# ---- failures, explained


def test_trap_39_a_full_disk(installation, tmp_path):
    mount = _tiny(tmp_path / "tiny")
    try:
        installation.folder = mount
        installation.server.sql(
            "INSERT INTO users (name) SELECT gen_random_uuid()::text FROM generate_series(1, 60000)", database=DATABASE
        )
        message = installation.refused()
        assert "the disk is full" in message and "monq_backup_dir" in message
        assert installation.dumps() == []
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def _tiny(path):
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs needs root with CAP_SYS_ADMIN; the file size limit below is tested in its place")
    return path


def test_trap_39_a_write_that_ends_early(installation):
    installation.server.sql(
        "INSERT INTO users (name) SELECT gen_random_uuid()::text FROM generate_series(1, 60000)", database=DATABASE
    )
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def narrow(_argv):
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))

    def wide(_argv):
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    installation.runner.before["dump"], installation.runner.after["dump"] = narrow, wide
    message = installation.refused()
    assert "pg_dump failed" in message
    assert installation.dumps() == []


def test_trap_39_a_full_disk_in_our_own_writing(installation, monkeypatch):
    """The manifest does not fit: the dump is gone too, for nothing would say what it is."""

    def full(_path):
        raise OSError(28, "No space left on device")

    calls = []
    real = backup_module._sync
    monkeypatch.setattr(
        backup_module, "_sync", lambda path: real(path) if len(calls) < 2 and not calls.append(path) else full(path)
    )
    message = installation.refused()
    assert "No space left on device" in message and "bytes free" in message
    assert installation.dumps() == []


def test_trap_39_a_folder_that_cannot_be_made(installation, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    installation.folder = blocker
    message = installation.refused()
    assert "the backup cannot be written" in message and "monq_backup_dir" in message


def test_trap_39_a_missing_pg_dump(installation):
    installation.pg_dump = "/nowhere/pg_dump"
    assert "the program cannot be started" in installation.refused()
    assert installation.dumps() == []


def test_a_missing_database(installation):
    message = installation.refused(database="pl_other")
    assert 'database "pl_other" does not exist' in message


def test_a_wrong_password_is_not_echoed(installation):
    installation.role = {**installation.server.as_role(), "password": PASSWORD + "x"}
    assert "password authentication failed" in installation.refused()


def test_a_server_that_is_not_there(installation):
    installation.role = {**installation.server.as_role(), "port": 1}
    assert "monq_postgresql_host" in installation.refused()


# ---- preflight


def inspect(
    installation, databases=(DATABASE,), role=None, scratch=None, directory=None, limit=1 << 30, pg_restore=None
):
    source = Postgresql(role or installation.role, installation.pg_dump, pg_restore or f"{BIN}/pg_restore")
    scratch = Postgresql(scratch or role or installation.role)
    items = [{"microservice": name.replace("_", "-"), "database": name} for name in databases]
    found = Inspection(source, scratch, items, str(directory or installation.folder), limit).run()
    assert all(set(f) == {"check", "severity", "object", "expected", "seen", "next"} for f in found.findings)
    assert all(f["next"] for f in found.findings if f["severity"] != "info")
    assert PASSWORD not in json.dumps(found.findings) and READER_PASSWORD not in json.dumps(found.findings)
    return {f["check"].split(".", 1)[1]: f for f in found.findings}, found


def test_preflight_of_a_good_server(installation):
    by_check, found = inspect(installation)
    assert set(by_check) == {"space"} and by_check["space"]["severity"] == "info"
    assert found.sizes[DATABASE] > 1_000_000
    assert not Path(installation.folder).exists()


def test_preflight_collects_everything(installation, tmp_path):
    (tmp_path / "file").write_text("")
    reader = installation.server.as_role("reader", READER_PASSWORD)
    directory = tmp_path / "file" / "x"
    by_check, _found = inspect(installation, (DATABASE, "pl_other"), reader, directory=directory, limit=1000)
    assert by_check["database"]["severity"] == "stop" and "pl_other" in by_check["database"]["object"]
    assert "monq_database_names" in by_check["database"]["next"]
    assert by_check["select"]["severity"] == "stop" and 'odd schema.odd "table' in by_check["select"]["seen"]
    assert by_check["scratch"]["severity"] == "warning"
    assert by_check["scratch_size"]["severity"] == "warning"
    assert by_check["directory"]["severity"] == "stop"


def test_preflight_names_rows_that_a_policy_hides(installation):
    let_reader_in(installation.server)
    installation.server.sql("ALTER TABLE users ENABLE ROW LEVEL SECURITY", database=DATABASE)
    role = installation.server.as_role("reader", READER_PASSWORD)
    by_check, _found = inspect(installation, role=role)
    assert "select" not in by_check and "public.users" in by_check["row_security"]["seen"]
    installation.role = role
    assert "row-level security" in installation.refused()


def test_preflight_of_an_unreachable_server_is_one_finding(installation):
    by_check, found = inspect(installation, role={**installation.server.as_role(), "port": 1})
    assert [f["check"] for f in found.findings] == ["postgresql.reachable"]
    assert by_check["reachable"]["severity"] == "stop"


def test_preflight_of_an_unreachable_scratch_server(installation):
    by_check, _found = inspect(installation, scratch={**installation.server.as_role(), "port": 1})
    assert by_check["scratch"]["severity"] == "stop" and "monq_scratch" in by_check["scratch"]["next"]


def _program(tmp_path, text):
    path = tmp_path / "program"
    path.write_text(f"#!{sys.executable}\nprint({text!r})\n")
    path.chmod(0o755)
    return str(path)


def test_trap_39_preflight_refuses_an_old_pg_dump(installation, tmp_path):
    installation.pg_dump = _program(tmp_path, "pg_dump (PostgreSQL) 9.6.24")
    by_check, _found = inspect(installation)
    assert by_check["pg_dump"]["severity"] == "stop"
    assert "9.6" in by_check["pg_dump"]["seen"] and "postgresql-client-" in by_check["pg_dump"]["next"]


def test_trap_39_preflight_refuses_an_old_pg_restore(installation, tmp_path):
    by_check, _found = inspect(installation, pg_restore=_program(tmp_path, "pg_restore (PostgreSQL) 9.6.24"))
    assert by_check["pg_restore"]["severity"] == "stop"


def test_trap_39_preflight_misses_programs(installation):
    installation.pg_dump = "/nowhere/pg_dump"
    by_check, _found = inspect(installation, pg_restore="/nowhere/pg_restore")
    assert by_check["pg_dump"]["severity"] == by_check["pg_restore"]["severity"] == "stop"


def test_trap_39_preflight_wants_space(installation, monkeypatch):
    monkeypatch.setattr(
        "ansible_collections.monq.platform.plugins.module_utils.checks.postgres.free_bytes", lambda _path: 10
    )
    by_check, _found = inspect(installation)
    assert by_check["space"]["severity"] == "stop" and by_check["space"]["seen"] == "10 bytes free"


def test_trap_39_preflight_wants_a_writable_folder(installation, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write everywhere
    by_check, _found = inspect(installation)
    assert by_check["directory"]["severity"] == "stop"


def test_preflight_shows_scratch_databases_that_stayed(installation):
    dead = {"host": process.here(), "pid": 2**22 + 1, "pid_start": 1, "created": START}
    installation.server.sql(
        "CREATE DATABASE monq_scratch_dead OWNER monq", dump.comment_scratch("monq_scratch_dead", dead)
    )
    by_check, _found = inspect(installation)
    assert by_check["leftovers"]["severity"] == "info" and by_check["leftovers"]["seen"] == "monq_scratch_dead"
    assert installation.server.scratch() == ["monq_scratch_dead"]
