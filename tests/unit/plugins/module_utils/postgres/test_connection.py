"""Connections: their options, what poolers make of them, and refusals in other encodings."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import connection, settings

SERVER = {"host": "db", "port": 5432, "user": "monq", "password": "p&hunter2x", "sslmode": "prefer"}
NEWER = ("0", None)  # the server knows the first of settings.NEWER


class Refused(Exception):
    """As psycopg2 raises it."""


class Connection:
    """A client of the server, or of a pooler that serves it by the next of these sessions."""

    autocommit = False

    def __init__(self, library):
        self.library, self.own, self.held = library, library.next_session(), None

    def cursor(self):
        return contextlib.nullcontext(self)

    def get_parameter_status(self, _name):
        return "UTF8"

    def execute(self, sql):
        self.library.statements.append(sql)
        self.sql = sql
        if self.library.mode != "transaction":
            self.session = self.own
        else:
            self.session = self.held or next(one for one in (1, 2) if one not in self.library.busy)
        if sql == "BEGIN":
            self.held = self.session
            self.library.busy.add(self.session)

    def fetchone(self):
        if "pg_backend_pid" in self.sql:
            return (self.session,)
        given = [self.library.settings.get(name) for name in settings.SESSION]
        return (True, *given, *NEWER)

    def close(self):
        self.library.busy.discard(self.held)


class Library:
    """psycopg2 before a server (mode None) or a pooler, which refuses or ignores options."""

    Error = Refused

    def __init__(self, mode=None, refuses=False):
        self.mode, self.refuses = mode, refuses
        self.statements, self.options, self.settings, self.busy, self._count = [], [], {}, set(), 0

    def next_session(self):
        self._count += 1
        return self._count

    def connect(self, **given):
        self.options.append(given.get("options"))
        if self.mode and self.refuses and given.get("options"):
            raise Refused("FATAL:  unsupported startup parameter: options")
        self.settings = {} if self.mode else dict(settings.SESSION)
        return Connection(self)


def connector(monkeypatch, library):
    monkeypatch.setattr(connection, "_psycopg2", lambda: library)
    return connection.Connector(SERVER)


def test_a_direct_session_has_our_settings_as_options_and_programs_too(monkeypatch):
    library = Library()
    made = connector(monkeypatch, library)
    opened = made.open("a")
    assert library.options == [settings.options(settings.SESSION)] and not opened.local
    assert not [one for one in library.statements if "SET " in one]
    assert made.pooling("a") is None
    assert made.options({"app.a": "x", "statement_timeout": "5"}).startswith("-c app.a=x -c statement_timeout=0 ")
    assert made.options().endswith("-c idle_session_timeout=0")


@pytest.mark.parametrize("refuses", [True, False])
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_pooler_is_known_and_so_is_its_mode(monkeypatch, mode, refuses):
    library = Library(mode, refuses)
    made = connector(monkeypatch, library)
    opened = made.open("a")
    assert made.pooled and made.pooling("a") == mode and opened.local is (mode == "transaction")
    assert bool([one for one in library.statements if "SET " in one]) is (mode == "session")
    assert made.options({"app.a": "x"}) == "", "a pooler would refuse pg_dump"
    made.close(opened)
    assert ("RESET ALL" in library.statements[-1]) is (mode == "session")


def test_a_refusal_in_the_servers_own_encoding_is_read(monkeypatch):
    """A server on Windows: psycopg2 cannot decode what it says before an encoding is agreed on."""
    library = Library()
    said = "ВАЖНО:  пользователь не прошёл проверку подлинности (hunter2x)".encode("cp1251")

    def connect(**_given):
        raise UnicodeDecodeError("utf-8", said, 0, 1, "invalid")

    library.connect = connect
    with pytest.raises(MonqError, match="cannot connect") as caught:
        connector(monkeypatch, library).open("a")
    assert "не прошёл проверку подлинности" in caught.value.seen


def test_where_no_second_connection_is_possible_a_pooler_is_taken_for_the_worse(monkeypatch):
    library = Library("session")
    made = connector(monkeypatch, library)
    made.pooled = True

    def connect(**_given):
        raise Refused("FATAL:  too many connections")

    library.connect = connect
    assert made.pooling("a") == "transaction"
    made.pooled = False
    assert made.pooling("a") is None
