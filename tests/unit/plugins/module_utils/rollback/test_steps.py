"""The steps of a rollback, what stays, and what the next attempt must be told."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.report import rollback as rollback_text
from ansible_collections.monq.platform.plugins.module_utils.rollback import steps as rollback_steps
from repository import RELEASE, ROOT

UPGRADE = steps.plan(RELEASE, ["pl", "cl"], configure=True)
I18N = "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
IDENTITY = "upgrade.cl.database.pl-identity-service.sqls_pl-identity-service.sql"
DONE = {"state": "done", "started": "2026-03-01T10:00:00Z"}


def keys(*databases, **choice):
    return [step.key for step in rollback_steps.plan(UPGRADE, list(databases), **choice)]


def test_without_databases_nothing_is_stopped():
    assert keys() == [
        "rollback.diagnostics.save",
        "rollback.routing.remove",
        "rollback.registry.restore",
        "rollback.registry.credential",
        "rollback.registry_template.apply",
        "rollback.deployments.restore",
        "rollback.replicas.registry",
        "rollback.rollout.wait",
        "rollback.routing.restore",
        "rollback.installation.check",
        "rollback.ledger.archive",
    ]


def test_every_database_is_dumped_before_the_first_is_put_back():
    found = keys("pl-i18n-service", "pl-identity-service")
    assert found[1:6] == [
        "rollback.deployments.stop",
        "rollback.backup.pl-i18n-service",
        "rollback.backup.pl-identity-service",
        "rollback.database.pl-i18n-service",
        "rollback.database.pl-identity-service",
    ]


def test_a_home_without_context_gets_it_first_and_manual_counts_are_no_step():
    found = rollback_steps.plan(UPGRADE, [], configure=True, registry_replicas="manual")
    assert [(step.key, step.kind) for step in found[:4]] == [
        ("rollback.monqctl.instance", "client"),
        ("rollback.monqctl.context", "client"),
        ("rollback.monqctl.use-context", "client"),
        ("rollback.monqctl.credential", "client"),
    ]
    assert found[3].secret == "registry_token"
    assert "rollback.replicas.registry" not in [step.key for step in found]


def test_no_step_of_a_rollback_has_anything_of_the_step_that_it_was_made_from():
    for step in rollback_steps.plan(UPGRADE, ["pl-i18n-service"]):
        if step.kind == "client":
            continue
        assert (step.undo, step.ask, step.argv, step.secret, step.file) == (
            "reversible",
            False,
            None,
            "",
            "",
        ) and step.title


# ---- what stays


@pytest.mark.parametrize(
    ("entry", "databases", "stays"),
    [
        (DONE, [], True),
        ({"state": "accepted"}, [], True),
        ({"state": "unknown"}, [], True),
        ({"state": "intent"}, [], True),
        ({"state": "failed"}, [], False),
        (DONE, ["pl-i18n-service"], False),
        ({**DONE, "earlier_attempt": 1}, ["pl-i18n-service"], True),
    ],
    ids=["done", "accepted", "unknown", "intent", "failed", "put back", "in the dump already"],
)
def test_sql_stays_unless_its_database_is_put_back(entry, databases, stays):
    entries = {"prepare.registry.update": DONE, I18N: entry}
    told = [row["key"] for row in rollback_steps.irreversible(UPGRADE, entries, databases)]
    assert told == ["prepare.registry.update"] + ([I18N] if stays else [])
    carried = rollback_steps.carried(UPGRADE, entries, databases, 2, lambda: "a1234567")
    assert list(carried) == ([I18N] if stays else [])


def test_the_next_attempt_is_told_in_which_attempt_sql_ran():
    found = rollback_steps.carried(
        UPGRADE, {I18N: DONE, IDENTITY: {**DONE, "earlier_attempt": 1}}, [], 2, lambda: "a1234567"
    )
    assert found[I18N]["state"] == "unknown" and found[I18N]["attempt"] == "a1234567"
    assert "generation 2" in found[I18N]["error"] and "generation 1" in found[IDENTITY]["error"]
    assert (found[I18N]["earlier_attempt"], found[IDENTITY]["earlier_attempt"]) == (2, 1)


@pytest.mark.parametrize(
    ("stages", "step"),
    [
        (["prepare"], "prepare.backup.database.x"),
        (["prepare", "upgrade"], "upgrade.backup.database.x"),
        (["prepare", "upgrade", "outage"], "upgrade.backup_in_outage.database.x"),
        ([], None),
    ],
    ids=["prepare", "upgrade", "in the outage", "none"],
)
def test_the_latest_dump_of_before_the_first_sql_counts(stages, step):
    names = {"prepare": "prepare.backup", "upgrade": "upgrade.backup", "outage": "upgrade.backup_in_outage"}
    entries = {f"{names[stage]}.database.x": {"state": "done", "result": {"path": f"/{stage}"}} for stage in stages}
    assert rollback_steps.dump_of(entries, "x")[0] == step


def test_a_step_that_the_operator_answered_has_no_dump():
    assert rollback_steps.dump_of({"prepare.backup.database.x": {"state": "accepted"}}, "x") == (None, None)


# ---- where things stand


def test_a_release_is_closed_when_every_step_is_done():
    entries = {step.key: DONE for step in UPGRADE}
    assert rollback_steps.is_closed(UPGRADE, entries)
    assert not rollback_steps.is_closed(UPGRADE, {**entries, "verify.installation.check": {"state": "failed"}})


def test_nothing_is_rolled_back_before_both_halves_of_original_are_sealed():
    sealed = {"state": "done", "result": {"secret": "s", "chunks": 1, "sha256": "x"}}
    assert rollback_steps.may_roll_back({"prepare.snapshot.original": sealed, "prepare.replicas.original": sealed})
    assert not rollback_steps.may_roll_back({"prepare.snapshot.original": sealed})
    assert not rollback_steps.may_roll_back({})


@pytest.mark.parametrize(
    ("since", "entries", "text"),
    [
        (None, {}, "up"),
        ("10:00", {}, "DOWN since 10:00: the old routes are not back yet"),
        (None, {"rollback.routing.remove": {"started": "11:00"}}, "DOWN since 11:00: the old routes are not back yet"),
        ("10:00", {"rollback.routing.restore": {"state": "done"}}, "up: the old routes are back"),
        (
            "10:00",
            {"rollback.routing.restore": {"state": "failed"}},
            "DOWN since 10:00: the old routes are not back yet",
        ),
    ],
)
def test_the_platform_is_down_until_the_old_routes_are_back(since, entries, text):
    assert rollback_steps.platform(since, entries) == text


# ---- texts


def report(**more):
    blank = {
        "needed": True,
        "generation": 2,
        "begun": False,
        "platform": "up",
        "steps": [],
        "put_back": [],
        "irreversible": [],
        "counts": [],
        "findings": [],
    }
    return {**blank, **more}


def test_the_overview_says_what_comes_back_what_stays_and_why_it_may_not_begin():
    stop = {
        "check": "confirmation",
        "severity": "stop",
        "object": "monq_confirm_rollback",
        "expected": "production",
        "seen": "''",
        "next": "set it",
    }
    text = rollback_text.overview(
        report(
            put_back=["Ingress frontend-box: create (old route)"],
            irreversible=[{"key": "prepare.registry.update", "title": "t"}],
            findings=[stop],
        )
    )
    for part in (
        "generation 2",
        "Ingress frontend-box",
        "Cannot be undone:",
        "prepare.registry.update",
        "[STOP] confirmation",
        "changed nothing",
    ):
        assert part in text
    assert "nothing to roll back" in rollback_text.overview(report(needed=False))
    lost = rollback_text.overview(report(needed=False, findings=[{**stop, "object": "ConfigMap monq-upgrade-6.0.0"}]))
    assert (
        "nothing to roll back" not in lost
        and "[STOP] confirmation: ConfigMap monq-upgrade-6.0.0" in lost
        and "cannot start" in lost
    )


def test_the_summary_names_the_databases_that_were_kept_and_the_counts_to_enter():
    results = {
        "rollback.database.a": {"database": "a", "kept": "a_before_rollback_2", "path": "/d", "sha256": "s", "rows": 3},
        "rollback.backup.a": {"path": "/now", "scratch": {"state": "failed", "reason": "event trigger"}},
        "rollback.installation.check": {"by_hand": {"pl-a": 3}},
        "rollback.replicas.registry": {"left": {"pl-new": "new in the registry"}},
        "rollback.ledger.archive": {"ledger": "monq-upgrade-6.0.0-attempt-2", "generation": 2, "carried": [I18N]},
    }
    results["rollback.database.a"]["lost"] = ["subscription news"]
    text = rollback_text.summary(report(), results)
    for part in (
        'DROP DATABASE "a_before_rollback_2"',
        "by hand: pl-a 3",
        "not proved: /now, of the database before the rollback: event trigger",
        "not restored: subscription news",
        "pl-new: new in the registry",
        "monq-upgrade-6.0.0-attempt-2",
        I18N,
    ):
        assert part in text


def recorded():
    return json.loads((ROOT / "tests/unit/data/rollback-fingerprints-1.0.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", recorded(), ids=lambda row: " ".join(map(str, row.values()))[:-65])
def test_a_rollback_that_was_begun_with_version_1_0_has_the_same_steps(row):
    """Recorded with the code of then."""
    upgrade = steps.plan(
        RELEASE, row["modules"], registry_replicas=row["registry_replicas"], configure=row["configure"]
    )
    plan = rollback_steps.plan(upgrade, row["databases"], row["configure"], row["registry_replicas"])
    assert steps.fingerprint(plan) == row["sha256"]
