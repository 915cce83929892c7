"""cleanup.yml on a real, private PostgreSQL: which databases it lists, and that it ends nobody's connection."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.cleanup import leftovers
from ansible_collections.monq.platform.plugins.module_utils.cleanup.removal import Cleanup
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import dump
from ansible_collections.monq.platform.plugins.module_utils.postgres.client import Postgresql
from ansible_collections.monq.platform.plugins.module_utils.rollback.sql import kept_note
from support.private_postgresql import BIN, DATABASE, SERVICE

pytestmark = pytest.mark.skipif(not BIN, reason="no PostgreSQL server is installed")
KEPT, OTHERS, SCRATCH, BUSY = (
    f"{DATABASE}_before_rollback_1",
    "other_before_rollback_1",
    "monq_scratch_a",
    "monq_scratch_b",
)


class Session:
    """As far as Cleanup asks one before it looks at databases."""

    cluster = type("Cluster", (), {"server": "https://fake"})()
    namespace = "production"
    release = {"version": "6.0.0"}
    run = type("Run", (), {"ledger": None})()

    def __init__(self, role):
        items = [{"microservice": SERVICE, "database": DATABASE}]
        self.params = {"postgresql": role, "scratch_postgresql": None, "databases": items, "also": []}


@pytest.fixture
def cleanup(installation):
    role, server = installation.role, installation.server
    owner = role["user"]
    dead = {"host": process.here(), "pid": 2**22 + 1, "pid_start": 1, "created": int(time.time())}
    alive = {**dead, "host": "elsewhere", "installation": "another", "lock": "l"}
    notes = {
        KEPT: kept_note(DATABASE, 1, 9, "ab"),
        OTHERS: kept_note("other", 1, 9, "ab"),
        SCRATCH: dump.SCRATCH_COMMENT + json.dumps(dead),
        BUSY: dump.SCRATCH_COMMENT + json.dumps(alive),
        "monq_scratch_of_somebody": "mine",
    }
    for name, note in notes.items():
        server.sql(f'CREATE DATABASE "{name}" OWNER "{owner}"', f'COMMENT ON DATABASE "{name}" IS {dump.literal(note)}')
    yield Cleanup(Session(role)), server
    for name in notes:
        server.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def there(server):
    return {row[0] for row in server.sql("SELECT datname FROM pg_database")}


def test_only_this_installations_databases_and_dead_runs_are_listed(cleanup):
    made, _server = cleanup
    kept, scratch = made._kept_databases(), made._scratch_databases()
    assert [(one["name"], one["generation"]) for one in kept] == [(KEPT, 1)] and kept[0]["bytes"] > 1_000_000
    assert [one["name"] for one in scratch] == [SCRATCH]


def test_a_database_that_somebody_reads_stays(cleanup, installation):
    made, server = cleanup
    [kept], before = made._kept_databases(), there(server)
    with Postgresql(installation.role).session(KEPT):
        with pytest.raises(MonqError) as caught:
            made._remove(kept)
        assert "being accessed by other users" in caught.value.seen and there(server) == before
    made._remove(kept)
    for one in made._scratch_databases():
        assert one["kind"] == leftovers.SCRATCH
        made._remove(one)
    assert before - there(server) == {KEPT, SCRATCH}
