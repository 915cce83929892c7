"""cleanup.yml: lists without the lock, removes under it, and never what somebody may need."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path

import pytest
from ansible_collections.monq.platform.plugins.module_utils.approval import store
from ansible_collections.monq.platform.plugins.module_utils.bundle.verification import remembered_in
from ansible_collections.monq.platform.plugins.module_utils.cleanup import removal
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import Lease
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import SNAPSHOTS_REMOVED
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, MonqError, StepError
from ansible_collections.monq.platform.plugins.module_utils.monqctl import transcript
from ansible_collections.monq.platform.plugins.module_utils.outage import record
from ansible_collections.monq.platform.plugins.module_utils.report import difference, findings_file, summary_file
from ansible_collections.monq.platform.plugins.module_utils.rollback.sql import kept_note
from fake_cluster import CONFIGMAPS, LEASES, SECRETS, FakeCluster
from fake_session import opened
from repository import ROOT

LEDGER = f"{CONFIGMAPS}/monq-upgrade-6.0.0"
SERVER = {"host": "pg", "port": 5432, "user": "u", "password": "p", "sslmode": "prefer"}
BUNDLE = "support-20260301T101500.007Z.tar.gz"
DUMP = "pl_a.20260301T101500.007Z.dump"
STRANGER = "somebody-elses.tar.gz"
# Small records of what was approved, found, done and seen.
RECORDS = [
    "manifest.json",
    summary_file.NAME,
    transcript.NAME,
    store.LATEST,
    store.PAGE,
    "plan-0123456789ab.json",
    findings_file.NAME,
    "findings-verify.json",
    os.path.basename(record.path_of("", "1a2b")),
    difference.NAME,
    os.path.basename(remembered_in("/", "h")),
]


class Databases:
    """A server with databases, as {name: comment}."""

    def __init__(self):
        self.all = {"pl_a": "", "pl_a_before_rollback_1": kept_note("pl_a", 1, 9, "x")}
        self.all["other_before_rollback_1"] = kept_note("other", 1, 9, "x")

    def __call__(self, _server):
        return self

    @contextlib.contextmanager
    def maintenance(self, _others=()):
        yield self

    def query(self, statement):
        if statement.startswith("DROP DATABASE"):
            self.all.pop(statement.split('"')[1])
            return []
        return [(name, comment, 1000) for name, comment in self.all.items()]


@pytest.fixture
def world(tmp_path):
    """A closed upgrade with its snapshots and files, and snapshots of a generation that was rolled back."""
    cluster = FakeCluster()
    notes = {"monq.platform/attempt": "2", "monq.platform/closed": "2026-03-01T10:00:00Z"}
    entry = json.dumps({"state": "done"})
    cluster.put(LEDGER, {"metadata": {"annotations": notes}, "data": {"prepare.snapshot.original": entry}})
    SnapshotStore(cluster, "production", "6.0.0").save("cut", {"a": 1})
    SnapshotStore(cluster, "production", "6.0.0-attempt-1").save("cut", {"a": 1})
    folder = tmp_path / "production" / "6.0.0" / "2"
    folder.mkdir(parents=True)
    for name in (BUNDLE, DUMP, "report.html", STRANGER, *RECORDS):
        (folder / name).write_text("x" * 100)
    (folder / "support-20260301T101500.008Z.tar.gz").symlink_to(folder / "manifest.json")
    return cluster, folder


def run(world, databases=None, check_mode=False, confirm="", also=(), **more):
    cluster, folder = world
    given = {"environment": "prod", "confirm": confirm, "also": list(also), "postgresql": SERVER}
    given.update(scratch_postgresql=None, databases=[{"microservice": "pl-a", "database": "pl_a"}], **more)
    session = opened(cluster, check_mode=check_mode, home=folder.parents[2], **given)
    return removal.perform(session, removal.Cleanup(session, connect=databases or Databases()))


def names(result, action=None):
    return {Path(one["name"]).name for one in result["items"] if action in (None, one["action"])}


FIRST = "monq-upgrade-6.0.0-cut-0"
OLD = "monq-upgrade-6.0.0-attempt-1-cut-0"
KEPT = "pl_a_before_rollback_1"


def test_without_confirmation_it_lists_and_changes_nothing(world):
    cluster, folder = world
    cluster.bodies.clear()
    before = sorted(path.name for path in folder.iterdir())
    result = run(world)
    assert names(result) == {FIRST, OLD, BUNDLE, DUMP, "report.html", KEPT}, "no stranger's file, link or database"
    assert names(result, "remove") == {OLD, BUNDLE} and not result["changed"] and result["refused"] == []
    assert cluster.bodies == [] and sorted(path.name for path in folder.iterdir()) == before
    assert "monq_cleanup_confirm=prod" in result["text"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_confirmed_it_removes_what_nobody_needs(world, check_mode):
    cluster, folder = world
    result = run(world, confirm="prod", check_mode=check_mode)
    assert result["changed"] and (folder / BUNDLE).exists() is check_mode
    assert (f"{SECRETS}/{OLD}" in cluster.objects) is check_mode and f"{SECRETS}/{FIRST}" in cluster.objects
    assert (folder / DUMP).exists() and (folder / STRANGER).exists() and (folder / "report.html").exists()
    assert SNAPSHOTS_REMOVED not in cluster.objects[LEDGER]["metadata"]["annotations"]
    if not check_mode:
        assert Lease(cluster, "production").holder() == "none", "the lock is free again"
        assert not run(world, confirm="prod")["changed"], "a second run has nothing to do"


def test_what_is_named_goes_too_and_the_ledger_says_so(world):
    cluster, folder = world
    databases = Databases()
    run(world, databases, confirm="prod", also=["snapshots", "dumps", "databases", "reports"])
    assert sorted(path.name for path in folder.iterdir() if not path.is_symlink()) == sorted([STRANGER, *RECORDS])
    assert not [path for path in cluster.objects if path.startswith(SECRETS)]
    assert SNAPSHOTS_REMOVED in cluster.objects[LEDGER]["metadata"]["annotations"]
    assert set(databases.all) == {"pl_a", "other_before_rollback_1"}, "no database of another installation"


@pytest.mark.parametrize("state", ["the lock", "the upgrade", "a rollback", "a lost ledger"])
def test_it_refuses_while_something_is_unfinished(world, state):
    cluster, folder = world
    if state == "the lock":
        Lease(cluster, "production").acquire("them")
    elif state == "the upgrade":
        cluster.objects[LEDGER]["metadata"]["annotations"].pop("monq.platform/closed")
    elif state == "a rollback":
        notes = {"monq.platform/attempt": "2", "monq.platform/state": "begun"}
        cluster.put(f"{CONFIGMAPS}/monq-rollback-6.0.0", {"metadata": {"annotations": notes}, "data": {}})
    else:
        cluster.drop(LEDGER)
    assert run(world)["refused"], "the list says why"
    with pytest.raises(StepError) as caught:
        run(world, confirm="prod")
    assert "nothing may be removed now" in str(caught.value)
    assert (folder / BUNDLE).exists() and f"{SECRETS}/{OLD}" in cluster.objects


def test_it_asks_again_under_the_lock(world):
    """A run that begins between the list and the lock keeps everything."""
    cluster, folder = world

    def interfere(method, path):
        if method == "POST" and path == LEASES:
            cluster.objects[LEDGER]["metadata"]["annotations"].pop("monq.platform/closed", None)

    cluster.before = interfere
    with pytest.raises(StepError):
        run(world, confirm="prod")
    assert (folder / BUNDLE).exists() and Lease(cluster, "production").holder() == "none"


def test_a_run_that_lost_the_lock_removes_nothing_more(world):
    cluster, folder = world

    def steal(method, path):
        if method == "DELETE":
            cluster.objects[f"{LEASES}/monq-upgrade"]["metadata"]["annotations"]["monq.platform/lock-id"] = "theirs"

    cluster.before = steal
    with pytest.raises(MonqError) as caught:
        run(world, confirm="prod", also=["snapshots"])
    assert "not everything could be removed" in str(caught.value)


@pytest.mark.parametrize("given", [{"confirm": "staging"}, {"also": ["everything"]}, {"also": ["bundles"]}])
def test_a_wrong_word_removes_nothing(world, given):
    with pytest.raises(InputError):
        run(world, **{"confirm": "prod", **given})
    assert (world[1] / BUNDLE).exists()


def test_a_database_server_that_is_away_is_listed_as_such(world):
    class Away(Databases):
        @contextlib.contextmanager
        def maintenance(self, _others=()):
            raise MonqError("cannot connect to PostgreSQL", seen="refused")
            yield  # pylint: disable=unreachable

    result = run(world, Away())
    assert "not listed: cannot connect to PostgreSQL: refused" in result["text"] and BUNDLE in names(result)


@pytest.mark.parametrize("page", ["cleanup.rst", "cleanup_ru.rst"])
def test_what_stays_is_named_in_the_docs(page):
    text = (ROOT / "docs" / "docsite" / "rst" / page).read_text(encoding="utf-8")
    named = {re.sub(r"-[0-9a-f]+(?=\.)|-verify", "-…", name) for name in RECORDS}
    assert {name for name in named if f"``{name}``" not in text} == set()
