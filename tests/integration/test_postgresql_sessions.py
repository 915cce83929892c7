"""What others set, hold or leave out on a private PostgreSQL: it stops no backup, or is named where it must."""

from __future__ import annotations

import contextlib

import psycopg2
import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.postgres import Inspection
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres.client import Postgresql
from support.postgresql_backup import PREPARE
from support.private_postgresql import BIN, DATABASE, PASSWORD, READER_PASSWORD, SERVICE

pytestmark = pytest.mark.skipif(not BIN, reason="no PostgreSQL server is installed")
OWNER = {"database": DATABASE, "user": "monq", "password": PASSWORD}


def inspect(installation, *databases):
    """Preflight's findings by check."""
    client = installation.server_client()
    items = [{"microservice": SERVICE, "database": name} for name in databases or [DATABASE]]
    found = Inspection(client, client, items, str(installation.folder), installation.limit).run()
    return {one["check"].partition(".")[2]: one for one in found.findings}


def restored_into(argv):
    return next(arg for arg in argv if arg.startswith("--dbname=")).split("=", 1)[1]


@contextlib.contextmanager
def connected(server, database, user="postgres", password="kN7-super-secret", **more):
    found = psycopg2.connect(host="127.0.0.1", port=server.port, user=user, password=password, dbname=database, **more)
    try:
        yield found
    finally:
        found.close()


# ---- 17: who holds a scratch database


def test_a_proved_dump_is_kept_although_its_scratch_database_cannot_be_dropped(installation, monkeypatch):
    """A superuser's monitoring connects to every database, and this role may not end its session."""
    monkeypatch.setattr(Postgresql.drop_scratch, "__defaults__", (1,))
    with contextlib.ExitStack() as stack:

        def watch(argv):
            stack.enter_context(connected(installation.server, restored_into(argv), application_name="zabbix"))

        installation.runner.after["restore"] = watch
        backup = installation.backup()
        run = installation.guarded()
        taken = backup.run_stage(run, "prepare", [{"microservice": SERVICE, "database": DATABASE}])
        [left] = installation.server.scratch()
        assert taken["backups"][0]["scratch"]["state"] == "restored" and len(installation.dumps()) == 1
        [warning] = backup.warnings
        assert left in warning and f'DROP DATABASE "{left}"' in warning
        assert "zabbix, user postgres" in warning and "1 other session using the database" in warning
    assert installation.entry(PREPARE)["state"] == "done"


def test_a_client_that_we_may_end_does_not_keep_the_scratch_database(installation):
    """A connection pool of the same role connects to whatever appears."""
    with contextlib.ExitStack() as stack:

        def watch(argv):
            stack.enter_context(connected(installation.server, restored_into(argv), "monq", PASSWORD))

        installation.runner.after["restore"] = watch
        installation.run("prepare")
    assert installation.server.scratch() == []


def test_monitoring_without_a_right_to_it_cannot_enter_a_scratch_database(installation):
    refused = []

    def watch(argv):
        with pytest.raises(psycopg2.OperationalError, match="permission denied for database") as caught:
            connected(installation.server, restored_into(argv), "reader", READER_PASSWORD).__enter__()
        refused.append(caught)

    installation.runner.after["restore"] = watch
    installation.run("prepare")
    assert refused


# ---- 18: partitions and locks

HASHED = (
    f"CREATE TYPE kind AS ENUM ({', '.join(repr(f'k{i}') for i in range(30))})",
    "CREATE TABLE h (k kind, v int) PARTITION BY HASH (k)",
    *(f"CREATE TABLE h{i} PARTITION OF h FOR VALUES WITH (MODULUS 4, REMAINDER {i})" for i in range(4)),
    "INSERT INTO h SELECT ('k' || i % 30)::kind, i FROM generate_series(1, 90) i",
)


def test_rows_may_belong_to_another_hash_partition_where_they_are_restored(installation):
    """The hash of an enum is that of its oid, which is another one in each database."""
    installation.server.sql(*HASHED, **OWNER)
    _result, taken = installation.run("prepare")
    assert taken["scratch"]["state"] == "restored" and taken["rows"] == 3005 + 90
    [argv] = [argv for argv in installation.runner.argvs if "--format=custom" in argv]
    assert "--load-via-partition-root" in argv, "an older pg_dump does not do so by itself"


def test_a_row_that_is_missing_from_a_partition_is_noticed(installation):
    installation.server.sql(*HASHED, **OWNER)
    installation.runner.after["restore"] = lambda argv: installation.server.sql(
        "DELETE FROM h WHERE v = 7", database=restored_into(argv)
    )
    assert "public.h: 90 rows dumped, 89 restored" in installation.refused()


def test_counting_holds_no_locks_on_indexes(installation):
    """The server of these tests has room for few locks, so that few tables show it."""
    installation.server.sql(
        "DO $$ BEGIN FOR i IN 1..240 LOOP EXECUTE format('CREATE TABLE t%s (a int PRIMARY KEY, b int UNIQUE, c int "
        "UNIQUE)', i); IF i % 20 = 0 THEN COMMIT; END IF; END LOOP; END $$",
        **OWNER,
    )
    client = installation.server_client()
    with client.session(DATABASE) as one:
        one.query("BEGIN")
        with pytest.raises(MonqError, match="out of shared memory") as caught:
            one.rows()
        assert "raise max_locks_per_transaction in postgresql.conf" in caught.value.next_step
    with client.snapshot(DATABASE) as (one, _snapshot):
        counted = one.locked_rows()
        assert len(counted) == 244 and counted["public.users"] == 3000
        locked = installation.server.sql(
            "SELECT relkind::text, count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
            " WHERE c.relnamespace = 'public'::regnamespace GROUP BY 1",
            database=DATABASE,
        )
        assert dict(locked) == {"r": 242, "p": 1}, "each table, so that none is emptied before it is dumped"
    assert "raise max_locks_per_transaction" in inspect(installation)["locks"]["next"]


