"""Restores a database: whoever holds it is named, and its own settings hold while the new one is built."""

from __future__ import annotations

import contextlib

import psycopg2
import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.rollback import database as rollback_database
from support.private_postgresql import BIN, DATABASE, PASSWORD, SERVICE

pytestmark = pytest.mark.skipif(not BIN, reason="no PostgreSQL server is installed")
OWNER = {"database": DATABASE, "user": "monq", "password": PASSWORD}
SETTINGS = (
    f"ALTER DATABASE {DATABASE} SET timezone = 'Asia/Vladivostok'",
    f"ALTER DATABASE {DATABASE} SET app.tenant = 'it''s \\ north'",
    f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on",
    "GRANT SET ON PARAMETER app.tenant TO monq",
)
CHECKED = (
    "SET default_transaction_read_only = off",
    "CREATE TABLE checked (at timestamptz CHECK (at::date = '2026-03-02'),"
    " tenant text CHECK (tenant = current_setting('app.tenant')))",
    "INSERT INTO checked VALUES ('2026-03-01 20:00:00+00', 'it''s \\ north')",
)


@pytest.fixture
def restore(installation):
    """Dumps the database and restores it with a DatabaseRestore, given its options."""

    def run(**options):
        result = installation.backup().dump(SERVICE, DATABASE, "outage")
        installation.server.sql("SET default_transaction_read_only = off", "DROP VIEW names", **OWNER)
        back = rollback_database.DatabaseRestore(
            installation.server.as_role(), f"{BIN}/pg_restore", sleep=lambda _seconds: None, **options
        )
        return back.run(DATABASE, result, 1)

    yield run
    installation.server.sql(f"DROP DATABASE IF EXISTS {DATABASE}_before_rollback_1 WITH (FORCE)")


@contextlib.contextmanager
def connected(server, database, user, password, **more):
    found = psycopg2.connect(host="127.0.0.1", port=server.port, user=user, password=password, dbname=database, **more)
    try:
        yield found
    finally:
        found.close()


def has_view(server):
    return server.sql("SELECT to_regclass('public.names') IS NOT NULL", database=DATABASE)[0][0]


def test_settings_of_the_database_are_set_while_it_is_restored(installation, restore):
    installation.server.sql(*SETTINGS)
    installation.server.sql(*CHECKED, **OWNER)
    query = (
        "SELECT unnest(setconfig) FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase"
        f" WHERE datname = '{DATABASE}' ORDER BY 1"
    )
    before = installation.server.sql(query)
    restore()
    assert has_view(installation.server) and installation.server.sql(query) == before
    assert installation.server.sql("SELECT count(*) FROM checked", database=DATABASE) == [(1,)]


def test_settings_of_the_role_do_not_matter(installation, restore):
    installation.server.sql(
        *(
            f"ALTER ROLE monq SET {one}"
            for one in (
                "default_transaction_read_only = on",
                "statement_timeout = '1ms'",
                "client_encoding = 'WIN1251'",
            )
        )
    )
    try:
        restore()
    finally:
        installation.server.sql("ALTER ROLE monq RESET ALL")
    assert has_view(installation.server)


def test_a_prepared_transaction_is_named_before_and_when_it_holds_the_database(installation, restore, monkeypatch):
    """As an application server leaves it that was killed between the two phases of a commit."""
    server = installation.server
    with connected(server, DATABASE, "monq", PASSWORD) as one:
        one.cursor().execute("BEGIN; INSERT INTO users (name) VALUES ('x'); PREPARE TRANSACTION 'msdtc-7'")
    try:
        back = rollback_database.DatabaseRestore(server.as_role())
        assert back.problems(DATABASE) == [], "one that has just been prepared ends by itself"
        monkeypatch.setattr(rollback_database, "PREPARED_FOR", 0)
        [found] = back.problems(DATABASE)
        assert found["severity"] == "stop" and "ROLLBACK PREPARED" in found["next"]
        assert "prepared" in found["expected"] and "'msdtc-7' of user monq, since 20" in found["seen"]
        with pytest.raises(MonqError, match="a prepared transaction holds the database") as caught:
            restore(terminate=True)
        assert "'msdtc-7' of user monq" in caught.value.seen and "ROLLBACK PREPARED" in caught.value.next_step
        assert not has_view(server)
    finally:
        server.sql("ROLLBACK PREPARED 'msdtc-7'", **OWNER)


def test_a_session_that_cannot_be_ended_is_named(installation, restore):
    with connected(installation.server, DATABASE, "postgres", "kN7-super-secret", application_name="zabbix") as one:
        with pytest.raises(MonqError, match="live connections") as caught:
            restore(terminate=True)
        pid = one.info.backend_pid
    assert f"pid {pid}: zabbix, user postgres (this role may not end it)" in caught.value.seen
    assert f"WHERE pid IN ({pid})" in caught.value.next_step and "monq_rollback" not in caught.value.next_step
    assert not has_view(installation.server)


def test_a_client_of_the_new_database_does_not_stop_the_swap(installation, restore):
    """A connection pool of the same role connects to whatever appears, and again when it is ended."""
    with contextlib.ExitStack() as stack:

        def runner(argv, **given):
            result = process.run(argv, **given)
            new = next(word for word in argv if word.startswith("--dbname=")).partition("=")[2]
            stack.enter_context(connected(installation.server, new, "monq", PASSWORD))
            return result

        restore(runner=runner)
    assert has_view(installation.server)
    assert installation.server.sql(f"SELECT datallowconn FROM pg_database WHERE datname = '{DATABASE}'") == [(True,)]
