"""Tests postgresql_backup with a real, private PostgreSQL: valid dumps. Only the Kubernetes API is faked."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.live_progress import LiveProgress
from ansible_collections.monq.platform.plugins.module_utils.postgres import backup as backup_module
from ansible_collections.monq.platform.plugins.module_utils.postgres import dump
from ansible_collections.monq.platform.plugins.module_utils.postgres.backup import Backup
from support.postgresql_backup import CUT, PREPARE, UPGRADE
from support.private_postgresql import BIN, DATABASE, PASSWORD, READER_PASSWORD, ROWS, SERVICE, let_reader_in

pytestmark = pytest.mark.skipif(not BIN, reason="no PostgreSQL server is installed")


def test_a_dump_is_read_restored_compared_and_noted(installation):
    result, taken = installation.run("prepare")
    assert result == {"changed": True, "steps": {"done": [PREPARE], "predicted": [], "skipped": []}}
    assert installation.runner.kinds() == ["dump", "read", "restore"]
    path = Path(taken["path"])
    assert path == installation.attempt_folder / "pl_identity_service.20260301T100000.000Z.dump"
    assert installation.files() == [dump.MANIFEST, path.name] or installation.files() == [path.name, dump.MANIFEST]
    assert (taken["tables"], taken["rows"]) == (4, 3005)
    assert taken["bytes"] == path.stat().st_size and taken["sha256"] == backup_module.sha256(path)
    where = f"127.0.0.1:{installation.server.port}"
    assert taken["scratch"] == {"state": "restored", "server": where, "as_rollback": True}
    [noted] = installation.manifest()
    assert noted["rows"] == ROWS
    assert noted["stage"] == "prepare" and noted["microservice"] == SERVICE and noted["database"] == DATABASE
    assert noted["server_version"] and noted["pg_dump_version"] and noted["started"] and noted["finished"]
    assert installation.entry(PREPARE)["result"]["sha256"] == noted["sha256"] == taken["sha256"]
    assert installation.server.scratch() == []


def test_only_the_owner_can_read_dumps(installation):
    before = os.umask(0)
    try:
        installation.run("prepare")
    finally:
        os.umask(before)
    for folder in (installation.attempt_folder, *list(installation.attempt_folder.parents)[:2]):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in installation.attempt_folder.iterdir()} == {0o600}


def test_the_second_run_does_nothing(installation):
    installation.run("prepare")
    installation.runner.argvs.clear()
    writes = installation.api.writes
    result, taken = installation.run("prepare")
    assert (result["changed"], result["steps"]["skipped"], installation.runner.argvs, installation.api.writes) == (
        False,
        [PREPARE],
        [],
        writes,
    )
    assert taken["path"]


def test_trap_37_rows_match_while_services_write(installation):
    """Rows added between snapshot and dump are in neither dump nor count, so that these match the scratch restore."""

    def insert(_argv):
        installation.server.sql("INSERT INTO users (name) SELECT 'late' FROM generate_series(1, 50)", database=DATABASE)

    installation.runner.before["dump"] = insert
    _result, taken = installation.run("prepare")
    assert installation.manifest()[0]["rows"]["public.users"] == 3000
    assert taken["scratch"]["state"] == "restored"
    assert installation.server.sql("SELECT count(*) FROM users", database=DATABASE) == [(3050,)]


def test_no_password_leaves_the_environment(installation):
    installation.run("prepare")
    everything = json.dumps([installation.runner.argvs, installation.api.objects, installation.manifest()])
    assert PASSWORD not in everything


def test_it_says_how_large_the_dump_is_while_it_grows(installation, tmp_path):
    installation.progress = LiveProgress({"file": str(tmp_path / "progress"), "create": True})
    installation.run("prepare")
    said = [json.loads(line)["text"] for line in (tmp_path / "progress").read_text().splitlines()]
    assert re.fullmatch(rf"dump of {DATABASE}: [\d.]+ \w+ written, the database has [\d.]+ MiB", said[1]), said
    assert said[0] == f"counting the rows of {DATABASE}" and said[-1] == f"counting the restored rows of {DATABASE}"


# ---- scratch restores that are skipped


def test_trap_38_a_role_without_createdb_is_told(installation):
    let_reader_in(installation.server)
    installation.role = installation.server.as_role("reader", READER_PASSWORD)
    _result, taken = installation.run("prepare")
    assert taken["scratch"] == {"state": "skipped", "reason": "the role may not create databases"}
    assert installation.manifest()[0]["scratch"] == taken["scratch"]
    assert installation.runner.kinds() == ["dump", "read"]


@pytest.mark.parametrize(("limit", "words"), [(1000, "the limit is 1000"), (0, "switched off")])
def test_a_large_database_is_not_restored(installation, limit, words):
    installation.limit = limit
    _result, taken = installation.run("prepare")
    assert taken["scratch"]["state"] == "skipped" and words in taken["scratch"]["reason"]


# ---- the stage upgrade


def test_a_fresh_dump_is_used_again(installation):
    _result, first = installation.run("prepare")
    installation.now += 3600
    installation.runner.argvs.clear()
    result, second = installation.run("upgrade")
    assert result["steps"]["done"] == [UPGRADE]
    assert second["reused"] is True and second["path"] == first["path"] and first["reused"] is False
    assert installation.runner.argvs == []
    assert installation.entry(UPGRADE)["result"]["reused"] is True


@pytest.mark.parametrize("what", ["too old", "missing", "altered", "another database"])
def test_trap_37_a_dump_that_does_not_count_is_taken_again(installation, what):
    _result, first = installation.run("prepare")
    installation.now += 1
    if what == "too old":
        installation.now += 14400
    elif what == "missing":
        os.unlink(first["path"])
    elif what == "altered":
        with open(first["path"], "r+b") as data:
            data.write(b"X")
    else:
        ledger = Ledger(installation.api, "ns", "6.0.0").load()
        ledger.write(PREPARE, {**ledger.get(PREPARE), "result": {**first, "database": "other"}})
    result, second = installation.run("upgrade")
    assert result["steps"]["done"] == [UPGRADE]
    assert second["reused"] is False and second["path"] != first["path"]
    assert [noted["stage"] for noted in installation.manifest()] == ["prepare", "upgrade"]


def test_trap_37_a_dump_of_upgrade_is_renewed_until_the_cut_is_saved(installation):
    installation.run("prepare")
    installation.run("upgrade")
    installation.now += 14401
    assert installation.run("upgrade", check_mode=True)[0]["steps"]["predicted"] == [UPGRADE]
    result, third = installation.run("upgrade")
    assert result["steps"]["done"] == [UPGRADE] and third["reused"] is False
    with pytest.raises(MonqError):
        installation.guarded().execute(CUT, refuse)
    installation.now += 14401
    assert installation.run("upgrade", check_mode=True)[0]["steps"]["predicted"] == [UPGRADE], (
        "a cut that failed may have cut nothing"
    )
    assert installation.run("upgrade")[0]["steps"]["done"] == [UPGRADE]
    installation.guarded().execute(CUT, dict)
    installation.now += 14401
    installation.runner.argvs.clear()
    result, _fourth = installation.run("upgrade")
    assert (result["changed"], result["steps"]["skipped"], installation.runner.argvs) == (False, [UPGRADE], [])


def refuse():
    raise MonqError("no", "routes", "cut", "refused", "again")


def test_a_step_that_the_operator_accepted_is_left_alone(installation):
    ledger = Ledger(installation.api, "ns", "6.0.0").load()
    for key in (PREPARE, UPGRADE):
        ledger.write(key, {"state": "accepted", "by": "operator"})
    assert installation.run("upgrade")[0]["steps"]["skipped"] == [UPGRADE]


def test_databases_that_are_not_the_plans_are_refused(installation):
    run = installation.guarded()
    backup = Backup(
        installation.server_client(), installation.server_client(), "/nowhere", "production", "6.0.0", 1, 1, 1
    )
    with pytest.raises(InputError):
        backup.run_stage(run, "prepare", [{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])


# ---- check mode


@pytest.mark.parametrize("stage", ["prepare", "upgrade"])
def test_check_mode_predicts_and_writes_nothing(installation, stage):
    writes = installation.api.writes
    result, _taken = installation.run(stage, check_mode=True)
    assert result["changed"] and result["steps"]["predicted"] == [PREPARE if stage == "prepare" else UPGRADE]
    assert not Path(installation.folder).exists()
    assert installation.api.writes == writes and installation.runner.argvs == []
