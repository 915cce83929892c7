"""What PostgreSQL and its programs say is shown without the role's password and without rows."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import client as postgresql
from ansible_collections.monq.platform.plugins.module_utils.process import Result
from ansible_collections.monq.platform.plugins.module_utils.redaction.text import known
from ansible_collections.monq.platform.plugins.module_utils.rollback.database import DatabaseRestore

SERVER = {"host": "db", "port": 5432, "user": "monq", "password": "p&hunter2x", "sslmode": "prefer"}


class Refused(Exception):
    """As psycopg2 raises it."""


class Connection:
    def cursor(self):
        return contextlib.nullcontext(self)

    def execute(self, sql):
        raise Refused("ERROR:  no p&hunter2x\nDETAIL:  Failing row contains (hunter).\nHINT:  x\n")


def test_a_statement_that_was_refused():
    with pytest.raises(MonqError) as caught:
        postgresql.Session(Connection(), "database a", Refused, known(["p&hunter2x"])).query("SELECT 1")
    assert "ERROR:  no ******** | DETAIL:  ******** | HINT:  x" in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda server, runner: postgresql.Postgresql(server, runner=runner).dump("a", "s", "/a"),
        lambda server, runner: postgresql.Postgresql(server, runner=runner).pg_restore_version(),
        lambda server, runner: DatabaseRestore(server, runner=runner)._fill("a", {"path": "/a"}),
    ],
)
def test_a_program_that_failed(call):
    asked = []

    def runner(argv, env, timeout):
        asked.append(env["PGPASSWORD"])
        return Result(1, "", "pg_dump: error: password='p&hunter2x' or p%26hunter2x", False)

    with pytest.raises(CommandError) as caught:
        call(SERVER, runner)
    assert (
        asked == ["p&hunter2x"]
        and "hunter" not in str(caught.value)
        and "password='********' or ********" in str(caught.value)
    )


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ('FATAL:  database "monq_scratch_probe" does not exist', False),
        ('ВАЖНО:  база данных "monq_scratch_probe" не существует', False),
        ('FATAL:  no pg_hba.conf entry for host "h", user "u", database "monq_scratch_probe", no encryption', True),
        ('ВАЖНО:  в pg_hba.conf нет записи для компьютера "h", базы "monq_scratch_probe"', True),
        ('FATAL:  pg_hba.conf rejects connection for host "h", database "monq_scratch_probe"', True),
        ('FATAL:  password authentication failed for user "u"', True),
        ("FATAL:  no such database: monq_scratch_probe", True),
    ],
)
def test_a_server_that_lets_the_role_into_new_databases_says_that_there_is_none(monkeypatch, said, refused):
    def session(_self, _database):
        raise MonqError("cannot connect to PostgreSQL", "h", "a connection", said, "x")

    monkeypatch.setattr(postgresql.Postgresql, "session", session)
    found = postgresql.Postgresql(SERVER).refuses("monq_scratch_probe")
    assert (found is not None) == refused
