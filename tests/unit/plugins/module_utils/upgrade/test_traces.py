"""What a database shows of an SQL file: nothing at all is no success, whatever the client says."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres.trace import Look, difference
from ansible_collections.monq.platform.plugins.module_utils.upgrade.traces import Traces, in_words
from fake_session import FakeSession
from repository import RELEASE

STEP = next(step for step in steps.plan(RELEASE, ["pl"]) if step.key.startswith("upgrade.pl.database.pl-i18n-service"))
BEFORE = Look("a", 10, 5, 1)


class Server:
    """Shows one look after the other, the last one for ever; an error is raised."""

    def __init__(self, *looks):
        self.looks, self.databases, self.seconds = list(looks), [], 0.0

    def __call__(self, given):
        return self

    @contextlib.contextmanager
    def session(self, database):
        self.databases.append(database)
        now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(now, Exception):
            raise now
        yield now

    def sleep(self, seconds):
        self.seconds += seconds

    def traces(self, monkeypatch, names=None):
        target = "ansible_collections.monq.platform.plugins.module_utils.upgrade.traces.trace.look"
        monkeypatch.setattr(target, lambda session: session)
        return Traces(FakeSession(), {}, names or {}, connect=self, clock=lambda: self.seconds, sleep=self.sleep)


@pytest.mark.parametrize(
    ("after", "seen"),
    [
        (Look("b", 10, 5, 1), {"catalogue": True, "inserted": 0, "updated": 0, "deleted": 0}),
        (Look("a", 12, 5, 1), {"catalogue": False, "inserted": 2, "updated": 0, "deleted": 0}),
        (Look("a", 10, 5, 3), {"catalogue": False, "inserted": 0, "updated": 0, "deleted": 2}),
        (Look("a", 3, 0, 0), {"catalogue": False, "inserted": 3, "updated": 0, "deleted": 0}),
    ],
)
def test_what_has_changed_is_kept(monkeypatch, after, seen):
    """the last row: counters that were reset in between"""
    server = Server(BEFORE, after)
    traces = server.traces(monkeypatch)
    assert traces.after(STEP, lambda: "Done.") == "Done."
    assert traces.evidence == {STEP.key: seen} and traces.warnings == [] and server.seconds == 0
    assert set(server.databases) == {"pl_i18n_service"}


def test_nothing_at_all_is_not_known(monkeypatch):
    server = Server(BEFORE)
    traces = server.traces(monkeypatch, {"pl-i18n-service": "i18n"})
    with pytest.raises(CommandError, match="the database shows nothing of it") as caught:
        traces.after(STEP, lambda: "3 rows updated, 0 errors. Done.")
    assert caught.value.unknown and caught.value.obj == "database i18n" and server.seconds >= 10


def test_statistics_that_come_later_are_waited_for(monkeypatch):
    server = Server(BEFORE, BEFORE, BEFORE, Look("a", 10, 6, 1))
    traces = server.traces(monkeypatch)
    assert traces.after(STEP, lambda: "Done.") == "Done." and server.seconds == 1.0


def test_a_failure_shows_what_the_database_shows(monkeypatch):
    """trap 36: half of a file may be applied"""

    def fail():
        raise CommandError("monqctl failed")

    for after, words in ((Look("b", 12, 5, 1), "definitions changed, 2 rows inserted"), (BEFORE, "no change")):
        with pytest.raises(CommandError, match="^monqctl failed") as caught:
            Server(BEFORE, after).traces(monkeypatch).after(STEP, fail)
        assert caught.value.evidence == [f"database pl_i18n_service shows: {words}"]


@pytest.mark.parametrize("looks", [[MonqError("cannot connect", seen="no")], [BEFORE, MonqError("gone", seen="no")]])
def test_where_one_cannot_look_the_clients_word_counts_with_a_warning(monkeypatch, looks):
    traces = Server(*looks).traces(monkeypatch)
    assert traces.after(STEP, lambda: "Done.") == "Done."
    assert traces.evidence == {} and len(traces.warnings) == 1 and "is not looked at" in traces.warnings[0]


def test_in_words():
    assert in_words(difference(BEFORE, Look("b", 11, 7, 1))) == "definitions changed, 1 rows inserted, 2 rows updated"
