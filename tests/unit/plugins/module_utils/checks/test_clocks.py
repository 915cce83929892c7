"""Clocks of the API server and PostgreSQL against this machine's."""

from __future__ import annotations

import contextlib
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import clocks
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError


@pytest.mark.parametrize(
    ("theirs", "took", "seen"),
    [
        (1000, 0, None),
        (1030, 0, None),
        (1031, 0, "31 s ahead"),
        (969, 0, "31 s behind"),
        (1090, 90, None),
        (1000, 90, None),
        (1130, 90, "40 s ahead"),
        (None, 0, None),
    ],
)
def test_a_clock_that_differs(theirs, took, seen):
    """The time that the answer takes is no difference."""
    now = iter((1000, 1000 + took))
    found = clocks.compare("the API server", lambda: theirs, lambda: next(now))
    assert [(one["severity"], one["object"], one["seen"]) for one in found] == (
        [("warning", "clock of the API server", seen)] if seen else []
    )


class Server:
    """A PostgreSQL server whose clock stands still at 1970."""

    name, broken = "db:5432", None

    def __init__(self, _server):
        pass

    @contextlib.contextmanager
    def maintenance(self, names):
        assert names == ["pl_x"]
        if self.broken is not None:
            raise MonqError(str(self.broken))
        yield types.SimpleNamespace(value=lambda sql: 7 if "clock_timestamp" in sql else None)


def test_postgresql_is_asked_in_its_own_session(monkeypatch):
    monkeypatch.setattr(clocks, "Postgresql", Server)
    given = {"postgresql": {}, "databases": [{"microservice": "pl-x", "database": "pl_x"}]}
    [one] = clocks.of_database(given)
    assert one["object"] == "clock of PostgreSQL db:5432" and one["seen"].endswith("s behind")
    monkeypatch.setattr(Server, "broken", MonqError("cannot connect"))
    assert clocks.of_database(given) == [], "another check says that"
