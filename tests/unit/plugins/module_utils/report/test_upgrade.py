"""What an operator reads."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.report import upgrade as texts


def found(severity, obj="o", **more):
    return {"check": "inputs", "severity": severity, "object": obj, "expected": "e", "seen": "s", "next": "n", **more}


@pytest.mark.parametrize(
    ("given", "first"),
    [
        ([], "Preflight passed: 0 findings, none blocking."),
        ([found("warning")], "Preflight passed: 1 findings, none blocking."),
        (
            [found("stop"), found("info")],
            "Preflight failed: 1 of 2 findings block the upgrade. This run has changed nothing.",
        ),
        (
            [found("stop"), found("stop")],
            "Preflight failed: 1 of 1 findings block the upgrade. This run has changed nothing.",
        ),
    ],
)
def test_findings_begin_with_the_verdict(given, first):
    assert texts.findings(given).splitlines()[0] == first


def test_findings_come_those_that_stop_first_and_in_full():
    text = texts.findings([found("info", "c", next=""), found("stop", "a"), found("warning", "b"), found("stop", "d")])
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[STOP] inputs: a",
        "[STOP] inputs: d",
        "[WARNING] inputs: b",
        "[INFO] inputs: c",
    ]
    assert text.splitlines()[1:5] == ["[STOP] inputs: a", "  expected: e", "  seen: s", "  next: n"]
    assert text.splitlines()[-2:] == ["  expected: e", "  seen: s"]


def test_findings_name_their_id_the_page_and_what_could_not_be_checked():
    known = found("stop", id="MONQ-014", parameters={"unchecked": ["modules.absent", "routing.conflict"]})
    lines = texts.findings([known, found("info", id="")]).splitlines()
    assert lines[1] == "[STOP] MONQ-014 inputs: o" and "[INFO] inputs: o" in lines
    assert lines[5] == "  not checked because of this: modules.absent, routing.conflict"
    assert (
        lines[-1]
        == "Each id is explained in docs/docsite/rst/findings.rst, such as docs/docsite/rst/findings.rst#monq-014."
    )
    assert "explained" not in texts.findings([found("stop")])


def row(key, state="done", undo="reversible", **more):
    return {"key": key, "state": state, "undo": undo, "kind": "cluster", "title": f"title of {key}", **more}


def ledger(*rows, **more):
    return {"steps": list(rows), "generation": 1, "platform": "up", "lock": "none", "outage_seconds": None, **more}


def test_plan_has_a_line_for_each_step_and_warns_of_what_cannot_be_taken_back():
    lines = texts.plan(
        ledger(
            row("prepare.a.b"),
            row("upgrade.pl.database.x", "unknown", "irreversible", attempt="a1", error="killed"),
            row("upgrade.pl.database.y", "to do", "irreversible"),
            platform="down",
        )
    ).splitlines()
    assert lines[0] == "3 steps, 1 done; generation 1; the platform is DOWN; lock: none"
    assert "done" in lines[1] and "prepare.a.b  (title of prepare.a.b)" in lines[1]
    assert "unknown" in lines[2] and "irreversible" in lines[2] and "attempt a1: killed" in lines[3]
    assert lines[-1] == "2 of the remaining steps cannot be undone; the first is upgrade.pl.database.x"


def test_plan_of_a_finished_upgrade_warns_of_nothing():
    assert "cannot be taken back" not in texts.plan(ledger(row("upgrade.pl.database.x", undo="irreversible")))


BACKUP = {
    "database": "pl_identity_service",
    "path": "/b/x.dump",
    "rows": 12,
    "sha256": "abc",
    "scratch": {"state": "restored", "as_rollback": True},
}


@pytest.mark.parametrize(
    ("given", "verified", "expected", "unexpected"),
    [
        pytest.param(
            ledger(row("a.b.c")),
            {},
            ["1 of 1 done, generation 1; the platform is UP", "replica counts restored: 0"],
            ["outage:"],
            id="little",
        ),
        pytest.param(
            ledger(row("upgrade.routing.cut", started="2026-03-01T10:00:00Z"), outage_seconds=750),
            {},
            ["outage: 750 s, from 2026-03-01T10:00:00Z"],
            [],
            id="the outage",
        ),
        pytest.param(
            ledger(row("upgrade.backup_in_outage.database.x", result=BACKUP)),
            {},
            ["backup of pl_identity_service: /b/x.dump"],
            [],
            id="trap 37: outage",
        ),
        pytest.param(
            ledger(),
            {"versions": {"pl": "6.0.0", "cl": ""}},
            ["version: pl 6.0.0", "version: cl unknown"],
            [],
            id="versions",
        ),
        pytest.param(
            ledger(
                row("prepare.backup.database.x", result=BACKUP),
                row("upgrade.backup.database.x", result={**BACKUP, "path": "/other", "reused": True}),
            ),
            {},
            ["backup of pl_identity_service: /b/x.dump, 12 rows, sha256 abc, scratch restore: restored"],
            ["/other", "not proved"],
            id="trap 37: which dump is which",
        ),
        pytest.param(
            ledger(
                row(
                    "prepare.backup.database.x", result={**BACKUP, "scratch": {"state": "skipped", "reason": "too big"}}
                )
            ),
            {},
            ["scratch restore: skipped (too big), owners and privileges not proved"],
            [],
            id="a dump that was not restored says so",
        ),
        pytest.param(
            ledger(
                row("upgrade.pl.replicas.registry", result={"changed": 3}),
                row("upgrade.pl.replicas.kubernetes", result={"changed": 2}),
                row("prepare.replicas.original", result={"changed": 9}),
            ),
            {"replicas": {"appeared": ["new"], "vanished": ["old"], "hpa": ["scaled"], "by_hand": {"b": 2, "a": 0}}},
            [
                "replica counts restored: 5",
                "new services: new",
                "services that are gone: old",
                "left to their HPA: scaled",
                "enter in the registry by hand: a 0",
                "enter in the registry by hand: b 2",
            ],
            [],
            id="trap 42: counts",
        ),
        pytest.param(
            ledger(),
            {"drift": {"a": ["env TZ is gone"]}},
            ["changed by Replace: a: env TZ is gone"],
            [],
            id="trap 43: drift",
        ),
        pytest.param(
            ledger(), {"findings": [found("warning", "x")]}, ["[WARNING] x: expected e, seen s"], [], id="findings"
        ),
        pytest.param(
            ledger(
                row("killed", by="operator"),
                row("lied", by="operator", error="x"),
                row("own", error="x"),
                row("open", "unknown", by="operator"),
            ),
            {},
            ["decided by the operator: killed", "decided by the operator: lied"],
            ["operator: own", "operator: open"],
            id="the operator's word",
        ),
    ],
)
def test_summary(given, verified, expected, unexpected):
    """trap 46"""
    lines = [line.strip() for line in texts.summary(given, verified).splitlines()]
    assert lines[0] == "Summary of the upgrade"
    for text in expected:
        assert any(text in line for line in lines), text
    for text in unexpected:
        assert not any(text in line for line in lines), text


SECRET = row("prepare.registry_token.secret", "to do", "irreversible")
UPDATE = row("prepare.registry.update", "to do", "irreversible")
HUB = row("prepare.release_hub.token", "to do", kind="client")
SQL = row("upgrade.pl.database.x", "to do", "irreversible")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("a.b.c")], "point of no return: none, every step can be undone"),
        (
            [HUB, SECRET, SQL],
            "point of no return: prepare.registry_token.secret, not reached; until then rollback.yml can undo "
            "everything except monqctl's own configuration (Release Hub, credential)",
        ),
        (
            [{**HUB, "state": "done"}, SECRET],
            "point of no return: prepare.registry_token.secret, not reached; until then rollback.yml can undo "
            "everything except monqctl's own configuration (title of prepare.release_hub.token)",
        ),
        (
            [{**SECRET, "state": "done"}, UPDATE, SQL],
            "point of no return: prepare.registry_token.secret, PASSED: 1 steps cannot be undone, rollback.yml can "
            "undo the rest; no SQL has run yet",
        ),
        (
            [{**SECRET, "state": "intent"}],
            "point of no return: prepare.registry_token.secret, PASSED: 1 steps cannot be undone, rollback.yml can "
            "undo the rest; no SQL has run yet",
        ),
        (
            [{**SECRET, "state": "done"}, {**SQL, "state": "unknown"}],
            "point of no return: prepare.registry_token.secret, PASSED: 2 steps cannot be undone, rollback.yml can "
            "undo the rest; SQL has begun with upgrade.pl.database.x: databases can only be restored from dumps",
        ),
    ],
)
def test_point_of_no_return(rows, expected):
    """trap 35: where it is, whether it is passed, what stays; plan, status and summary show the same line"""
    assert texts.point_of_no_return(rows) == expected
    assert expected in texts.plan(ledger(*rows)).splitlines()
    assert "  " + expected in texts.summary(ledger(*rows), {}).splitlines()


def test_the_summary_lists_what_cannot_be_taken_back():
    lines = texts.summary(
        ledger({**SECRET, "state": "done"}, {**UPDATE, "state": "failed"}, SQL, row("a.b.c")), {}
    ).splitlines()
    assert [line.strip() for line in lines if line.strip().startswith("cannot be undone")] == [
        "cannot be undone: prepare.registry_token.secret (title of prepare.registry_token.secret)",
        "cannot be undone: prepare.registry.update (title of prepare.registry.update): failed",
    ]
