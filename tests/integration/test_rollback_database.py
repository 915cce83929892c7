"""Restores a database from its dump, with a real, private PostgreSQL: exactly as it was, or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psycopg2
import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.errors import LockError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import dump
from ansible_collections.monq.platform.plugins.module_utils.postgres.backup import Backup
from ansible_collections.monq.platform.plugins.module_utils.postgres.client import Postgresql
from ansible_collections.monq.platform.plugins.module_utils.rollback.database import DatabaseRestore, proved
from support.private_postgresql import BIN, DATABASE, PASSWORD, TABLES

pytestmark = pytest.mark.skipif(not BIN, reason="no PostgreSQL server is installed")
KEPT = f"{DATABASE}_before_rollback_1"


@pytest.fixture
def dumped(server, tmp_path):
    """Returns a database with its own privileges and settings, its dump, and then a failed migration."""
    server.sql(
        f"CREATE DATABASE {DATABASE} OWNER monq CONNECTION LIMIT 20",
        f"COMMENT ON DATABASE {DATABASE} IS 'identity, prod''s own'",
        f"REVOKE CONNECT ON DATABASE {DATABASE} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {DATABASE} TO reader",
        f'ALTER DATABASE {DATABASE} SET search_path = "odd schema", public, "$user"',
        f"ALTER DATABASE {DATABASE} SET statement_timeout = '45s'",
        f"ALTER DATABASE {DATABASE} SET app.mode = 'it''s'",
        "GRANT SET ON PARAMETER app.mode TO monq",
    )
    role = {"database": DATABASE, "user": "monq", "password": PASSWORD}
    server.sql("SET search_path = public", *TABLES, **role)
    server.sql("GRANT SELECT ON public.users TO reader", **role)
    given = Postgresql(server.as_role())
    backup = Backup(given, given, str(tmp_path / "backup"), "production", "6.0.0", 1, 3600, 1 << 30)
    result = backup.dump("pl-identity-service", DATABASE, "prepare")
    before = facts(server)
    server.sql("DROP TABLE public.users CASCADE", "CREATE TABLE public.migrated (id int)", **role)
    yield result, before
    for (name,) in server.sql(
        f"SELECT datname FROM pg_database WHERE datname LIKE '{DATABASE}%' OR datname LIKE 'monq_scratch%'"
    ):
        server.sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def facts(server):
    """Returns everything about the database, whether a dump contains it or not, as read by a superuser."""
    of_it = f"FROM pg_database WHERE datname = '{DATABASE}'"
    columns = (
        "pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype, datconnlimit, "
        "shobj_description(oid, 'pg_database')"
    )
    settings = f"SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase = (SELECT oid {of_it}) ORDER BY 1"
    return {
        "database": server.sql(f"SELECT {columns} {of_it}"),
        "privileges": sorted(server.sql(f"SELECT unnest(datacl)::text {of_it}")),
        "settings": server.sql(settings),
        "users": server.sql(
            "SELECT count(*), max(id), md5(string_agg(name, ',' ORDER BY id)) FROM public.users", database=DATABASE
        ),
        "tables": server.sql(
            "SELECT schemaname, tablename, tableowner FROM pg_tables WHERE schemaname !~ '^pg_|information' ORDER BY "
            "1, 2",
            database=DATABASE,
        ),
        "grants": server.sql("SELECT relacl::text FROM pg_class WHERE relname = 'users'", database=DATABASE),
    }


def names(server):
    return {
        row[0]
        for row in server.sql(
            f"SELECT datname FROM pg_database WHERE datname LIKE '{DATABASE}%' OR datname LIKE 'monq_scratch%'"
        )
    }


def restore(server, **given):
    return DatabaseRestore(server.as_role(), sleep=lambda seconds: None, **given)


def untouched(server):
    """Checks that the migrated database has its name, and that no other database is left."""
    assert names(server) == {DATABASE}
    assert server.sql("SELECT to_regclass('public.migrated') IS NOT NULL", database=DATABASE) == [(True,)]


def test_it_stands_exactly_as_it_was_and_the_other_one_is_kept(server, dumped):
    result, before = dumped
    done = restore(server).run(DATABASE, result, 1)
    assert done["kept"] == KEPT and names(server) == {DATABASE, KEPT}
    assert facts(server) == before
    assert server.sql("SELECT to_regclass('public.migrated') IS NOT NULL", database=KEPT) == [(True,)]


def test_a_setting_that_only_a_superuser_may_give_is_named_without_its_value(server, dumped):
    server.sql("REVOKE SET ON PARAMETER app.mode FROM monq")
    done = restore(server).run(DATABASE, dumped[0], 1)
    assert done["settings_left"] == ["app.mode"]
    assert [row for row in dumped[1]["settings"] if not row[0].startswith("app.mode")] == facts(server)["settings"]


def test_killed_after_the_swap_it_is_not_done_again(server, dumped):
    result, before = dumped
    restore(server).run(DATABASE, result, 1)
    oid = server.sql(f"SELECT oid FROM pg_database WHERE datname = '{DATABASE}'")
    assert restore(server).run(DATABASE, result, 1)["kept"] == KEPT
    assert server.sql(f"SELECT oid FROM pg_database WHERE datname = '{DATABASE}'") == oid and names(server) == {
        DATABASE,
        KEPT,
    }
    assert restore(server).run(DATABASE, result, 2)["kept"] == f"{DATABASE}_before_rollback_2", (
        "another attempt is another restore"
    )
    assert facts(server) == before


def test_a_live_connection_refuses_and_is_named(server, dumped):
    result, before = dumped
    where = {"host": "127.0.0.1", "port": server.port, "user": "monq", "password": PASSWORD, "dbname": DATABASE}
    connection = psycopg2.connect(**where, application_name="report-builder")
    try:
        with pytest.raises(MonqError, match="live connections") as caught:
            restore(server).run(DATABASE, result, 1)
        assert "report-builder, user monq, from 127.0.0.1" in caught.value.seen
        assert "monq_rollback_terminate_connections" in caught.value.next_step
        untouched(server)
        DatabaseRestore(server.as_role(), terminate=True).run(DATABASE, result, 1)
        assert facts(server) == before
        with pytest.raises(psycopg2.Error):
            connection.cursor().execute("SELECT 1")
    finally:
        connection.close()


def lost():
    raise LockError("the lock is lost")


def test_who_has_lost_the_lock_ends_no_connection(server, dumped):
    """Fencing: a holder that was frozen and replaced."""
    connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="monq", password=PASSWORD, dbname=DATABASE)
    with pytest.raises(LockError):
        restore(server, terminate=True, fence=lost).run(DATABASE, dumped[0], 1)
    connection.cursor().execute("SELECT 1")
    connection.close()
    untouched(server)


def test_who_has_lost_the_lock_changes_no_name(server, dumped):
    """A restore takes a while: the lock is checked right before the swap."""
    with pytest.raises(LockError):
        restore(server, fence=lost).run(DATABASE, dumped[0], 1)
    untouched(server)


def test_whoever_comes_during_the_restore_refuses_the_swap(server, dumped):
    """Connections are checked twice: before the restore, and before the names change."""
    came = []

    def runner(argv, **given):
        came.append(
            psycopg2.connect(
                host="127.0.0.1",
                port=server.port,
                user="monq",
                password=PASSWORD,
                dbname=DATABASE,
                application_name="late",
            )
        )
        return process.run(argv, **given)

    with pytest.raises(MonqError, match="live connections"):
        restore(server, runner=runner).run(DATABASE, dumped[0], 1)
    came[0].close()
    untouched(server)


@pytest.mark.parametrize("fault", ["altered", "truncated", "gone", "another database"])
def test_a_dump_that_is_not_the_ledgers_changes_nothing(server, dumped, fault):
    result, path = dict(dumped[0]), Path(dumped[0]["path"])
    data = path.read_bytes()
    if fault == "altered":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif fault == "truncated":
        path.write_bytes(data[: len(data) // 2])
    elif fault == "gone":
        path.unlink()
    else:
        result["database"] = "pl_other"
    with pytest.raises(MonqError, match="missing or altered|different database"):
        restore(server).run(DATABASE, result, 1)
    untouched(server)
    with pytest.raises(MonqError):
        proved(result, DATABASE)


@pytest.mark.parametrize("manifest", [True, False], ids=["by the manifest", "by the sums"])
def test_a_restore_that_lacks_a_row_changes_nothing(server, dumped, manifest):
    result, path = dict(dumped[0]), Path(dumped[0]["path"]).parent / dump.MANIFEST
    if manifest:
        content = json.loads(path.read_text())
        content["dumps"][-1]["rows"]["public.users"] += 1
        path.write_text(json.dumps(content))
    else:
        path.unlink()
        result["rows"] += 1
    with pytest.raises(MonqError, match="does not match the dump"):
        restore(server).run(DATABASE, result, 1)
    untouched(server)


def test_the_first_error_of_pg_restore_changes_nothing(server, dumped):
    """The owner is gone: the dump requires a role that this server does not have."""
    server.sql(
        "CREATE ROLE passing", "GRANT ALL ON SCHEMA public TO passing", "GRANT passing TO monq", database=DATABASE
    )
    server.sql("CREATE TABLE public.theirs (id int)", "ALTER TABLE public.theirs OWNER TO passing", database=DATABASE)
    folder = Path(dumped[0]["path"]).parent.parent.parent.parent
    given = Postgresql(server.as_role())
    result = Backup(given, given, str(folder), "production", "6.0.0", 1, 3600, 0).dump(
        "pl-identity-service", DATABASE, "upgrade"
    )
    server.sql("DROP TABLE public.theirs", "REVOKE ALL ON SCHEMA public FROM passing", database=DATABASE)
    server.sql("DROP ROLE passing")
    with pytest.raises(MonqError, match="could not be restored; the current database is untouched"):
        restore(server).run(DATABASE, result, 1)
    untouched(server)


def test_what_a_killed_run_left_is_dropped(server, dumped):
    left = dump.SCRATCH + "0123456789ab"
    server.sql(f"CREATE DATABASE {left} OWNER monq")
    dead = {"host": process.here(), "pid": os.getpid(), "pid_start": 1, "created": 1e9}
    server.sql(dump.comment_scratch(left, dead))
    restore(server).run(DATABASE, dumped[0], 1)
    assert names(server) == {DATABASE, KEPT}


def test_what_would_stop_it_is_known_before(server, dumped):
    assert restore(server).problems(DATABASE) == []
    server.sql("ALTER ROLE monq NOCREATEDB")
    try:
        assert [one["expected"] for one in restore(server).problems(DATABASE)] == ["role monq may create databases"]
        server.sql(f"ALTER DATABASE {DATABASE} OWNER TO postgres")
        found = restore(server).problems(DATABASE, dumped[0])
        # The role may not even connect any more, as PUBLIC may not.
        assert [one["severity"] for one in found] == ["stop", "stop", "warning"] and "connect" in found[2]["seen"]
    finally:
        server.sql("ALTER ROLE monq CREATEDB")
