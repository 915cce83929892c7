"""A private PostgreSQL server, with a database whose tables have unusual names."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg2
import pytest

BIN = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), "")
PASSWORD = "kN7-owner-secret"
READER_PASSWORD = "kN7-reader-secret"
SERVICE, DATABASE = "pl-identity-service", "pl_identity_service"
TABLES = (
    "CREATE TABLE users (id serial PRIMARY KEY, name text)",
    "INSERT INTO users (name) SELECT md5(i::text) || md5((i + 1)::text) FROM generate_series(1, 3000) i",
    'CREATE SCHEMA "odd schema"',
    'CREATE TABLE "odd schema"."odd ""table" (id int)',
    'INSERT INTO "odd schema"."odd ""table" VALUES (1), (2)',
    "CREATE TABLE events (at int) PARTITION BY RANGE (at)",
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10)",
    "INSERT INTO events VALUES (1), (2), (3)",
    "CREATE VIEW names AS SELECT name FROM users",
)
ROWS = {"public.users": 3000, 'odd schema.odd "table': 2, "public.events": 0, "public.events_1": 3}


class Server:
    """The server. PostgreSQL refuses to run as root: then it runs as the user postgres, otherwise as the current
    user."""

    def __init__(self, home):
        self.home = home
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        self.owner = "postgres" if self._as else None  # of its files, where it is not ourselves
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def _call(self, *argv):
        subprocess.run([*self._as, *argv], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")

    def start(self):
        secret = Path(self.home, "superuser")
        secret.write_text("kN7-super-secret\n")
        if self._as:
            user = pwd.getpwnam("postgres")
            for path in (self.home, secret):
                os.chown(path, user.pw_uid, user.pw_gid)
        auth = [
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        self._call(f"{BIN}/initdb", f"--pgdata={self.home}/data", *auth, "--no-sync")
        options = f"-p {self.port} -k {self.home} -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=16MB"
        options += " -c max_connections=20 -c max_locks_per_transaction=10 -c max_prepared_transactions=2"
        self._call(
            f"{BIN}/pg_ctl", "start", "-w", f"--pgdata={self.home}/data", f"--log={self.home}/log", "-o", options
        )

    def stop(self):
        self._call(f"{BIN}/pg_ctl", "stop", "-w", "--mode=immediate", f"--pgdata={self.home}/data")

    def sql(self, *statements, database="postgres", user="postgres", password="kN7-super-secret"):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=user, password=password, dbname=database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def as_role(self, user="monq", password=PASSWORD):
        return {"host": "127.0.0.1", "port": self.port, "user": user, "password": password, "sslmode": "prefer"}

    def scratch(self):
        return [row[0] for row in self.sql("SELECT datname FROM pg_database WHERE datname LIKE 'monq_scratch%'")]


@pytest.fixture(scope="module")
def server():
    home = tempfile.mkdtemp(prefix="monq-pg-", dir="/tmp")
    found = Server(home)
    try:
        found.start()
        found.sql(
            f"CREATE ROLE monq LOGIN CREATEDB PASSWORD '{PASSWORD}'",
            f"CREATE ROLE reader LOGIN PASSWORD '{READER_PASSWORD}'",
        )
        yield found
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            found.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def database(server):
    server.sql(f"CREATE DATABASE {DATABASE} OWNER monq")
    server.sql(*TABLES, database=DATABASE, user="monq", password=PASSWORD)
    server.sql(
        "GRANT USAGE ON SCHEMA public TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        database=DATABASE,
    )
    yield DATABASE
    for name in server.scratch() + [DATABASE]:
        server.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def let_reader_in(server):
    server.sql(
        'GRANT USAGE ON SCHEMA "odd schema" TO reader',
        'GRANT SELECT ON ALL TABLES IN SCHEMA "odd schema" TO reader',
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader",
        database=DATABASE,
    )
