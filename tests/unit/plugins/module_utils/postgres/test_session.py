"""A session's statements: behind a pooler, without an encoding, and with many tables."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import connection, session, settings
from ansible_collections.monq.platform.plugins.module_utils.postgres.client import Postgresql

SERVER = {"host": "db", "port": 5432, "user": "monq", "password": "p&hunter2x", "sslmode": "prefer"}


class Refused(Exception):
    """As psycopg2 raises it."""


class Connection:
    """Keeps the statements; replies with the rows of the first word that a statement contains."""

    def __init__(self, **replies):
        self.statements, self.replies, self.description, self.rows = [], replies, True, []

    def cursor(self):
        return contextlib.nullcontext(self)

    def execute(self, sql):
        self.statements.append(sql)
        reply = next((rows for word, rows in self.replies.items() if word in sql), [])
        if isinstance(reply, Exception):
            raise reply
        self.rows = reply

    def fetchall(self):
        return self.rows


def of(found, **options):
    return session.Session(found, "database a", Refused, **options)


@pytest.mark.parametrize("fails", [False, True])
def test_behind_a_pooler_nothing_is_set_for_longer_than_a_transaction(fails):
    found = Connection(now=Refused("no") if fails else [(1,)])
    with contextlib.suppress(MonqError):
        of(found, local=True).query("SELECT now()")
    begin, query, end = found.statements
    assert begin.startswith("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL ") and begin.count(
        "SET "
    ) == len(settings.SESSION)
    assert (query, end) == ("SELECT now()", "ROLLBACK")


def test_a_pooler_in_transaction_mode_is_refused_before_a_snapshot(monkeypatch):
    found = Connection(current_database=[("a",)], export=[("1",)])
    server = Postgresql(SERVER)
    monkeypatch.setattr(connection, "failures", lambda: Refused)
    monkeypatch.setattr(server.connector, "open", lambda _database: connection.Opened(found, False, True))
    monkeypatch.setattr(server.connector, "close", lambda _opened: None)
    monkeypatch.setattr(server.connector, "pooling", lambda _database: connection.TRANSACTION)
    with pytest.raises(MonqError, match="a connection pooler"), server.snapshot("a"):
        pass
    assert not [one for one in found.statements if "REPEATABLE" in one or "export" in one]


def test_a_database_without_an_encoding_gives_and_takes_bytes():
    name = "таблица"
    found = Connection(pg_class=[("s", name.encode().decode("latin-1")), ("s", "\xf2")], count=[(3,)])
    assert of(found, raw=True).rows() == {"s.таблица": 3, "s.\\xf2": 3}
    assert found.statements[1].encode("latin-1").decode() == f'SELECT count(*) FROM ONLY "s"."{name}"'
    assert found.statements[2].endswith('"\xf2"')


def test_indexes_are_unlocked_after_each_part_and_tables_at_the_end():
    found = Connection(pg_class=[("s", f"t{number}") for number in range(session.CHUNK + 1)], count=[(0,)])
    assert len(of(found).locked_rows()) == session.CHUNK + 1
    others = [one for one in found.statements[1:] if "count(" not in one]
    assert [one.split()[0] for one in others] == ["LOCK", "SAVEPOINT", "ROLLBACK"] * 2
    assert others[3] == f'LOCK TABLE ONLY "s"."t{session.CHUNK}" IN ACCESS SHARE MODE'


def test_a_text_that_cannot_be_read_is_an_error_with_its_object():
    found = Connection(x=UnicodeDecodeError("utf-8", b"\xf2", 0, 1, "invalid"))
    with pytest.raises(MonqError) as caught:
        of(found).query("SELECT x")
    assert caught.value.obj == "database a" and caught.value.seen.startswith("text that is not in the encoding")


def test_too_few_locks_are_named_with_their_remedy():
    found = Connection(x=Refused("ERROR:  out of shared memory\nHINT:  increase max_locks_per_transaction."))
    with pytest.raises(MonqError) as caught:
        of(found).query("SELECT x")
    assert "raise max_locks_per_transaction in postgresql.conf" in caught.value.next_step
