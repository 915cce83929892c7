"""The last exit before the first SQL file, and the window in which the outage may begin."""

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, StepError
from ansible_collections.monq.platform.plugins.module_utils.upgrade.cutover import Cutover
from ansible_collections.monq.platform.plugins.module_utils.upgrade.last_exit import CUT, LastExit, require_window
from fake_cluster import FakeCluster
from fake_session import FakeSession, Runs
from repository import RELEASE

PLAN = steps.plan(RELEASE, ["pl"])
KEYS = [step.key for step in PLAN]
SQL = [step.key for step in PLAN if step.ask]
LEFT = [key for key in KEYS[KEYS.index(SQL[0]) :] if key.startswith("upgrade.")]
BEGAN = datetime.datetime(2026, 11, 27, 22, 0, 0, tzinfo=datetime.timezone.utc)
WINDOW = "2026-11-27T22:00:00Z/PT1H"


class TimedCluster(FakeCluster):
    def __init__(self, minutes=10.0):
        super().__init__()
        self.minutes, self.asked = minutes, 0

    def clock(self):
        self.asked += 1
        return None if self.minutes is None else BEGAN.timestamp() + 60 * self.minutes


def session(minutes=10.0, entries=None, **given):
    """An upgrade in its outage, right before the first SQL file."""
    done = {key: {"state": "done", "started": "2026-11-27T22:00:00Z"} for key in KEYS[: KEYS.index(SQL[0])]}
    done[CUT]["finished"] = "2026-11-27T22:01:30Z"
    run = Runs(PLAN, {**done, **(entries or {})})
    chosen = {
        "outage_window": "",
        "outage_budget": 0,
        "forecast": "",
        "last_exit": "stop",
        "environment": "production",
        **given,
    }
    return FakeSession(TimedCluster(minutes), run, **chosen)


@pytest.fixture
def rehearsal(tmp_path):
    """A report of a rehearsal whose rest took 100 s in all."""
    path = tmp_path / "report.json"
    rows = [{"key": key, "seconds": 100 / len(LEFT)} for key in LEFT] + [{"key": CUT, "seconds": 9999}]
    path.write_text(json.dumps({"steps": rows}))
    return str(path)


def test_without_window_and_budget_nothing_is_asked():
    given = session()
    assert LastExit(given).require() == [] and given.cluster.asked == 0


@pytest.mark.parametrize(
    ("given", "stops"),
    [
        ({"outage_window": WINDOW}, False),
        ({"outage_window": WINDOW, "minutes": 61}, True),
        ({"outage_budget": 691}, False),
        ({"outage_budget": 690}, True),  # the way back takes as long as what is left
        ({"outage_budget": 701, "forecast": True}, False),
        ({"outage_budget": 699, "forecast": True}, True),
        ({"outage_window": WINDOW, "minutes": 58.5, "forecast": True}, True),
    ],
)
def test_the_rest_has_to_fit(rehearsal, given, stops):
    made = session(**{**given, "forecast": rehearsal if given.get("forecast") else ""})
    if not stops:
        compared = LastExit(made).require()
        assert compared[0] == "outage so far: 10:00" and not made.warnings
        assert any(line.startswith("a rollback from here: about 01:30") for line in compared)
        return
    with pytest.raises(StepError, match="no SQL has run") as caught:
        LastExit(made).require()
    assert "outage so far" in caught.value.seen and "a rollback from here: about 01:30" in caught.value.seen
    assert caught.value.details["last_exit"] == {"environment": "production"}


def test_the_operator_may_go_on():
    made = session(outage_budget=60, last_exit="continue")
    LastExit(made).require()
    assert "monq_last_exit is continue" in made.warnings[0]


@pytest.mark.parametrize("state", ["intent", "failed", "unknown", "done"])
def test_once_sql_has_begun_it_only_warns(state):
    made = session(outage_budget=60, entries={SQL[0]: {"state": state}})
    assert LastExit(made).require() == []
    assert "it is not stopped, as SQL has run" in made.warnings[0]


def test_check_mode_and_a_finished_upgrade_ask_nothing():
    made = session(outage_budget=60)
    made.check_mode = True
    LastExit(made).require()
    over = session(outage_budget=60, entries={key: {"state": "done"} for key in SQL})
    LastExit(over).require()
    assert made.cluster.asked == over.cluster.asked == 0


def test_steps_that_the_rehearsal_did_not_have_are_counted(tmp_path):
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"steps": [{"key": SQL[0], "seconds": 5}, {"key": SQL[1], "seconds": None}]}))
    with pytest.raises(StepError) as caught:
        LastExit(session(outage_budget=60, forecast=str(path))).require()
    assert f"without {len(LEFT) - 1} steps that the rehearsal did not have" in caught.value.seen


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"steps": [1]}'])
def test_a_rehearsal_that_cannot_be_read_is_an_input_error(tmp_path, content):
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match="monq_forecast cannot be read"):
        LastExit(session(outage_budget=60, forecast=str(path))).require()


def test_a_server_that_does_not_tell_its_time_is_no_reason_to_go_on():
    with pytest.raises(StepError, match="does not tell its time"):
        LastExit(session(minutes=None, outage_budget=6000)).require()


# ---- the window


@pytest.mark.parametrize(("minutes", "opens"), [(-1, False), (0, True), (59, True), (60, False)])
def test_the_outage_begins_within_its_window_or_not_at_all(minutes, opens):
    """right before the first route goes, and before the intent that counts as its begin"""
    cluster = TimedCluster(minutes)
    run = Runs(PLAN, {key: {"state": "done"} for key in KEYS[: KEYS.index(CUT)]})
    made = FakeSession(cluster, run, {"cut": {"ingresses": []}, "cut-replicas": {}})
    if opens:
        Cutover(made, [], []).execute(0, 1, WINDOW)
        assert run.done == [CUT]
    else:
        with pytest.raises(StepError, match="may not begin now"):
            Cutover(made, [], []).execute(0, 1, WINDOW)
        assert run.done == []


def test_a_removal_that_has_begun_is_finished_in_any_case():
    entries = {key: {"state": "done"} for key in KEYS[: KEYS.index(CUT)]}
    run = Runs(PLAN, {**entries, CUT: {"state": "intent"}})
    made = FakeSession(TimedCluster(600), run, {"cut": {"ingresses": []}, "cut-replicas": {}})
    Cutover(made, [], []).execute(0, 1, WINDOW)
    assert run.done == [CUT]


def test_no_window_asks_nothing():
    cluster = TimedCluster(None)
    require_window(cluster, "")
    assert cluster.asked == 0
