"""Behind a real pgbouncer: nothing of ours reaches the application's connections, and the pooler is named."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time

import psycopg2
import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.postgres import Inspection
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import connection, trace
from ansible_collections.monq.platform.plugins.module_utils.postgres.client import Postgresql
from ansible_collections.monq.platform.plugins.module_utils.rollback.database import DatabaseRestore
from support.private_postgresql import BIN, DATABASE, PASSWORD, SERVICE

PROGRAM = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
pytestmark = pytest.mark.skipif(not BIN or not PROGRAM, reason="no PostgreSQL server or no pgbouncer is installed")
SHOWN = ("row_security", "statement_timeout", "lock_timeout", "search_path", "default_transaction_read_only")
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = 4
{more}
"""


@contextlib.contextmanager
def pooler(server, folder, mode, more=""):
    """pgbouncer before the server; yields the role's access to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = os.path.join(server.home, f"pgbouncer-{port}")  # its user cannot enter pytest's folders
    os.mkdir(folder)
    files = {
        "ini": CONFIGURATION.format(server=server.port, port=port, folder=folder, mode=mode, more=more),
        "users": f'"monq" "{PASSWORD}"\n',
    }
    for name, text in files.items():
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        if os.getuid() == 0:
            os.chown(path, pwd.getpwnam("postgres").pw_uid, -1)
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    with subprocess.Popen([*as_user, PROGRAM, "-q", f"{folder}/ini"], stderr=subprocess.DEVNULL) as process:
        try:
            for _try in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            yield {**server.as_role(), "port": port}
        finally:
            process.terminate()


@contextlib.contextmanager
def application(role):
    """A connection of the application through the pooler."""
    found = psycopg2.connect(
        host=role["host"], port=role["port"], user=role["user"], password=PASSWORD, dbname=DATABASE
    )
    found.autocommit = True
    try:
        yield found
    finally:
        found.close()


def shown(connections):
    """What the application's sessions have set, each seen in a transaction that is open at the same time."""
    found = []
    for one in connections:
        with one.cursor() as cursor:
            cursor.execute("BEGIN; SELECT pg_backend_pid()," + ",".join(f"current_setting('{name}')" for name in SHOWN))
            found.append(cursor.fetchone())
    for one in connections:
        with one.cursor() as cursor:
            cursor.execute("ROLLBACK")
    assert len({row[0] for row in found}) == len(connections)
    return {row[1:] for row in found}


def inspect(role, folder):
    client = Postgresql(role, f"{BIN}/pg_dump", f"{BIN}/pg_restore")
    found = Inspection(client, client, [{"microservice": SERVICE, "database": DATABASE}], str(folder), 1 << 30).run()
    return {one["check"].partition(".")[2]: one for one in found.findings}


@pytest.mark.parametrize(
    "more", ["", "ignore_startup_parameters = options"], ids=["refuses options", "ignores options"]
)
def test_in_transaction_mode_nothing_reaches_the_applications_connections(installation, tmp_path, more):
    with pooler(installation.server, tmp_path, "transaction", more) as role, contextlib.ExitStack() as stack:
        theirs = [stack.enter_context(application(role)) for _one in range(3)]
        before = shown(theirs)
        found = inspect(role, tmp_path / "backup")
        assert set(found) == {"pooler", "space"} and found["pooler"]["severity"] == "stop"
        assert "transaction mode" in found["pooler"]["seen"] and "monq_postgresql_host" in found["pooler"]["next"]
        with Postgresql(role).session(DATABASE) as one:
            assert one.value("SHOW statement_timeout") == "0" and one.value("SHOW search_path") == "pg_catalog"
            trace.look(one)
            with pytest.raises(MonqError):
                one.query("SELECT 1 / 0")
            assert one.rows()["public.users"] == 3000
            assert shown(theirs) == before, "while ours is open"
        installation.role = role
        message = installation.refused()
        assert "a connection pooler lies between" in message
        assert installation.runner.kinds() == [] and installation.dumps() == []
        with pytest.raises(MonqError, match="pooler"):
            DatabaseRestore(role).problems(DATABASE)
        assert shown(theirs) == before and len(before) == 1


def test_in_session_mode_a_backup_works_and_the_pooler_is_named(installation, tmp_path):
    with pooler(installation.server, tmp_path, "session", "server_reset_query =") as role:
        with application(role) as one:
            before = shown([one])
        assert inspect(role, tmp_path / "backup")["pooler"]["severity"] == "warning"
        with Postgresql(role).session(DATABASE) as one:
            assert one.value("SHOW statement_timeout") == "0"
        with application(role) as one:
            assert shown([one]) == before
    with pooler(installation.server, tmp_path, "session") as role:
        installation.role = role
        _result, taken = installation.run("prepare")
        assert taken["scratch"]["state"] == "restored"


def test_without_a_pooler_none_is_seen(installation):
    assert installation.server_client().connector.pooling(DATABASE) is None
    assert connection.Connector({**installation.server.as_role(), "port": 1}).pooling(DATABASE) is None
