"""What becomes of an attempt that was begun before (decisions.py); the whole way through a run stands in
test_runner."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import decisions, steps
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, StepError
from ansible_collections.monq.platform.plugins.module_utils.rollback import steps as rollback_steps
from repository import RELEASE

PLAN = {step.key: step for step in steps.plan(RELEASE, ["pl"])}
SQL = "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
CALL, API = "prepare.registry.update", "upgrade.routing.cut"
SNAPSHOTS = [key for key, step in PLAN.items() if steps.SNAPSHOT in step.traits]
SQL_UNKNOWN = "the outcome of this SQL step is unknown: it may have been applied, wholly or in part"


def judged(key, state, host="here", given=None, alive=()):
    entry = {"state": state, "attempt": "a1", "host": host, "started": "then", "pid": 1}
    try:
        return decisions.judge(PLAN[key], entry, given, list(alive), "here")
    except StepError as exc:
        return exc.what


@pytest.mark.parametrize(
    ("key", "state", "host", "expected"),
    [
        (SQL, "intent", "here", SQL_UNKNOWN),
        (SQL, "intent", "there", SQL_UNKNOWN),
        (SQL, "unknown", "here", SQL_UNKNOWN),
        (SQL, "failed", "here", None),
        (CALL, "intent", "here", None),
        (CALL, "intent", "there", "the outcome of this step is unknown: it was started on another machine"),
        (CALL, "failed", "there", None),
        (API, "intent", "there", None),
        ("prepare.release_hub.token", "intent", "there", None),
        (
            "upgrade.pl.replicas.registry",
            "intent",
            "there",
            "the outcome of this step is unknown: it was started on another machine",
        ),
        ("upgrade.pl.replicas.kubernetes", "intent", "there", None),
        ("upgrade.pl.microservices.rollout", "intent", "there", None),
    ],
)
def test_without_an_answer(key, state, host, expected):
    assert judged(key, state, host) == expected
    assert judged(key, state, host, alive=[7]) == "an earlier run is still working on this step"


@pytest.mark.parametrize(
    ("key", "outlives"),
    [
        ("rollback.database.pl-i18n-service", True),
        ("rollback.registry_template.apply", True),
        ("rollback.replicas.registry", True),
        ("rollback.backup.pl-i18n-service", False),
        ("rollback.deployments.restore", False),
        ("rollback.installation.check", True),
        ("rollback.registry.credential", False),
    ],
)
def test_what_of_a_rollback_may_still_be_at_work_elsewhere(key, outlives):
    step = next(step for step in rollback_steps.plan(list(PLAN.values()), ["pl-i18n-service"]) if step.key == key)
    assert decisions.outlives_its_run(step) == outlives


@pytest.mark.parametrize("key", [SQL, CALL, API])
@pytest.mark.parametrize("answer", ["retry", "done", "accept"])
def test_with_an_answer(key, answer):
    assert judged(key, "intent", "there", {"answer": answer, "attempt": "a1"}) == answer
    assert (
        judged(key, "intent", "there", {"answer": answer, "attempt": "a2"})
        == "monq_resolve refers to a different attempt"
    )


def test_nobody_answers_for_a_snapshot():
    assert SNAPSHOTS == [
        "prepare.snapshot.original",
        "prepare.replicas.original",
        "upgrade.snapshot.cut",
        "upgrade.replicas.cut",
    ]
    for key in SNAPSHOTS:
        assert (
            judged(key, "intent", given={"answer": "done", "attempt": "a1"})
            == "snapshot steps cannot be skipped with monq_resolve"
        )
        assert judged(key, "intent", given={"answer": "retry", "attempt": "a1"}) == "retry"


@pytest.mark.parametrize(
    "given", [{"nonsense": {"answer": "retry"}}, {SQL: {"answer": "perhaps"}}, {SQL: "retry"}, {SQL: None}, {SQL: {}}]
)
def test_answers_that_are_none(given):
    with pytest.raises(InputError):
        decisions.check(given, PLAN)
    decisions.check({SQL: {"answer": "retry", "attempt": "a1"}}, PLAN)
