"""What may go, what stays and why, and the list as it is read."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.cleanup import leftovers
from ansible_collections.monq.platform.plugins.module_utils.rollback import sql

NOW = 1_772_400_000


def one(kind, rollback=False, made=NOW - 7200, size=2048):
    return leftovers.item(kind, f"the {kind}", size, made, 1, rollback)


@pytest.mark.parametrize(
    ("kind", "rollback", "also", "action"),
    [
        ("bundles", False, [], "remove"),
        ("scratch", False, [], "remove"),
        ("snapshots", False, [], "remove"),
        ("snapshots", True, [], "keep"),
        ("snapshots", True, ["dumps"], "keep"),
        ("snapshots", True, ["snapshots"], "remove"),
        ("dumps", True, [], "keep"),
        ("dumps", False, [], "keep"),
        ("dumps", True, ["dumps"], "remove"),
        ("databases", False, [], "keep"),
        ("databases", False, ["databases"], "remove"),
        ("reports", False, [], "keep"),
        ("reports", False, ["reports"], "remove"),
    ],
)
def test_what_a_rollback_needs_or_is_nowhere_else_must_be_named(kind, rollback, also, action):
    [judged] = leftovers.judge([one(kind, rollback)], also)
    assert judged["action"] == action and bool(judged["why"]) == (action == "keep")


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("support-20260301T101500.007Z.tar.gz", "bundles"),
        ("pl_i18n_service.20260301T101500.007Z.dump", "dumps"),
        ("pl_i18n_service.20260301T101500.007Z.dump.partial", "dumps"),
        ("report.html", "reports"),
        ("rollback-report.json", "reports"),
        ("manifest.json", None),
        ("summary.txt", None),
        ("ledger-upgrade.pl.cache.x-a1234567.json", None),
        ("transcript.jsonl", None),
        ("my-own.dump", None),
        ("support-notes.tar.gz", None),
    ],
)
def test_only_files_of_our_own_names_are_known(file, kind):
    assert leftovers.kind_of(file) == kind


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        (sql.kept_note("pl_a", 2, 17, "ab"), ("pl_a", 2)),
        (sql.kept_note("of_another", 2, 17, "ab"), None),
        (sql.KEPT_COMMENT + "{", None),
        ("a comment of somebody", None),
        (None, None),
    ],
)
def test_a_kept_database_is_known_by_its_comment(comment, found):
    assert leftovers.kept_generation(comment, sql.KEPT_COMMENT, {"pl_a"}) == found


def listed(items, **more):
    found = {"refused": [], "unread": [], "removed": False, "environment": "production", "now": NOW}
    return leftovers.text({"items": leftovers.judge(items), **found, **more}).splitlines()


def test_the_list_says_what_to_type():
    lines = listed([one("bundles"), one("bundles", made=NOW - 200_000, size=5 << 20), one("dumps", True)])
    assert lines[0] == "support bundles: 2, 5.0 MiB"
    assert lines[1] == "    remove  the bundles  2.0 KiB, 2 hours old" and lines[2].endswith("5.0 MiB, 2 days old")
    assert "keep  the dumps" in lines[4] and "a rollback needs it" in lines[4]
    assert lines[-2] == "  run the same command with -e monq_cleanup_confirm=production"
    assert json.loads(lines[-1].partition("-e '")[2].partition("'")[0]) == {"monq_cleanup_also": ["dumps"]}


def test_the_list_after_a_removal_and_of_nothing():
    assert listed([]) == ["The upgrade has left nothing that could be removed."]
    items = [{**one("bundles"), "action": "removed"}]
    text = leftovers.text(
        {"items": items, "refused": [], "unread": ["x"], "removed": True, "environment": "p", "now": NOW}
    )
    assert "Removed: 1 of 1, 2.0 KiB" in text and "not listed: x" in text
    refused = listed([one("bundles"), one("dumps")], refused=["the lock is held: us"])
    assert refused[-2:] == ["Nothing can be removed now:", "  the lock is held: us"]
