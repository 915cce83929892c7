"""Preflight's findings on a real, private PostgreSQL. Only the Kubernetes API is faked."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.checks.postgres import Inspection
from ansible_collections.monq.platform.plugins.module_utils.postgres import dump
from ansible_collections.monq.platform.plugins.module_utils.postgres.client import Postgresql
from support.postgresql_backup import START
from support.private_postgresql import BIN, DATABASE, PASSWORD, READER_PASSWORD, SERVICE, let_reader_in

pytestmark = pytest.mark.skipif(not BIN, reason="no PostgreSQL server is installed")


def inspect(
    installation, databases=(DATABASE,), role=None, scratch=None, directory=None, limit=1 << 30, pg_restore=None
):
    source = Postgresql(role or installation.role, installation.pg_dump, pg_restore or f"{BIN}/pg_restore")
    scratch = Postgresql(scratch or role or installation.role)
    items = [{"microservice": name.replace("_", "-"), "database": name} for name in databases]
    found = Inspection(source, scratch, items, str(directory or installation.folder), limit).run()
    assert all(f["id"] and f["object"] and f["expected"] and f["seen"] for f in found.findings)
    assert all(f["next"] for f in found.findings if f["severity"] != "info")
    assert PASSWORD not in json.dumps(found.findings) and READER_PASSWORD not in json.dumps(found.findings)
    return {f["check"].split(".", 1)[1]: f for f in found.findings}, found


def test_preflight_of_a_good_server(installation):
    by_check, found = inspect(installation)
    assert set(by_check) == {"space"} and by_check["space"]["severity"] == "info"
    assert found.sizes[DATABASE] > 1_000_000
    assert not Path(installation.folder).exists()


def test_preflight_collects_everything(installation, tmp_path):
    (tmp_path / "file").write_text("")
    reader = installation.server.as_role("reader", READER_PASSWORD)
    directory = tmp_path / "file" / "x"
    by_check, _found = inspect(installation, (DATABASE, "pl_other"), reader, directory=directory, limit=1000)
    assert by_check["database"]["severity"] == "stop" and "pl_other" in by_check["database"]["object"]
    assert "monq_database_names" in by_check["database"]["next"]
    assert by_check["select"]["severity"] == "stop" and 'odd schema.odd "table' in by_check["select"]["seen"]
    assert by_check["scratch"]["severity"] == "warning"
    assert by_check["scratch_size"]["severity"] == "warning"
    assert by_check["directory"]["severity"] == "stop"


def test_preflight_names_rows_that_a_policy_hides(installation):
    let_reader_in(installation.server)
    installation.server.sql("ALTER TABLE users ENABLE ROW LEVEL SECURITY", database=DATABASE)
    role = installation.server.as_role("reader", READER_PASSWORD)
    by_check, _found = inspect(installation, role=role)
    assert "select" not in by_check and "public.users" in by_check["row_security"]["seen"]
    installation.role = role
    assert "row-level security" in installation.refused()


def test_preflight_of_an_unreachable_server_is_one_finding(installation):
    by_check, found = inspect(installation, role={**installation.server.as_role(), "port": 1})
    assert [f["check"] for f in found.findings] == ["postgresql.reachable"]
    assert by_check["reachable"]["severity"] == "stop"


def test_preflight_of_an_unreachable_scratch_server(installation):
    by_check, _found = inspect(installation, scratch={**installation.server.as_role(), "port": 1})
    assert by_check["scratch"]["severity"] == "stop" and "monq_scratch" in by_check["scratch"]["next"]


def test_preflight_shows_scratch_databases_that_stayed(installation):
    dead = {"host": process.here(), "pid": 2**22 + 1, "pid_start": 1, "created": START}
    installation.server.sql(
        "CREATE DATABASE monq_scratch_dead OWNER monq", dump.comment_scratch("monq_scratch_dead", dead)
    )
    by_check, _found = inspect(installation)
    assert by_check["leftovers"]["severity"] == "info" and by_check["leftovers"]["seen"] == "monq_scratch_dead"
    assert installation.server.scratch() == ["monq_scratch_dead"]


def test_a_database_without_tables_is_no_backup(installation):
    """A database that happens to have the right name, such as a leftover: trap 38."""
    installation.server.sql("CREATE DATABASE empty_one OWNER monq")
    try:
        message = installation.refused(database="empty_one")
        assert "the database has no tables" in message and installation.dumps() == []
        by_check, _found = inspect(installation, databases=("empty_one",))
        assert by_check["empty"]["severity"] == "stop" and "monq_database_names" in by_check["empty"]["next"]
        taken = installation.backup().dump(SERVICE, "empty_one", "rollback")
        assert taken["tables"] == 0, "what a rollback is about to replace may be empty"
    finally:
        installation.server.sql("DROP DATABASE empty_one")


# ---- programs, space, folder


def _program(tmp_path, text):
    path = tmp_path / "program"
    path.write_text(f"#!{sys.executable}\nprint({text!r})\n")
    path.chmod(0o755)
    return str(path)


def test_trap_39_preflight_refuses_an_old_pg_dump(installation, tmp_path):
    installation.pg_dump = _program(tmp_path, "pg_dump (PostgreSQL) 9.6.24")
    by_check, _found = inspect(installation)
    assert by_check["pg_dump"]["severity"] == "stop"
    assert "9.6" in by_check["pg_dump"]["seen"] and "postgresql-client-" in by_check["pg_dump"]["next"]


def test_trap_39_preflight_refuses_an_old_pg_restore(installation, tmp_path):
    by_check, _found = inspect(installation, pg_restore=_program(tmp_path, "pg_restore (PostgreSQL) 9.6.24"))
    assert by_check["pg_restore"]["severity"] == "stop"


def test_trap_39_preflight_misses_programs(installation):
    installation.pg_dump = "/nowhere/pg_dump"
    by_check, _found = inspect(installation, pg_restore="/nowhere/pg_restore")
    assert by_check["pg_dump"]["severity"] == by_check["pg_restore"]["severity"] == "stop"


def test_trap_39_preflight_wants_space(installation, monkeypatch):
    monkeypatch.setattr(
        "ansible_collections.monq.platform.plugins.module_utils.checks.postgres.free_bytes", lambda _path: 10
    )
    by_check, _found = inspect(installation)
    assert by_check["space"]["severity"] == "stop" and by_check["space"]["seen"] == "10 bytes free"


def test_trap_39_preflight_wants_a_writable_folder(installation, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)  # root may write everywhere
    by_check, _found = inspect(installation)
    assert by_check["directory"]["severity"] == "stop"
