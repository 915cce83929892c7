"""Tables for the pure part of the backup: command lines, names, versions, ages, comparisons, the manifest."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError, InputError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import dump
from ansible_collections.monq.platform.plugins.module_utils.process import Result

SERVER = {"host": "pg.monq.test", "port": 5433, "user": "monq", "password": "s3cret", "sslmode": "require"}
NOW = 1_772_359_200.25  # 2026-03-01T10:00:00.250Z
ACCESS = ["--host=pg.monq.test", "--port=5433", "--username=monq", "--no-password"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param(
            dump.pg_dump("pg_dump", SERVER, "pl_i18n", "00000003-1", "/b/x.partial"),
            [
                "pg_dump",
                "--format=custom",
                "--snapshot=00000003-1",
                "--lock-wait-timeout=60s",
                "--file=/b/x.partial",
                *ACCESS,
                "--dbname=pl_i18n",
            ],
            id="trap 37: the dump reads the exported snapshot",
        ),
        pytest.param(
            dump.full_read("/usr/bin/pg_restore", "/b/x.partial"),
            ["/usr/bin/pg_restore", "--file=/dev/null", "/b/x.partial"],
            id="trap 38: everything is read, not listed",
        ),
        pytest.param(
            dump.restore("pg_restore", SERVER, "monq_scratch_1", "/b/x"),
            [
                "pg_restore",
                "--verbose",
                "--exit-on-error",
                "--no-owner",
                "--no-privileges",
                "--no-publications",
                "--no-subscriptions",
                "--no-tablespaces",
                *ACCESS,
                "--dbname=monq_scratch_1",
                "/b/x",
            ],
            id="trap 38: scratch restore stops at the first error",
        ),
    ],
)
def test_argv(argv, expected):
    assert argv == expected
    assert "s3cret" not in " ".join(argv)


def test_the_password_is_in_the_environment_alone():
    assert dump.environment(SERVER) == {
        "PGPASSWORD": "s3cret",
        "PGSSLMODE": "require",
        "PGCONNECT_TIMEOUT": "10",
        "PGAPPNAME": "monq.platform",
        "LC_ALL": "C",
    }
    assert "PGPASSWORD" not in dump.environment({**SERVER, "password": None})


@pytest.mark.parametrize(
    ("scratch", "expected"),
    [
        (None, SERVER),
        ({}, SERVER),
        ({"host": "", "port": None}, SERVER),
        ({"host": "other", "port": 1}, {**SERVER, "host": "other", "port": 1}),
    ],
)
def test_the_scratch_server_is_the_same_server_unless_told(scratch, expected):
    assert dump.scratch_server(SERVER, scratch) == expected


def test_databases_follow_the_microservices_unless_named():
    assert dump.databases(["pl-i18n-service", "cl-streams-service"], {"cl-streams-service": "streams"}) == [
        {"microservice": "pl-i18n-service", "database": "pl_i18n_service"},
        {"microservice": "cl-streams-service", "database": "streams"},
    ]


@pytest.mark.parametrize("name", ["", "a=b", "postgresql://x", "../x", "a/b", "a b", "-x", "x\n", "x" * 64, None])
def test_what_libpq_or_a_path_could_misread_is_no_database(name):
    with pytest.raises(InputError):
        dump.check_database(name)


@pytest.mark.parametrize("host", ["", "..", ".x", "a/b", "a b", "a\n"])
def test_a_host_that_is_no_folder_is_refused(host):
    with pytest.raises(InputError):
        dump.folder_parts(host, "6.0.0", 1)


def test_names():
    assert dump.folder_parts("production", "6.0.0", 2) == ["production", "6.0.0", "2"]
    assert dump.file_name("a_b", NOW) == "a_b.20260301T100000.250Z.dump"


@pytest.mark.parametrize(
    ("database", "name", "expected"),
    [
        ("a_b", "a_b.20260301T100000.250Z.dump.partial", True),
        ("a_b", "a_b.20260301T100000.250Z.dump", False),
        ("a_b", "xa_b.20260301T100000.250Z.dump.partial", False),
        ("a.b", "a_b.20260301T100000.250Z.dump.partial", False),
        ("a_b", "manifest.json.partial", False),
    ],
)
def test_only_partial_files_of_the_database_are_swept(database, name, expected):
    assert dump.is_partial_of(database, name) is expected


def test_scratch_sql_is_quoted():
    assert dump.create_scratch("monq_scratch_1", "UTF8", "ru_RU.UTF-8", "C") == (
        "CREATE DATABASE \"monq_scratch_1\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'ru_RU.UTF-8' LC_CTYPE 'C'"
    )
    assert dump.comment_scratch('a"b', {"host": "o'brien"}) == (
        'COMMENT ON DATABASE "a""b" IS \'monq.platform scratch {"host": "o\'\'brien"}\''
    )


def _comment(**changes):
    return dump.SCRATCH_COMMENT + json.dumps(
        {"host": "here", "pid": 7, "pid_start": 70, "created": NOW - 60, **changes}
    )


RUN = {"installation": "production in https://k8s", "lock": "now"}


@pytest.mark.parametrize(
    ("changes", "run", "expected"),
    [
        pytest.param(
            {**RUN, "lock": "earlier"}, RUN, True, id="an earlier run of this installation: we hold its lock now"
        ),
        pytest.param(RUN, RUN, False, id="our own"),
        pytest.param(
            {**RUN, "installation": "production in https://other", "lock": "earlier"},
            RUN,
            False,
            id="another installation",
        ),
        pytest.param({**RUN, "lock": "earlier"}, {**RUN, "lock": ""}, False, id="without a lock nobody knows"),
        pytest.param({}, RUN, False, id="made before installations were noted"),
    ],
)
def test_the_lock_tells_what_an_earlier_run_left_elsewhere(changes, run, expected):
    assert (
        dump.is_abandoned("monq_scratch_1", _comment(host="pod-a", **changes), NOW, "here", {7: 70}.get, run)
        is expected
    )


@pytest.mark.parametrize(
    ("name", "comment", "expected"),
    [
        pytest.param("monq_scratch_1", _comment(), False, id="its run is alive"),
        pytest.param("monq_scratch_1", _comment(pid=8), True, id="its process is dead"),
        pytest.param("monq_scratch_1", _comment(pid_start=71), True, id="its pid is another process now"),
        pytest.param("monq_scratch_1", _comment(host="there", pid=8), False, id="nobody knows about other hosts"),
        pytest.param("monq_scratch_1", _comment(host="there", created=NOW - 90000), True, id="older than a day"),
        pytest.param("monq_scratch_1", "", False, id="ours by name alone"),
        pytest.param("monq_scratch_1", dump.SCRATCH_COMMENT + "{}", False, id="comment without a moment"),
        pytest.param("pl_identity", _comment(pid=8), False, id="another name"),
    ],
)
def test_only_our_abandoned_scratch_databases_are_dropped(name, comment, expected):
    assert dump.is_abandoned(name, comment, NOW, "here", {7: 70}.get) is expected


@pytest.mark.parametrize(
    ("size", "limit", "may_create", "expected"),
    [
        (10, 10, True, None),
        (11, 10, True, "the database has 11 bytes, the limit is 10"),
        (1, 10, False, "the role may not create databases"),
        (1, 0, True, "switched off: the limit is 0"),
    ],
)
def test_scratch_restore_is_skipped_with_a_reason(size, limit, may_create, expected):
    assert dump.scratch_refusal(size, limit, may_create) == expected


@pytest.mark.parametrize(
    ("text", "version", "major"),
    [
        ("pg_dump (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n", (15, 8), (15, 0)),
        ("pg_dump (PostgreSQL) 9.6.24", (9, 6), (9, 6)),
        ("pg_restore (PostgreSQL) 17beta1", (17, 0), (17, 0)),
    ],
)
def test_versions_of_programs(text, version, major):
    assert dump.program_version(text) == version
    assert dump.major(version) == major


def test_no_version():
    assert dump.program_version("usage: pg_dump") is None


@pytest.mark.parametrize(("number", "text"), [(150008, "15"), (90624, "9.6"), (100023, "10")])
def test_versions_of_servers(number, text):
    assert dump.major_text(number) == text


def test_trap_39_majors_are_compared_as_numbers():
    assert dump.major((9, 6)) < dump.major(100023) < dump.major((15, 8)) == dump.major(150001)


@pytest.mark.parametrize(
    ("finished", "expected"),
    [
        pytest.param("2026-03-01T10:00:00Z", True, id="just now"),
        pytest.param("2026-03-01T06:00:01Z", True, id="a second before the limit"),
        pytest.param("2026-03-01T05:59:59Z", False, id="trap 37: too old"),
        pytest.param("2026-03-01T10:04:00Z", True, id="a clock that is a little ahead"),
        pytest.param("2026-03-01T11:00:00Z", False, id="a dump of the future"),
        pytest.param("yesterday", False, id="no moment"),
        pytest.param(None, False, id="none"),
    ],
)
def test_fresh(finished, expected):
    assert dump.is_fresh(finished, NOW, 14400) is expected


@pytest.mark.parametrize(
    ("expected", "seen", "lines"),
    [
        ({"a": 1, "b": 0}, {"a": 1, "b": 0}, []),
        ({"a": 1}, {}, ["a: missing"]),
        ({}, {"a": 1}, ["a: not in the dumped database"]),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ["b: 2 rows dumped, 3 restored"]),
    ],
)
def test_differences(expected, seen, lines):
    assert dump.differences(expected, seen) == lines


def test_some():
    assert dump.some("abc") == "a, b, c"
    assert dump.some("abcdefg") == "a, b, c, d, e and 2 more"


def test_an_empty_manifest_and_one_that_is_continued():
    empty = {"format": 1, "release": "6.0.0", "host": "production", "attempt": 1, "dumps": []}
    assert dump.manifest("", "6.0.0", "production", 1) == empty
    filled = {**empty, "dumps": [{"database": "a"}]}
    assert dump.manifest(json.dumps(filled), "6.0.0", "production", 1) == filled


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 2, "dumps": []}', '{"format": 1, "dumps": {}}'])
def test_a_strange_manifest_is_not_overwritten(text):
    with pytest.raises(MonqError):
        dump.manifest(text, "6.0.0", "production", 1)


def test_the_ledger_keeps_counts_not_tables():
    entry = dict.fromkeys(("database", "server", "path", "sha256", "bytes", "started", "finished", "scratch"), "x")
    kept = dump.kept({**entry, "rows": {"a": 2, "b": 3}, "server_version": "15.8"})
    assert kept == {**entry, "tables": 2, "rows": 5}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        pytest.param(
            Result(1, "", "pg_dump: error: x: No space left on device", False),
            ["the disk is full", "larger disk"],
            id="trap 39: full",
        ),
        pytest.param(
            Result(1, "", "pg_dump: error: permission denied", False),
            ["permission denied", "again"],
            id="trap 39: permission",
        ),
        pytest.param(Result(-9, "", "", True), ["timed out"], id="timeout"),
        pytest.param(Result(-25, "", "", False), ["signal 25"], id="signal"),
    ],
)
def test_a_failed_program_is_explained(result, words):
    with pytest.raises(CommandError) as caught:
        dump.judge(result, "pg_dump failed", "database a", "try again")
    assert all(word in str(caught.value) for word in words)


def test_rows_that_the_server_quotes_stay_out_of_messages():
    stderr = (
        'pg_restore: error: COPY failed for table "t": ERROR: duplicate key\nDETAIL:  Key (token)=(s3cret) '
        'exists.\nCONTEXT:  COPY t, line 1: "s3cret"'
    )
    assert dump.spoken(stderr) == 'pg_restore: error: COPY failed for table "t": ERROR: duplicate key'


def test_success_is_silent():
    dump.judge(Result(0, "", "pg_dump: warning: circular foreign keys", False), "what", "obj", "next")


def test_rows_of_partitions_count_at_the_table_at_the_top():
    partitions = {"h0": "h", "h1": "h"}
    assert dump.differences({"h": 0, "h0": 5, "h1": 3}, {"h": 0, "h0": 2, "h1": 6}, partitions) == []
    found = dump.differences({"h": 0, "h0": 5, "h1": 3}, {"h": 0, "h0": 2, "h1": 5}, partitions)
    assert found == ["h: 8 rows dumped, 7 restored"]
    assert dump.differences({"h": 0, "h0": 1}, {"h": 1}, partitions) == ["h0: missing"]


def test_an_error_names_what_pg_restore_was_at():
    stderr = (
        'pg_restore: connecting to database for restore\npg_restore: creating TABLE "public.users"\n'
        "pg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 215; 1259 16386 TABLE users monq\n"
        "pg_restore: error: could not execute query: ERROR:  out of shared memory\n"
        "HINT:  You might need to increase max_locks_per_transaction.\nCommand was: CREATE TABLE\n"
    )
    kept = dump.without_progress(stderr)
    assert "creating" not in kept and "connecting" not in kept
    with pytest.raises(CommandError) as caught:
        dump.judge(Result(1, "", kept, False), "it failed", "/b/x.dump", "try again")
    assert caught.value.obj == "TABLE users monq, from /b/x.dump"
    assert "raise max_locks_per_transaction" in caught.value.next_step


def test_rows_are_dumped_through_the_partitioned_table_where_they_may_move():
    assert "--load-via-partition-root" in dump.pg_dump("pg_dump", SERVER, "a", "s", "/x", via_root=True)
