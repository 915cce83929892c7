"""Window, budget and forecast of an outage."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, StepError
from ansible_collections.monq.platform.plugins.module_utils.upgrade import schedule

UTC = datetime.timezone.utc
NIGHT = "2026-11-28T01:00:00+03:00/2026-11-28T04:00:00+03:00"


def at(hour, minute=0, second=0, day=27):
    return datetime.datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        (NIGHT, at(22), at(1, day=28)),
        ("2026-11-27T22:00Z/PT3H", at(22), at(1, day=28)),
        ("2026-11-27T22:00:30Z/PT1M5S", at(22, 0, 30), at(22, 1, 35)),
        ("2026-11-27T22:00:00+0000/P1D", at(22), at(22, day=28)),
        (" 2026-11-27T22:00:00Z/2026-11-27T23:00:00Z ", at(22), at(23)),
    ],
)
def test_an_interval_is_read(text, start, end):
    window = schedule.Window(text)
    assert (window.start, window.end) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tonight",
        "2026-11-27T22:00:00Z",
        "2026-11-27T22:00:00/2026-11-27T23:00:00",
        "2026-11-27T23:00:00Z/2026-11-27T22:00:00Z",
        "2026-11-27T22:00:00Z/2026-11-27T22:00:00Z",
        "2026-13-27T22:00:00Z/PT1H",
        "2026-11-27T22:00:00Z/P",
        "2026-11-27T22:00:00Z/PT",
        "22:00/04:00",
    ],
)
def test_what_is_no_interval_is_refused(text):
    with pytest.raises(InputError, match="monq_outage_window is not an interval"):
        schedule.Window(text)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (at(21, 59, 59), "it opens at 2026-11-27 22:00:00 UTC"),
        (at(22), ""),
        (at(0, day=28), ""),
        (at(1, day=28), "it closed"),
    ],
)
def test_the_outage_begins_within_the_window(now, words):
    window = schedule.Window(NIGHT)
    assert words in window.problem(now) and bool(words) is bool(window.problem(now))
    if words:
        with pytest.raises(StepError, match="may not begin now"):
            schedule.require_open(window, now)
    else:
        schedule.require_open(window, now)
    schedule.require_open(None, now)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00"), (271, "04:31"), (3871, "1:04:31"), (-65.9, "-01:05"), (86400, "24:00:00")]
)
def test_a_clock(seconds, text):
    assert schedule.clock(seconds) == text


def test_a_forecast_names_what_the_rehearsal_did_not_have():
    assert schedule.forecast({"a": 10, "b": 2.5, "z": 99}, ["a", "b", "c"]) == (12.5, ["c"])


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({}, True),
        ({"rest": 600}, True),
        ({"budget": 1200, "rest": 600}, True),
        ({"budget": 600, "rest": 600}, False),
        ({"budget": 1200, "window_left": 599, "rest": 600}, False),
        ({"window_left": 601, "rest": 600}, True),
        ({"window_left": 1}, True),
        ({"window_left": 0}, False),
        ({"budget": 60}, False),
        ({"window_left": 60, "rollback": 90}, False),
        ({"window_left": 91, "rollback": 90}, True),
        ({"window_left": 120, "rest": 60, "rollback": 150}, False),
        ({"window_left": 120, "rest": 130, "rollback": 90}, False),
        ({"rollback": 90}, True),
    ],
)
def test_what_fits(given, fits):
    assert schedule.Balance(60, **given).fits is fits


def test_the_figures_say_what_is_not_known():
    lines = schedule.Balance(61, budget=1200).lines()
    assert lines == [
        "outage so far: 01:01",
        "the rest: not known, as there is no rehearsal (monq_forecast)",
        "left of the budget: 18:59 of 20:00",
    ]
    lines = schedule.Balance(61, window_left=90, rest=120, unknown=["x"], rollback=15).lines()
    assert "the rest, by the rehearsal: 02:00, without 1 steps that the rehearsal did not have" in lines
    assert any(line.startswith("a rollback from here: about 00:15") for line in lines) and lines[-1].endswith("01:30")
