"""Each finding about PostgreSQL by its id, on a server whose answers are given; a real one is asked in
tests/integration."""

from __future__ import annotations

import contextlib
import os
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import postgres, restore
from ansible_collections.monq.platform.plugins.module_utils.checks.postgres import Inspection
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres.connection import TRANSACTION

NAME, SERVICE = "pl_i18n_service", "pl-i18n-service"
GRANT = {"severity": "stop", "expected": "a member", "seen": "it is not", "next": "GRANT"}
GOOD = {
    "major": 150000,
    "standby": False,
    "size": 10,
    "tables": ["public.users"],
    "unreadable": [],
    "hidden": [],
    "databases": [NAME],
    "locks": 100,
    "may_create": True,
    "left": [],
    "pooling": None,
    "pg_dump": (15, 4),
    "pg_restore": (15, 4),
    "refused": None,
    "unreachable": False,
}


class Server:
    """PostgreSQL with one database of which nothing is wrong but what is given."""

    def __init__(self, name="db:5432", **given):
        self.name, self.server = name, {"host": name.partition(":")[0], "port": 5432, "user": "monq", "password": "x"}
        self._is = types.SimpleNamespace(**{**GOOD, **given})
        self.connector = types.SimpleNamespace(pooling=lambda _database: self._is.pooling)

    def pg_dump_version(self):
        return self._is.pg_dump

    def pg_restore_version(self):
        return self._is.pg_restore

    def _value(self, sql):
        known = {"SHOW server_version_num": self._is.major, "SELECT pg_is_in_recovery()": self._is.standby}
        return {**known, "SELECT current_database()": NAME}.get(sql, self._is.size)

    @contextlib.contextmanager
    def maintenance(self, _others=()):
        if self._is.unreachable:
            raise MonqError("cannot connect", self.name, "a connection", "refused", "look")
        yield types.SimpleNamespace(value=self._value)

    @contextlib.contextmanager
    def session(self, _name):
        answers = {"tables": self._is.tables, "unreadable": list(self._is.unreadable), "hidden_rows": self._is.hidden}
        asked = {name: lambda found=found: found for name, found in answers.items()}
        yield types.SimpleNamespace(value=self._value, **asked)

    def existing(self, _session):
        return self._is.databases

    def locks(self, _session):
        return self._is.locks

    def may_create(self, _session):
        return self._is.may_create

    def scratch_databases(self, _session):
        return self._is.left

    def refuses(self, _name):
        if isinstance(self._is.refused, CommandError):
            raise self._is.refused
        return self._is.refused


@pytest.fixture
def inspect(monkeypatch, tmp_path):
    """Returns [(id, severity)] of a server. needs: what a restore lacks; full: whether connections are used up."""

    def inspect(scratch=None, directory=tmp_path, limit=1000, needs=(), full=(), **given):
        monkeypatch.setattr(postgres.catalogue, "unreadable", lambda _session: [])
        monkeypatch.setattr(restore.catalogue, "contents", lambda _session: {})
        monkeypatch.setattr(restore.catalogue, "rights", lambda *_given: {"may_create": True})
        monkeypatch.setattr(restore.catalogue, "connections", lambda *_given: {})
        monkeypatch.setattr(restore.needs, "judge", lambda *_given: list(needs))
        monkeypatch.setattr(restore.needs, "limits", lambda _found: list(full))
        source = Server(**given)
        databases = [{"microservice": SERVICE, "database": NAME}]
        found = Inspection(source, scratch or source, databases, str(directory), limit).run().findings
        assert all(one["object"] and one["expected"] and one["seen"] for one in found)
        return [(one["id"], one["severity"]) for one in found if one["severity"] != "info" or one["id"] != SPACE]

    return inspect


SPACE = "MONQ-073"  # as information it is there whenever something was measured
WRONG = {
    "a standby": ({"standby": True}, [("MONQ-065", "stop")]),
    "nobody there": ({"unreachable": True}, [("MONQ-066", "stop")]),
    "no such database": ({"databases": []}, [("MONQ-067", "stop")]),
    "a database without tables": ({"tables": []}, [("MONQ-068", "stop")]),
    "a table that may not be read": ({"unreadable": ["public.a"]}, [("MONQ-069", "stop")]),
    "rows that a policy hides": ({"hidden": [("public.a", False)]}, [("MONQ-070", "stop")]),
    "rows hidden from their owner": ({"hidden": [("public.a", True)]}, [("MONQ-100", "stop")]),
    "larger than a scratch restore may be": ({"size": 2000}, [("MONQ-071", "warning")]),
    "a scratch server that is not there": (
        {"scratch": Server("scratch:5432", unreachable=True)},
        [("MONQ-074", "stop")],
    ),
    "a scratch server where nothing may be created": (
        {"scratch": Server("scratch:5432", may_create=False)},
        [("MONQ-074", "warning")],
    ),
    "scratch databases that stayed": ({"left": [("monq_scratch_a", "")]}, [("MONQ-075", "info")]),
    "what a restore lacks": ({"needs": [GRANT]}, [("MONQ-092", "stop")]),
    "no connection left": ({"full": [("database x", "2", "1", "ALTER")]}, [("MONQ-093", "stop")]),
    "new databases are not admitted": (
        {"refused": MonqError("refused", "db", "let in", "no pg_hba.conf entry")},
        [("MONQ-094", "stop")],
    ),
    "it cannot be told whether they are": ({"refused": CommandError("cut off", "db")}, [("MONQ-095", "stop")]),
    "a pooler": ({"pooling": TRANSACTION}, [("MONQ-096", "stop")]),
    "a pooler of sessions": ({"pooling": "session"}, [("MONQ-096", "warning")]),
    "too few locks": ({"locks": 1}, [("MONQ-097", "warning")]),
    "an old pg_dump": ({"pg_dump": (9, 6), "pg_restore": (9, 6)}, [("MONQ-063", "stop")]),
    "a pg_restore older than pg_dump": ({"pg_restore": (9, 6)}, [("MONQ-064", "stop")]),
    "too little space": ({"size": 1 << 62, "limit": 1 << 63}, [("MONQ-073", "stop")]),
}


@pytest.mark.parametrize("what", WRONG)
def test_each_thing_that_is_wrong_is_the_finding_with_its_id(inspect, what):
    given, expected = WRONG[what]
    assert inspect(**given) == expected


def test_a_good_server_has_none(inspect):
    assert inspect() == []


def test_a_folder_that_is_none(inspect, tmp_path):
    (tmp_path / "file").write_text("")
    assert inspect(directory=tmp_path / "file" / "x") == [("MONQ-072", "stop")]


def test_a_folder_that_may_not_be_written(inspect, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write everywhere
    assert inspect() == [("MONQ-072", "stop")]
