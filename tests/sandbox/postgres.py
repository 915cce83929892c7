# GNU General Public License v3.0+
"""A real PostgreSQL cluster for each installation, with a database for each microservice."""

import glob
import hashlib
import os
import pwd
import shutil
import signal
import subprocess

from files import read_json, write_json
from processes import wait_for

ROLE = "monq"
SEED_NAME = "sandbox_seed"
SEED = f"""
CREATE ROLE {ROLE} LOGIN CREATEDB;
CREATE DATABASE {SEED_NAME} OWNER {ROLE};
\\connect {SEED_NAME}
SET ROLE {ROLE};
CREATE TABLE entities (id bigserial PRIMARY KEY, name text NOT NULL, amount numeric(12, 2) NOT NULL,
  payload jsonb NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE entity_tags (id serial PRIMARY KEY, entity_id bigint NOT NULL REFERENCES entities ON DELETE CASCADE,
  tag text NOT NULL, UNIQUE (entity_id, tag));
CREATE TABLE settings (id serial PRIMARY KEY, key text NOT NULL UNIQUE, value jsonb NOT NULL);
CREATE TABLE sandbox_migrations (id serial PRIMARY KEY, module text NOT NULL, file text NOT NULL,
  ran_at timestamptz NOT NULL);
INSERT INTO settings (key, value) VALUES ('release', '{{"release": "5.9.3", "язык": "русский"}}');
INSERT INTO settings (key, value) VALUES ('limits', '{{"hosts": 250, "list": [1, 2.5, null, "три"]}}');
\\connect postgres
ALTER DATABASE {SEED_NAME} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true;
"""


def database_name(service):
    return service.replace("-", "_")


def filling(service, number, rows):
    """Returns the rows of one database, the same in every sandbox, so that installations can be compared."""
    return f"""\\connect {database_name(service)}
SET ROLE {ROLE};
INSERT INTO entities (name, amount, payload, created_at)
  SELECT '{service} №' || n, n * {number}.25,
         jsonb_build_object('n', n, 'service', '{service}', 'текст', 'снег ☃ "кавычки" \\ ' || n),
         timestamptz '2024-01-01 00:00:00+00' + n * interval '1 hour' FROM generate_series(1, {rows}) n;
INSERT INTO entity_tags (entity_id, tag) SELECT id, CASE WHEN id % 2 = 0 THEN 'чётный' ELSE 'odd' END FROM entities;
INSERT INTO settings (key, value) VALUES ('service', '"{service}"');
"""


def program(name):
    found = shutil.which(name)
    if found:
        return found
    for path in sorted(
        glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), key=lambda item: int(item.split("/")[4]), reverse=True
    ):
        return path
    raise SystemExit(f"PostgreSQL is not installed: no {name} (Debian: apt-get install postgresql)")


def account():
    """Returns the account to run as: PostgreSQL refuses to run as root."""
    return "postgres" if os.getuid() == 0 else None


