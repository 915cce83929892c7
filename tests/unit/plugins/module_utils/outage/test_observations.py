"""What the report says of what was seen from outside: two figures, and no gap filled in."""

from __future__ import annotations

from ansible_collections.monq.platform.plugins.module_utils.outage import observations

HOUR = "2026-03-02T00:"


def span(until, *changes):
    return {"changes": [{"at": f"{HOUR}{at}Z", "state": state} for at, state in changes], "until": f"{HOUR}{until}Z"}


def rows(changes):
    return [(row["at"][len(HOUR) : -1], row["state"]) for row in changes]


def test_an_outage_lasts_from_the_first_to_the_last_failure():
    one = span(
        "20:10", ("00:00", "ok"), ("01:00", "not_found"), ("09:00", "ok"), ("10:00", "server_error"), ("10:30", "ok")
    )
    found = observations.summary([one])
    assert (found["state"], found["from"], found["to"]) == ("ended", f"{HOUR}01:00Z", f"{HOUR}10:30Z")
    assert (found["seconds"], found["failing_seconds"], found["unseen_seconds"]) == (570, 510, 0)
    assert rows(found["changes"])[-1] == ("20:10", "not_observed")


def test_a_gap_between_two_runs_is_not_observed_and_not_filled_in():
    first = span("02:00", ("00:00", "ok"), ("01:00", "refused"))
    second = span("09:00", ("05:00", "refused"), ("06:00", "ok"))
    found = observations.summary([second, first])
    assert rows(found["changes"]) == [
        ("00:00", "ok"),
        ("01:00", "refused"),
        ("02:00", "not_observed"),
        ("05:00", "refused"),
        ("06:00", "ok"),
        ("09:00", "not_observed"),
    ]
    assert (found["seconds"], found["failing_seconds"], found["unseen_seconds"]) == (300, 120, 180)


def test_the_later_of_two_processes_counts():
    """The one of a replaced run goes on for up to ten seconds."""
    first = span("02:08", ("00:00", "ok"), ("02:05", "tls"))
    second = span("03:00", ("02:00", "refused"), ("02:30", "ok"))
    changes = observations.merged([first, second])
    assert rows(changes) == [("00:00", "ok"), ("02:00", "refused"), ("02:30", "ok"), ("03:00", "not_observed")]


def test_an_outage_that_nobody_saw_end_is_not_over():
    found = observations.summary([span("04:00", ("00:00", "ok"), ("01:00", "timeout"))])
    assert (found["state"], found["to"], found["seconds"]) == ("running", f"{HOUR}04:00Z", 180)


def test_without_a_failure_there_is_no_outage_and_without_a_look_there_is_nothing():
    found = observations.summary([span("04:00", ("00:00", "ok"))])
    assert (found["state"], found["seconds"], found["from"]) == ("none", 0, None)
    assert observations.summary([]) is None and observations.summary([{"changes": [], "until": None}]) is None
