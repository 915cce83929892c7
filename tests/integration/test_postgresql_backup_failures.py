"""Tests postgresql_backup with a real, private PostgreSQL: invalid dumps, and failures with their messages."""

from __future__ import annotations

import os
import resource
import subprocess

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.postgres import backup as backup_module
from ansible_collections.monq.platform.plugins.module_utils.postgres import dump
from support.postgresql_backup import PREPARE, START
from support.private_postgresql import BIN, DATABASE, PASSWORD

pytestmark = pytest.mark.skipif(not BIN, reason="no PostgreSQL server is installed")


def test_trap_38_a_dump_cut_to_60_percent_is_refused(installation):
    listed = []

    def cut(argv):
        path = next(arg for arg in argv if arg.startswith("--file=")).split("=", 1)[1]
        os.truncate(path, os.path.getsize(path) * 60 // 100)
        listed.append(process.run([f"{BIN}/pg_restore", "--list", path]).rc)

    installation.runner.after["dump"] = cut
    message = installation.refused()
    assert listed == [0], "pg_restore --list should have accepted it, or this test proves nothing"
    assert "the dump cannot be read to the end" in message
    assert installation.dumps() == []
    assert installation.entry(PREPARE)["state"] == "failed"


def test_trap_38_a_wrong_number_of_rows_is_refused(installation):
    def lose(argv):
        name = next(arg for arg in argv if arg.startswith("--dbname=")).split("=", 1)[1]
        installation.server.sql("DELETE FROM users WHERE id = 7", database=name)

    installation.runner.after["restore"] = lose
    message = installation.refused()
    assert "public.users: 3000 rows dumped, 2999 restored" in message
    assert installation.dumps() == [] and installation.server.scratch() == []


def test_a_failed_restore_drops_its_scratch_database(installation):
    seen = []

    def spoil(argv):
        name = next(arg for arg in argv if arg.startswith("--dbname=")).split("=", 1)[1]
        seen.append(name)
        installation.server.sql("CREATE TABLE users (other int)", database=name)

    installation.runner.before["restore"] = spoil
    message = installation.refused()
    assert "could not be restored" in message and 'relation "users" already exists' in message
    assert seen and installation.server.scratch() == [] and installation.dumps() == []


def test_a_failure_is_repeated_by_the_same_command(installation):
    installation.runner.after["dump"] = lambda argv: os.truncate(argv[4].split("=", 1)[1], 100)
    installation.refused()
    installation.runner.after.clear()
    result, _taken = installation.run("prepare")
    assert result["steps"]["done"] == [PREPARE]


# ---- leftovers of earlier runs


def test_what_a_killed_run_left_is_cleared(installation):
    dead = {"host": process.here(), "pid": 2**22 + 1, "pid_start": 1, "created": START}
    alive = {**dead, "pid": os.getpid(), "pid_start": process.start_time(os.getpid())}
    old = {**dead, "host": "elsewhere", "created": START - 90000}
    for name, owner in (("monq_scratch_dead", dead), ("monq_scratch_alive", alive), ("monq_scratch_old", old)):
        installation.server.sql(f"CREATE DATABASE {name} OWNER monq", dump.comment_scratch(name, owner))
    installation.server.sql("CREATE DATABASE monq_scratch_stranger OWNER monq")
    installation.attempt_folder.mkdir(parents=True)
    (installation.attempt_folder / f"{DATABASE}.20260301T090000.000Z.dump.partial").write_text("half")
    (installation.attempt_folder / "other.20260301T090000.000Z.dump.partial").write_text("of another database")
    installation.run("prepare")
    assert sorted(installation.server.scratch()) == ["monq_scratch_alive", "monq_scratch_stranger"]
    assert [name for name in installation.files() if name.endswith(".partial")] == [
        "other.20260301T090000.000Z.dump.partial"
    ]


def test_a_scratch_database_of_an_earlier_run_of_this_installation_goes_wherever_that_ran(installation):
    """The job was killed in a pod that is gone; this run holds its lock now."""
    mine, elsewhere = "ns in https://one", {"host": "pod-a", "pid": 1, "pid_start": 1, "created": START}
    for name, owner in (
        ("monq_scratch_mine", {"installation": mine, "lock": "earlier"}),
        ("monq_scratch_now", {"installation": mine, "lock": "now"}),
        ("monq_scratch_theirs", {"installation": "ns in https://two", "lock": "earlier"}),
    ):
        installation.server.sql(
            f"CREATE DATABASE {name} OWNER monq", dump.comment_scratch(name, {**elsewhere, **owner})
        )
    installation.identity = {"installation": mine, "lock": "now"}
    installation.run("prepare")
    assert sorted(installation.server.scratch()) == ["monq_scratch_now", "monq_scratch_theirs"]


# ---- failures and their messages


def test_trap_39_a_full_disk(installation, tmp_path):
    mount = _tiny(tmp_path / "tiny")
    try:
        installation.folder = mount
        installation.server.sql(
            "INSERT INTO users (name) SELECT gen_random_uuid()::text FROM generate_series(1, 60000)", database=DATABASE
        )
        message = installation.refused()
        assert "the disk is full" in message and "monq_backup_dir" in message
        assert installation.dumps() == []
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def _tiny(path):
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs needs root with CAP_SYS_ADMIN; the file size limit below is tested in its place")
    return path


def test_trap_39_a_write_that_ends_early(installation):
    installation.server.sql(
        "INSERT INTO users (name) SELECT gen_random_uuid()::text FROM generate_series(1, 60000)", database=DATABASE
    )
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def narrow(_argv):
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, limits[1]))

    def wide(_argv):
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    installation.runner.before["dump"], installation.runner.after["dump"] = narrow, wide
    message = installation.refused()
    assert "pg_dump failed" in message
    assert installation.dumps() == []


def test_trap_39_a_full_disk_in_our_own_writing(installation, monkeypatch):
    """If the manifest does not fit on the disk, the dump is removed too, as nothing would describe it."""

    def full(_path):
        raise OSError(28, "No space left on device")

    calls = []
    real = backup_module._sync
    monkeypatch.setattr(
        backup_module, "_sync", lambda path: real(path) if len(calls) < 2 and not calls.append(path) else full(path)
    )
    message = installation.refused()
    assert "No space left on device" in message and "bytes free" in message
    assert installation.dumps() == []


def test_trap_39_a_folder_that_cannot_be_made(installation, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    installation.folder = blocker
    message = installation.refused()
    assert "the backup cannot be written" in message and "monq_backup_dir" in message


def test_trap_39_a_missing_pg_dump(installation):
    installation.pg_dump = "/nowhere/pg_dump"
    assert "the program cannot be started" in installation.refused()
    assert installation.dumps() == []


def test_a_missing_database(installation):
    message = installation.refused(database="pl_other")
    assert 'database "pl_other" does not exist' in message


def test_a_wrong_password_is_not_echoed(installation):
    installation.role = {**installation.server.as_role(), "password": PASSWORD + "x"}
    assert "password authentication failed" in installation.refused()


def test_a_server_that_is_not_there(installation):
    installation.role = {**installation.server.as_role(), "port": 1}
    assert "monq_postgresql_host" in installation.refused()