class Postgres:
    def __init__(self, state, processes, services):
        self.services = services
        self.state = state
        self.processes = processes

    def _run(self, argv):
        user = account()
        group = {"user": user, "group": user, "extra_groups": []} if user else {}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/", **group)
        if done.returncode:
            raise SystemExit(f"{argv[0]}: {done.stderr.strip()}")

    def sql(self, port, text, database="postgres"):
        env = {
            "PATH": os.environ.get("PATH", ""),
            "PGPASSWORD": self.state.token("postgres"),
            "PGCONNECT_TIMEOUT": "5",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            [
                "psql",
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
                "-U",
                "postgres",
                "-d",
                database,
            ],
            input=text,
            capture_output=True,
            text=True,
            check=False,
            env=env,
        )
        if done.returncode:
            raise SystemExit(f"psql: {done.stderr.strip()}")
        return done.stdout

    def client(self, name, *argv):
        env = {"PATH": os.environ.get("PATH", ""), "PGPASSWORD": self.state.token("postgres"), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [argv[0], "-h", "127.0.0.1", "-p", str(self.port(name)), "-U", "postgres", *argv[1:]],
            capture_output=True,
            text=True,
            check=False,
            env=env,
        )
        if done.returncode:
            raise SystemExit(f"{argv[0]}: {done.stderr.strip()}")

    def _own(self, path):
        if account():
            entry = pwd.getpwnam(account())
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def _start(self, process, data, port, log):
        options = {
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "on",  # committed data survives a killed server, as in production
            "autovacuum": "off",
            "shared_buffers": "32MB",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_connections": "60",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "timezone": "UTC",
            "max_wal_size": "2GB",
            "jit": "off",
        }
        argv = [program("postgres"), "-D", data, "-p", str(port)]
        for key, value in options.items():
            argv += ["-c", f"{key}={value}"]
        child = self.processes.start(
            process,
            argv,
            log,
            user=account(),
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        )

        def answers():
            return (
                subprocess.run(
                    [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)], check=False, timeout=5
                ).returncode
                == 0
            )

        wait_for(f"PostgreSQL on port {port}", answers, 120, child, log)

    def make(self, name):
        """Creates a new cluster with the role and the database that serves as template for the others."""
        data = self.state.home(name, "postgresql")
        shutil.rmtree(data, ignore_errors=True)
        os.makedirs(os.path.dirname(data), mode=0o711, exist_ok=True)
        os.mkdir(data, 0o700)
        self._own(data)
        password = self.state.path("cache", f"password-{name}")
        with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self.state.token("postgres") + "\n")
        self._own(password)
        self._run(
            [
                program("initdb"),
                "-D",
                data,
                "-U",
                "postgres",
                "--auth=scram-sha-256",
                f"--pwfile={password}",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-N",
            ]
        )
        os.unlink(password)
        self.up(name)
        self.sql(self.port(name), SEED)
        with open(self.state.home(name, "postgresql-made"), "w", encoding="utf-8"):
            pass

    def port(self, name):
        return self.state.port(f"postgresql-{name}")

    def up(self, name):
        """Starts the installation's cluster if it is not running."""
        if not self.processes.pid(f"postgresql-{name}"):
            self._start(
                f"postgresql-{name}",
                self.state.home(name, "postgresql"),
                self.port(name),
                self.state.home(name, "postgresql.log"),
            )

    def down(self, name):
        self.processes.stop(f"postgresql-{name}", signal.SIGINT)

    def fingerprints(self, name):
        """Returns database -> the state of its files. Writing to a database changes it; reading may change it too,
        which only costs time."""
        self.sql(self.port(name), "CHECKPOINT;")
        seen = {}
        for line in self.sql(
            self.port(name), "SELECT oid, datname FROM pg_database WHERE NOT datistemplate ORDER BY 2;"
        ).split():
            oid, _sep, database = line.partition("|")
            with os.scandir(self.state.home(name, "postgresql", "base", oid)) as entries:
                files = sorted(
                    (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
                    for entry in entries
                    if entry.name != "pg_internal.init"
                )
            seen[database] = hashlib.sha256(repr((oid, files)).encode()).hexdigest()
        return seen

    def origins(self, name):
        """Returns database -> the origin of its present content: 'seed', the label of a saved state, or None if it has
        been written to since."""
        known = read_json(self.state.home(name, "fingerprints.json"), {})
        return {
            database: known[database][1] if known.get(database, [None])[0] == mark else None
            for database, mark in self.fingerprints(name).items()
            if database != "postgres"
        }

    def remember(self, name, origins):
        write_json(
            self.state.home(name, "fingerprints.json"),
            {database: [mark, origins.get(database)] for database, mark in self.fingerprints(name).items()},
        )

    def renew(self, name, services, saved=None, folder=None):
        """Restores every database as it was created ('seed') or saved (saved: database -> label, with its dump in the
        folder). Databases already in that state are kept."""
        if os.path.exists(self.state.home(name, "postgresql-made")):
            self.up(name)
        else:
            self.make(name)
        by_name = {database_name(service): service for service in services}
        wanted = saved if saved is not None else dict.fromkeys(by_name, "seed")
        seen = self.origins(name)
        password = self.state.token("monq-" + name).replace("'", "''")
        text = f"ALTER ROLE {ROLE} LOGIN CREATEDB NOSUPERUSER PASSWORD '{password}';\n"
        text += "".join(
            f'DROP DATABASE "{database}" WITH (FORCE);\n'
            for database, origin in seen.items()
            if not origin or wanted.get(database) != origin
        )
        missing = [database for database, origin in wanted.items() if seen.get(database) != origin]
        text += "".join(
            f'CREATE DATABASE "{database}" TEMPLATE {SEED_NAME if wanted[database] == "seed" else "template0"} OWNER '
            f"{ROLE} STRATEGY file_copy;\n"
            for database in missing
        )
        for database in missing:
            if wanted[database] == "seed":
                number = self.services.index(by_name[database])
                text += filling(by_name[database], number + 1, 20 + 7 * number)
        self.sql(self.port(name), text)
        for database in missing:
            if wanted[database] != "seed":
                self.client(
                    name, "pg_restore", "--exit-on-error", "-d", database, os.path.join(folder, database + ".dump")
                )
        self.remember(name, wanted)

    def save(self, name, label, folder):
        """Saves the databases; returns database -> 'seed', or the label, with a dump in the folder."""
        seen = self.origins(name)
        saved = {database: "seed" if origin == "seed" else label for database, origin in seen.items()}
        for database, origin in saved.items():
            if origin == label:
                self.client(name, "pg_dump", "-Fc", "-Z0", "-f", os.path.join(folder, database + ".dump"), database)
        self.remember(name, saved)
        return saved
