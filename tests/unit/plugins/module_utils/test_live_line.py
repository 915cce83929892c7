"""The live line: how it is composed, and when it is due."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils import live_line


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "00:00"), (271.9, "04:31"), (1200, "20:00"), (3671, "1:01:11"), (-3, "00:00")]
)
def test_a_clock(seconds, text):
    assert live_line.clock(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (120 << 20, "120 MiB"), (5 << 40, "5120 GiB")]
)
def test_a_size(count, text):
    assert live_line.size(count) == text


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("upgrade.pl.microservices.rollout", "step 47 of 78 pl rollout"),
        ("prepare.backup.database.pl-a-service", "step 47 of 78 backup database pl-a-service"),
        ("upgrade.pl.database.pl-a.sqls_x.sql", "step 47 of 78 pl database pl-a sqls_x.sql"),
    ],
)
def test_a_step_is_named_as_an_operator_would(key, text):
    assert live_line.step(key, 47, 78) == text


def test_details_name_the_first_late_objects_and_count_the_others():
    late = {"pl-x": "ImagePullBackOff\n for 40 s", "pl-y": "", "pl-z": "0 of 1 pods are available", "pl-a": "no"}
    assert live_line.details("ready", 7, 12, late) == (
        "7 of 12 ready, pl-x: ImagePullBackOff for 40 s, pl-y, pl-z: 0 of 1 pods are available, and 1 more"
    )
    assert live_line.details("dump of a", late={}) == "dump of a"
    assert live_line.details("ready", 0, 0) == "0 of 0 ready"
    assert len(live_line.details("a", late={"x": "y" * 1000})) < 130


@pytest.mark.parametrize(
    ("row", "outage", "budget", "text"),
    [
        ({"step": "step 1 of 2 x", "text": "y"}, 271, 1200, "outage 04:31 of 20:00 · step 1 of 2 x · y"),
        ({"step": "step 1 of 2 x", "text": ""}, 271, None, "outage 04:31 · step 1 of 2 x"),
        ({"text": "y"}, None, 1200, "y"),
        ({}, None, None, ""),
    ],
)
def test_a_line_says_what_is_known_and_no_more(row, outage, budget, text):
    assert live_line.body(row, outage, budget) == text


def lines(*looks, **given):
    """The looks, as (second, late names), at which a line is shown."""
    timing, shown = live_line.Timing(0, **given), []
    for second, late in looks:
        if timing.due(late, second):
            timing.shown(late, second)
            shown.append(second)
    return shown


def test_a_quiet_task_is_shown_after_10_s_and_then_every_30():
    assert lines(*((second, ()) for second in range(100))) == [10, 40, 70]
    assert lines(*((second, ()) for second in range(20)), first=5, every=5) == [5, 10, 15]


def test_an_object_that_becomes_late_is_shown_at_once():
    assert lines((0.5, ()), (1, ("a",)), (1.5, ("a",)), (2, ("a", "b")), (2.5, ("b", "a"))) == [1, 2]


def test_one_that_has_caught_up_is_shown_soon_and_not_each_alone():
    """many pods become ready within a second: that is one line"""
    assert lines((1, ("a", "b", "c")), (2, ("a", "b")), (3, ("a",)), (6, ("a",)), (7, ()), (11, ())) == [1, 6, 11]


def test_late_only_does_not_count_the_time():
    timing = live_line.Timing(0)
    assert not timing.due((), 60, late_only=True) and timing.due((), 60) and timing.due(("a",), 0, late_only=True)
