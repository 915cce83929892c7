"""Plans as documents: ids, what differs, and what is refused."""

from __future__ import annotations

import datetime
import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.approval import document
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, StepError

PARTS = {"routes": {"a": {"uid": "1"}}, "steps": ["x", "y"], "sql": {}}
MADE = "2026-03-01T10:00:00Z"
NOW = datetime.datetime(2026, 3, 1, 11, 0, 0, tzinfo=datetime.timezone.utc)


def plan(**changed):
    return document.document({**PARTS, **changed}, MADE, {"host": "production"}, {"steps": []})


def test_the_id_depends_on_the_parts_alone():
    other = document.document(PARTS, "2026-03-02T10:00:00Z", {"host": "another"}, {"steps": ["shown"]})
    assert plan()["id"] == other["id"] and document.ID.fullmatch(plan()["id"])
    assert plan(sql={"f": "1"})["id"] != plan()["id"]


@pytest.mark.parametrize(
    ("changed", "lines"),
    [
        ({"routes": {"a": {"uid": "2"}}}, ["routes.a.uid: 1 -> 2"]),
        ({"routes": {}}, ['routes.a: {"uid":"1"} -> null']),
        ({"steps": ["x", "z"]}, ["steps: no longer y", "steps: now also z"]),
        ({"steps": ["y", "x"]}, ["steps: in another order"]),
        ({"sql": {"f": "é"}}, ["sql.f: null -> é"]),
        ({"new": 1}, ["new: null -> 1"]),
    ],
)
def test_a_part_that_differs_is_named_with_the_difference(changed, lines):
    live = plan(**changed)
    with pytest.raises(StepError, match="nothing was changed") as caught:
        document.require_same(plan(), live)
    assert caught.value.details["parts"] == list(changed) and caught.value.obj == next(iter(changed))
    assert caught.value.seen.splitlines() == [live["id"], *("    " + line for line in lines)]


def test_long_differences_are_cut():
    then, now = plan(sql={}), plan(sql={f"file {number}": "x" * 500 for number in range(40)})
    lines = document.explained(then, now, ["sql"])
    assert len(lines) == document.SHOWN + 1 and lines[-1] == "sql: and 28 more"
    assert all(len(line) < 200 for line in lines)


def test_the_same_state_passes():
    assert document.require_same(plan(), plan()) is None


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", ""),
        (None, ""),
        (" /tmp/plan.json ", "/tmp/plan.json"),
        ("sha256:" + "a" * 64, "sha256:" + "a" * 64),
        ({"production": "sha256:" + "b" * 64, "staging": "x"}, "sha256:" + "b" * 64),
        (json.dumps({"production": "plan.json"}), "plan.json"),
    ],
)
def test_what_monq_plan_names(given, found):
    assert document.wanted(given, "production") == found


@pytest.mark.parametrize("given", ["sha256:abc", "sha256", {"staging": "x"}, "{broken", {"production": ""}])
def test_what_monq_plan_cannot_be(given):
    with pytest.raises(InputError, match="monq_plan cannot be used"):
        document.wanted(given, "production")


def test_a_file_is_read_back():
    assert document.read(json.dumps(plan()), "plan.json") == plan()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        json.dumps({**plan(), "format": "2.0"}),
        json.dumps({**plan(), "made_at": "yesterday"}),
        json.dumps({**plan(), "parts": {**PARTS, "sql": {"f": "altered"}}}),
        json.dumps({**plan(), "id": "sha256:" + "0" * 64}),
    ],
)
def test_a_file_that_is_no_plan_or_was_altered_is_refused(text):
    with pytest.raises(InputError):
        document.read(text, "plan.json")


@pytest.mark.parametrize(("age", "fine"), [(3600, True), (3599, False), (0, True)])
def test_an_old_plan_is_refused(age, fine):
    if fine:
        document.require_fresh(plan(), NOW, age)
        return
    with pytest.raises(StepError, match="too old"):
        document.require_fresh(plan(), NOW, age)