# ---- 20: settings of the role and of the database


@pytest.fixture
def role(server):
    """Sets something for the role monq; it is reset at the end."""

    def change(*changes):
        server.sql(*(f"ALTER ROLE monq SET {change}" for change in changes))

    yield change
    server.sql("ALTER ROLE monq RESET ALL")


def test_settings_of_the_role_do_not_matter(installation, role):
    installation.server.sql("INSERT INTO users (name) VALUES ('漢字')", **OWNER)
    role(
        "default_transaction_read_only = on",
        "client_encoding = 'WIN1251'",
        "statement_timeout = '1ms'",
        "lock_timeout = '1ms'",
        "search_path = nowhere",
        "standard_conforming_strings = off",
        "idle_in_transaction_session_timeout = '1ms'",
        "idle_session_timeout = '10s'",
    )
    with installation.server_client().session(DATABASE) as one:
        assert one.value("SHOW idle_session_timeout") == "0"
    assert set(inspect(installation)) == {"space"}
    _result, taken = installation.run("prepare")
    assert taken["scratch"]["state"] == "restored" and installation.server.scratch() == []


def test_who_logs_in_acts_unless_it_can_do_less(installation, role):
    """A role that is set for the login role: one that may less, and one without which the login role can do nothing."""
    installation.server.sql("GRANT reader TO monq")
    role("role = reader")
    try:
        assert set(inspect(installation)) == {"space"}
        _result, taken = installation.run("prepare")
        assert taken["scratch"]["state"] == "restored"
    finally:
        installation.server.sql("REVOKE reader FROM monq")
    installation.server.sql(
        "ALTER ROLE monq RESET role",
        f"CREATE ROLE vault LOGIN NOINHERIT IN ROLE monq PASSWORD '{PASSWORD}'",
        "ALTER ROLE vault SET role = monq",
    )
    try:
        installation.role = installation.server.as_role("vault")
        assert set(inspect(installation)) == {"space"}
        taken = installation.backup().dump(SERVICE, DATABASE, "outage")
        assert taken["scratch"]["state"] == "restored"
    finally:
        installation.server.sql("DROP ROLE vault")


SETTINGS = (
    "ALTER DATABASE pl_identity_service SET timezone = 'Asia/Vladivostok'",
    "ALTER DATABASE pl_identity_service SET app.tenant = 'it''s \\ north'",
    "ALTER DATABASE pl_identity_service SET default_transaction_read_only = on",
    "ALTER DATABASE pl_identity_service SET log_min_duration_statement = 7",
)
CHECKED = (
    "SET default_transaction_read_only = off",
    "CREATE TABLE checked (at timestamptz CHECK (at::date = '2026-03-02'),"
    " tenant text CHECK (tenant = current_setting('app.tenant')))",
    "INSERT INTO checked VALUES ('2026-03-01 20:00:00+00', 'it''s \\ north')",
)


def test_settings_of_the_database_are_set_while_it_is_restored(installation):
    installation.server.sql(*SETTINGS)
    installation.server.sql(*CHECKED, **OWNER)
    _result, taken = installation.run("prepare")
    assert taken["scratch"]["state"] == "restored" and taken["rows"] == 3006


# ---- 22: words


def test_a_database_without_an_encoding_is_dumped_and_hides_no_other_finding(installation):
    """Names of tables in UTF-8 and in bytes that are no text; preflight also names what else is wrong."""
    name = "without_encoding"
    installation.server.sql(
        f"CREATE DATABASE {name} OWNER monq TEMPLATE template0 ENCODING SQL_ASCII LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    try:
        bytes_of = 'CREATE TABLE "\xf2\xe0" (id int)'  # in WIN1251
        with connected(installation.server, name, "monq", PASSWORD, client_encoding="LATIN1") as one:
            one.autocommit = True
            for statement in ('CREATE TABLE "таблица" (id int)'.encode().decode("latin-1"), bytes_of):
                one.cursor().execute(statement)
            one.cursor().execute('INSERT INTO "таблица" VALUES (1), (2)'.encode().decode("latin-1"))
        assert set(inspect(installation, name, "pl_other")) == {"database", "space"}
        taken = installation.backup().dump(SERVICE, name, "prepare")
        assert taken["scratch"]["state"] == "restored"
        [noted] = installation.manifest()
        assert noted["rows"] == {"public.таблица": 2, "public.\\xf2\\xe0": 0}
    finally:
        installation.server.sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_forced_row_security_on_an_own_table_gets_advice_that_helps(installation):
    installation.server.sql("ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", **OWNER)
    found = inspect(installation)
    assert "row_security" not in found and "public.users" in found["row_security_forced"]["seen"]
    assert "to the owner" not in found["row_security_forced"]["next"]
    installation.refused()
    installation.server.sql("ALTER TABLE users NO FORCE ROW LEVEL SECURITY", **OWNER)
    assert "row_security_forced" not in inspect(installation)
    installation.run("prepare")


def test_what_pg_restore_was_at_is_named(installation):
    installation.runner.before["restore"] = lambda argv: installation.server.sql(
        "CREATE TABLE users (other int)", database=restored_into(argv)
    )
    message = installation.refused()
    assert "object: TABLE users monq, from " in message, message
