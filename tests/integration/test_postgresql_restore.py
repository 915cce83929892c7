"""What a restore needs from its role is named, with a remedy that works, before anything goes down. A real, private
PostgreSQL."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.postgres import Inspection
from ansible_collections.monq.platform.plugins.module_utils.checks.restore import PROBE
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres.backup import Backup
from ansible_collections.monq.platform.plugins.module_utils.postgres.client import Postgresql
from ansible_collections.monq.platform.plugins.module_utils.rollback.database import DatabaseRestore
from support.private_postgresql import BIN, DATABASE, READER_PASSWORD, SERVICE, let_reader_in

pytestmark = pytest.mark.skipif(not BIN, reason="no PostgreSQL server is installed")
DEFAULTS = "ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT SELECT ON TABLES TO reader"
SUPERUSER = "kN7-super-secret"
# Each is one public report: a restore by the databases' owner fails at it, or loses it.
STATES = {
    "ALTER DEFAULT PRIVILEGES FOR ROLE postgres": [DEFAULTS],
    "schema theirs": ["CREATE SCHEMA theirs AUTHORIZATION reader"],
    "table theirs.t": [
        "CREATE TABLE theirs.t ()",
        "GRANT SELECT ON theirs.t TO monq",
        "GRANT USAGE ON SCHEMA theirs TO monq",
    ],
    "table public.given": [
        "CREATE TABLE given ()",
        "ALTER TABLE given OWNER TO reader",
        "GRANT SELECT ON given TO monq",
    ],
    "GRANT by role reader on table public.users": [
        "GRANT SELECT ON users TO reader WITH GRANT OPTION",
        "SET ROLE reader",
        "GRANT SELECT ON users TO pg_monitor",
        "RESET ROLE",
    ],
    "publication everything": ["CREATE PUBLICATION everything FOR ALL TABLES"],
    "large object 77": ["SELECT lo_create(77)", "GRANT SELECT ON LARGE OBJECT 77 TO monq"],
    "pg_stat_statements": ["CREATE EXTENSION pg_stat_statements"],
    "event trigger audit": [
        "CREATE FUNCTION audit() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end'",
        "CREATE EVENT TRIGGER audit ON ddl_command_start EXECUTE FUNCTION audit()",
    ],
    "function pg_read_file(text)": ["GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO reader"],
    "function pg_sleep(double precision)": ["REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(float8) FROM PUBLIC"],
    "tablespace fast": ["CREATE TABLE fast () TABLESPACE fast", "ALTER TABLE fast OWNER TO monq"],
    "subscription news": [
        "CREATE SUBSCRIPTION news CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)",
    ],
}
IN_THE_FIRST = {"table theirs.t", "schema theirs", "large object 77", "event trigger audit"}  # a second each
LOST = {"function pg_sleep(double precision)", "subscription news"}


@pytest.fixture
def states(server, database):
    """Puts states into the database; afterwards, lets it be dropped."""
    place = Path(server.home, "fast")
    place.mkdir()
    if server.owner:
        shutil.chown(place, server.owner, server.owner)
    server.sql(f"CREATE TABLESPACE fast LOCATION '{place}'")

    def put(*names):
        server.sql(*[statement for name in names for statement in STATES[name]], database=DATABASE)

    yield put
    for (name,) in server.sql(f"SELECT datname FROM pg_database WHERE datname LIKE '{DATABASE}%'"):
        for (subscription,) in server.sql(
            "SELECT subname FROM pg_subscription JOIN pg_database d ON d.oid = subdbid"
            f" WHERE datname = '{name}' AND datname = '{name}'"
        ):
            server.sql(
                f"ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)",
                f"DROP SUBSCRIPTION {subscription}",
                database=name,
            )
        server.sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    server.sql("DROP TABLESPACE fast", "REVOKE postgres FROM monq", "ALTER ROLE monq CREATEDB CONNECTION LIMIT -1")
    shutil.rmtree(place)


def preflight(installation, role=None, scratch=None, limit=1 << 30):
    source = Postgresql(role or installation.role)
    items = [{"microservice": SERVICE, "database": DATABASE}]
    given = Postgresql(scratch or role or installation.role)
    return Inspection(source, given, items, str(installation.folder), limit).run().findings


def stops(findings):
    return [one for one in findings if one["severity"] == "stop"]


def named(found):
    return " ".join(one["seen"] for one in found)


def taken(installation, role=None, limit=1 << 30, stage="prepare", scratch=None):
    """A dump, and the Backup that took it."""
    given, other = Postgresql(role or installation.role), Postgresql(scratch or role or installation.role)
    backup = Backup(given, other, str(installation.folder), "production", "6.0.0", 1, 3600, limit)
    return backup.dump(SERVICE, DATABASE, stage), backup


def restore(server, role=None):
    return DatabaseRestore(role or server.as_role(), sleep=lambda _seconds: None)


def test_everything_that_a_restore_lacks_is_named_by_preflight_prepare_and_check(installation, states):
    states(*STATES)
    found = preflight(installation)
    rest = [one for one in found if one["check"] == "postgresql.restore"]
    lost = named(one for one in rest if one["severity"] == "warning")
    everything = "\n".join(one["seen"] + one["expected"] for one in stops(rest))
    assert {name for name in set(STATES) - LOST if name not in everything} == set()
    assert {name for name in LOST if name not in lost} == set()
    # Prepare shows the same remedies beside what pg_restore says, and keeps nothing.
    message = installation.refused()
    assert "as a rollback would restore it" in message and "must be member of role" in message
    assert 'GRANT "postgres" TO "monq"' in message and "only postpones the failure to the rollback" in message
    assert installation.dumps() == [] and installation.server.scratch() == []
    # With the proof switched off all are warnings; the rollback's check then says no.
    assert stops(preflight(installation, limit=0)) == []
    result, backup = taken(installation, limit=0)
    assert 'GRANT "postgres" TO "monq"' in "\n".join(backup.warnings) and "news" in "\n".join(backup.warnings)
    problems = restore(installation.server).problems(DATABASE, result)
    assert {one["seen"] for one in stops(problems)} == {one["seen"] for one in stops(rest)}
    with pytest.raises(MonqError, match="current database is untouched"):
        restore(installation.server).run(DATABASE, result, 1)


@pytest.mark.parametrize("name", [name for name in STATES if name not in LOST | IN_THE_FIRST])
def test_preflight_and_prepare_say_the_same(installation, states, name):
    states(name)
    assert name in named(stops(preflight(installation))) + str(preflight(installation))
    with pytest.raises(MonqError, match="could not be restored as a rollback would"):
        taken(installation)


def test_the_grant_that_is_named_lets_the_rollback_restore(installation, states):
    states("ALTER DEFAULT PRIVILEGES FOR ROLE postgres")
    server = installation.server
    grant = stops(preflight(installation))[0]["next"].partition(", or ")[0]
    assert grant == 'GRANT "postgres" TO "monq"'
    server.sql(grant)
    assert stops(preflight(installation)) == []
    result, backup = taken(installation)
    assert result["scratch"]["as_rollback"] and backup.warnings == []
    assert restore(server).problems(DATABASE, result) == []
    before = server.sql("SELECT defaclrole::regrole::text, defaclacl::text FROM pg_default_acl", database=DATABASE)
    # What the migration removed from the database is still needed by the dump.
    server.sql(
        DEFAULTS.replace("GRANT", "REVOKE").replace(" TO reader", " FROM reader"),
        "DROP TABLE users CASCADE",
        database=DATABASE,
    )
    server.sql("REVOKE postgres FROM monq")
    assert 'GRANT "postgres" TO "monq"' in str(restore(server).problems(DATABASE, result))
    manifest = Path(result["path"]).parent / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"contents"', '"unknown"'))
    assert restore(server).problems(DATABASE, result) == [], "without the record, the present database is read"
    manifest.write_text(manifest.read_text().replace('"unknown"', '"contents"'))
    server.sql(grant)
    restore(server).run(DATABASE, result, 1)
    assert before == server.sql(
        "SELECT defaclrole::regrole::text, defaclacl::text FROM pg_default_acl", database=DATABASE
    )


def test_a_superuser_restores_everything_and_is_told_of_the_subscription(installation, states):
    states(*STATES)
    server, role = installation.server, installation.server.as_role("postgres", SUPERUSER)
    found = [one for one in preflight(installation, role) if one["check"] == "postgresql.restore"]
    assert [one["severity"] for one in found] == ["warning"] and "subscription news" in named(found)
    result, backup = taken(installation, role)
    assert result["scratch"]["as_rollback"] and "subscription news" in backup.warnings[0] and server.scratch() == []
    # Its proof is none for the role of the databases.
    needed = stops(restore(server).problems(DATABASE, result))
    assert "role monq is a superuser, as these need" in [one["expected"] for one in needed]
    done = restore(server, role).run(DATABASE, result, 1)
    assert "subscription news" in done["lost"][0] and "enable it" in done["lost"][0]
    assert server.sql("SELECT evtname FROM pg_event_trigger", database=DATABASE) == [("audit",)]
    assert server.sql("SELECT pg_get_userbyid(lomowner) FROM pg_largeobject_metadata", database=DATABASE) == [
        ("postgres",)
    ]
    assert server.sql(
        f"SELECT subenabled FROM pg_subscription JOIN pg_database d ON d.oid = subdbid WHERE datname = '{DATABASE}'"
    ) == [(False,)]


def test_owners_are_proved_whatever_the_size_and_wherever_the_rows_are_compared(installation, states):
    """A database above the limit is restored without its rows, and so it is where the rows go to another server."""
    result, _backup = taken(installation, limit=1)
    assert result["scratch"]["state"] == "skipped" and result["scratch"]["as_rollback"]
    assert result["scratch"]["reason"].endswith("without its rows, it was restored as a rollback would")
    elsewhere = installation.server.as_role("postgres", SUPERUSER)
    assert taken(installation, scratch=elsewhere)[0]["scratch"]["as_rollback"]
    states("ALTER DEFAULT PRIVILEGES FOR ROLE postgres")
    for given in ({"limit": 1}, {"scratch": elsewhere}):
        with pytest.raises(MonqError, match="as a rollback would restore it"):
            taken(installation, **given)
    assert installation.server.scratch() == []


def test_the_dump_inside_a_rollback_is_not_held_up_by_its_scratch_restore(installation, states):
    """The platform is down then, and the database itself is kept."""
    states("event trigger audit")
    result, backup = taken(installation, stage="rollback")
    assert result["scratch"]["state"] == "failed" and "event trigger" in result["scratch"]["reason"]
    assert backup.warnings == [] and installation.server.scratch() == []


def test_a_role_that_only_dumps_is_not_asked_for_what_a_rollback_needs(installation, states):
    let_reader_in(installation.server)
    role = installation.server.as_role("reader", READER_PASSWORD)
    found = [one for one in preflight(installation, role) if one["check"] == "postgresql.restore"]
    assert [one["severity"] for one in found] == ["warning"] and "another monq_postgresql_user" in found[0]["next"]
    elsewhere = preflight(installation, role, scratch=installation.role)
    assert "it may create databases, as a rollback does" in [one["expected"] for one in elsewhere]
    result, backup = taken(installation, role)
    assert result["scratch"]["state"] == "skipped" and 'GRANT "monq" TO "reader"' in "\n".join(backup.warnings)


def test_preflight_names_what_pg_dump_may_not_read(installation, states):
    installation.server.sql(
        "SELECT lo_create(77)",
        "SELECT lo_create(78)",
        "CREATE EXTENSION pgcrypto",
        "CREATE FUNCTION mark() RETURNS void LANGUAGE sql AS 'select'",
        "CREATE TABLE settings (id int)",
        "ALTER EXTENSION pgcrypto ADD TABLE settings",
        "UPDATE pg_extension SET extconfig = ARRAY['settings'::regclass::oid], extcondition = ARRAY[''] WHERE extname ="
        " 'pgcrypto'",
        database=DATABASE,
    )
    found = next(one for one in preflight(installation) if one["check"] == "postgresql.select")
    assert "public.settings, large object 77 and 1 more like it" in found["seen"]
    with pytest.raises(MonqError, match="pg_dump failed"):
        taken(installation)
    installation.server.sql("ALTER EXTENSION pgcrypto DROP TABLE settings", database=DATABASE)


@pytest.mark.parametrize("whose", [f"DATABASE {DATABASE}", "ROLE monq"])
def test_preflight_names_a_connection_limit_that_has_no_room(installation, states, whose):
    installation.server.sql(f"ALTER {whose} CONNECTION LIMIT 1")
    found = [one for one in preflight(installation) if one["check"] == "postgresql.connections"]
    assert [one["severity"] for one in found] == ["stop"] and "CONNECTION LIMIT 1" in found[0]["seen"]
    with pytest.raises(MonqError, match="too many connections"):
        taken(installation)
    installation.server.sql(found[0]["next"])
    assert [one for one in preflight(installation) if one["check"] == "postgresql.connections"] == []
    result, _backup = taken(installation)
    # A rollback has the new database to itself, and gives it the limit at the end.
    if whose.startswith("DATABASE"):
        installation.server.sql(f"ALTER {whose} CONNECTION LIMIT 1")
        restore(installation.server).run(DATABASE, result, 1)
        assert installation.server.sql(f"SELECT datconnlimit FROM pg_database WHERE datname = '{DATABASE}'") == [(1,)]


def test_preflight_names_a_pg_hba_that_admits_no_new_database(installation, states):
    server = installation.server
    admits = Path(server.home, "data", "pg_hba.conf")
    text = admits.read_text()
    assert [one for one in preflight(installation) if one["check"] == "postgresql.pg_hba"] == []
    try:
        _admit(server, admits, f"host all postgres all trust\nhost {DATABASE},postgres all all scram-sha-256\n")
        found = [one for one in preflight(installation) if one["check"] == "postgresql.pg_hba"]
        assert [one["severity"] for one in found] == ["stop"] and "monq_scratch_*" in found[0]["expected"]
        assert PROBE in found[0]["seen"] and PROBE not in server.scratch()
        assert "pg_hba.conf" in found[0]["seen"] and "host all monq" in found[0]["next"]
        with pytest.raises(MonqError, match=r"no pg_hba\.conf entry"):
            taken(installation)
        result, _backup = taken(installation, limit=0)
        assert "no pg_hba.conf entry" in named(restore(server).problems(DATABASE, result))
        _admit(server, admits, f"host all postgres all trust\nhost {DATABASE},/^monq all all scram-sha-256\n")
        assert "database postgres" in json.dumps(preflight(installation)), "a rollback connects to it"
    finally:
        _admit(server, admits, text)


def _admit(server, path, text):
    """Waits until the server has read it."""
    before = server.sql("SELECT pg_conf_load_time()")
    path.write_text(text)
    server.sql("SELECT pg_reload_conf()")
    while server.sql("SELECT pg_conf_load_time()") == before:
        time.sleep(0.02)
