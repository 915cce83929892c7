"""Where the upgrade stands, as plan, status and summary show it."""

from __future__ import annotations

import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import lost_ledger
from ansible_collections.monq.platform.plugins.module_utils.engine import progress, steps
from ansible_collections.monq.platform.plugins.module_utils.engine.runner import StepRunner
from ansible_collections.monq.platform.plugins.module_utils.report import upgrade as texts
from repository import RELEASE

PLAN = steps.plan(RELEASE, ["pl"])
KEYS = [step.key for step in PLAN]
CUT = "upgrade.routing.cut"
CLIENT = "prepare.release_hub.token"
LAST = [key for key in KEYS if key.startswith("upgrade.")][-1]


def overview(entries, home="here", lost=None):
    ledger = types.SimpleNamespace(entries=entries, exists=bool(entries), generation=2, get=entries.get)
    return progress.overview(StepRunner(plan=PLAN, ledger=ledger, lease=None, home=home), lost=lost)


def done(**changed):
    entries = {
        key: {"state": "done", "homes": ["here"], "started": "2026-03-01T10:00:00Z", "finished": "2026-03-01T10:00:30Z"}
        for key in KEYS
    }
    entries[LAST] = {**entries[LAST], "finished": "2026-03-01T10:12:30Z"}
    return {**entries, **changed}


def rows(entries, home="here"):
    return {row["key"]: row for row in overview(entries, home)["steps"]}


def test_where_the_ledger_was_deleted_nothing_is_claimed():
    seen = overview({}, lost=lost_ledger(RELEASE, "production", ["monq-upgrade-6.0.0-cut-0"]))
    assert seen["platform"] == "unknown" and seen["reachable"] == seen["changed_so_far"] == progress.LOST
    text = texts.plan({**seen, "lock": "none", "rollback": "A ROLLBACK has begun"})
    for part in (
        "UNKNOWN",
        "ConfigMap production/monq-upgrade-6.0.0 was deleted",
        "monq-upgrade-6.0.0-cut-0",
        "from a backup",
        "A ROLLBACK has begun",
    ):
        assert part in text
    assert "not passed" not in text and "to do" not in text
    assert overview({})["lost"] == ""


def test_nothing_begun():
    seen = overview({})
    assert [row["key"] for row in seen["steps"]] == KEYS
    assert {row["state"] for row in seen["steps"]} == {"to do"}
    assert {name: seen[name] for name in ("platform", "finished", "begun", "generation", "outage_seconds")} == {
        "platform": "up",
        "finished": False,
        "begun": False,
        "generation": 2,
        "outage_seconds": None,
    }


def test_everything_done():
    seen = overview(done())
    assert {row["state"] for row in seen["steps"]} == {"done"}
    assert (seen["finished"], seen["platform"], seen["outage_seconds"]) == (True, "up", 750)


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        ({"state": "intent", "attempt": "a1"}, "intent"),
        ({"state": "failed", "error": "boom", "attempt": "a1"}, "failed"),
        ({"state": "unknown"}, "unknown"),
        ({"state": "accepted", "by": "operator", "finished": "2026-03-01T10:00:30Z"}, "done"),
    ],
)
def test_a_step_shows_what_its_entry_says(entry, state):
    row = rows(done(**{"prepare.registry.update": entry}))["prepare.registry.update"]
    assert row["state"] == state
    assert {name: row.get(name) for name in ("attempt", "error", "by")} == {
        name: entry.get(name) for name in ("attempt", "error", "by")
    }


def test_a_client_step_of_another_home_is_to_do_in_this_one():
    """trap 47"""
    seen = overview(done(), home="elsewhere")
    assert {row["key"] for row in seen["steps"] if row["state"] == "to do in this home"} == {
        s.key for s in PLAN if s.kind == "client"
    }
    assert not seen["finished"] and seen["outage_seconds"] == 750


@pytest.mark.parametrize("missing", [LAST, CUT, "upgrade.pl.microservices.rollout"])
def test_an_outage_that_lasts_has_no_length(missing):
    entries = done()
    del entries[missing]
    assert overview(entries)["outage_seconds"] is None


@pytest.mark.parametrize(
    ("entries", "lock_id", "expected"),
    [
        ({}, "l1", f"nothing: none of {len(KEYS)} steps is done"),
        ({KEYS[0]: {"state": "intent", "lock": "l1"}}, "l1", f"nothing: none of {len(KEYS)} steps is done"),
        (
            {KEYS[0]: {"state": "done", "lock": "l0"}, KEYS[1]: {"state": "accepted", "lock": "l1"}},
            "l1",
            f"2 of {len(KEYS)} steps done, the last: {KEYS[1]}; 1 of them under this lock",
        ),
        (
            {KEYS[0]: {"state": "done", "lock": "l0"}},
            "l1",
            f"1 of {len(KEYS)} steps done, the last: {KEYS[0]}; 0 of them under this lock",
        ),
        ({KEYS[0]: {"state": "done"}}, "", f"1 of {len(KEYS)} steps done, the last: {KEYS[0]}"),
    ],
)
def test_what_is_changed_so_far(entries, lock_id, expected):
    """trap 13"""
    assert progress.changed_so_far(PLAN, entries, lock_id) == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({}, "up: the old routes have not been touched"),
        (done(), "up"),
        (
            {CUT: {"state": "intent", "started": "2026-03-01T10:00:00Z"}},
            "DOWN since 2026-03-01T10:00:00Z: the old routes are removed and the upgrade is not finished",
        ),
    ],
)
def test_whether_the_platform_is_reachable(entries, expected):
    """trap 13"""
    assert progress.platform(PLAN, entries) == expected
