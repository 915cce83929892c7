"""What monqctl prints, and what of it means failure."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.monqctl import output
from repository import RELEASE, load

SHIPPED = load("roles/monq/defaults/main.yml")["monq_monqctl_failure_patterns"]
SQL = [
    "release",
    "update",
    "db",
    "pgsql",
    "--module=pl",
    "--microservice=pl-i18n-service",
    "--file",
    "sqls/pl-i18n-service.sql",
]
STATUS = ["registry", "get", "status"]
TEMPLATE = ["registry", "get", "services", "K8s", "--output", "json"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("monqctl version v1.1.2", (1, 1, 2)),
        ("v1.10.0\nbuilt with go1.20.3", (1, 10, 0)),
        ("monqctl 1.1.2-rc1 (abc)", (1, 1, 2)),
    ],
)
def test_version(text, expected):
    assert output.version(text) == expected


@pytest.mark.parametrize("text", ["", "\n", "monqctl", "v1.1", "usage: monqctl\nv1.1.2"])
def test_a_version_that_is_none_is_an_error(text):
    """trap 22"""
    with pytest.raises(CommandError) as caught:
        output.version(text)
    assert "monq_monqctl_path" in str(caught.value)


def table(*rows):
    line = "-------------------------"
    return "\n".join([line, *(f"{name} | {state}\n{line}" for name, state in rows), ""])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (table(("Consul", "Failed")), {"Consul": "Failed"}),
        (
            table(("Consul", "Failed"), ("PostgreSQL", "OK"), ("K8s", "Healthy")),
            {"Consul": "Failed", "PostgreSQL": "OK", "K8s": "Healthy"},
        ),
        ("| Consul | Failed |\n+--------+--------+\n", {"Consul": "Failed"}),
        ("Consul|Failed\nK8s|OK|more\n", {"Consul": "Failed", "K8s": "OK"}),
        ("", {}),
        ("no table at all\n------\n", {}),
        ("--- | ---\n===\n", {}),
    ],
)
def test_status_rows(text, expected):
    assert output.status_rows(text) == expected


@pytest.mark.parametrize(
    "rows", [[("Consul", "Failed"), ("K8s", "OK")], [("K8s", "OK")], [("K8s", "Healthy"), ("Redis", "Up")]]
)
def test_consul_alone_may_fail(rows):
    """trap 28"""
    assert output.healthy_status(table(*rows), RELEASE["ignored_status"]) == dict(rows)


@pytest.mark.parametrize(
    "state", ["Failed", "FAILED", "failed: no route", "Error", "Unhealthy", "Down", "Unavailable", "Critical"]
)
@pytest.mark.parametrize("name", ["PostgreSQL", "consul", "Consul2"])
def test_any_other_failed_row_stops(name, state):
    """trap 28"""
    with pytest.raises(CommandError) as caught:
        output.healthy_status(table(("Consul", "Failed"), (name, state), ("K8s", "OK")), RELEASE["ignored_status"])
    assert f"{name}: {state}" in str(caught.value) and "Consul: Failed" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "everything is fine"])
def test_a_status_without_rows_is_not_healthy(text):
    """trap 16"""
    with pytest.raises(CommandError) as caught:
        output.healthy_status(text, RELEASE["ignored_status"])
    assert "cannot be read" in str(caught.value)


@pytest.mark.parametrize(("text", "expected"), [("{}", {}), (" [1]\n", [1]), ('{"Имя": "К8s"}', {"Имя": "К8s"})])
def test_json_reply(text, expected):
    assert output.json_reply(text, "x") == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [("", "nothing"), ("  \n\t", "nothing"), ("error: no", "did not return JSON"), ('{"a": ', "did not return")],
)
def test_an_empty_or_broken_reply_is_an_error_and_no_empty_object(text, word):
    """trap 16"""
    with pytest.raises(CommandError) as caught:
        output.json_reply(text, "monqctl registry get services K8s")
    assert word in str(caught.value) and "registry get services K8s" in str(caught.value)


PATTERNS = {"*": ["any"], "release update": ["short"], "release update db pgsql": ["long"], "config": []}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (SQL, ["any", "long"]),
        (["release", "update", "images", "--module=pl"], ["any", "short"]),
        (["--verbose", "release", "update", "images"], ["any", "short"]),
        (["release", "updates"], ["any"]),
        (["instance", "clear", "cache"], ["any"]),
    ],
)
def test_the_longest_command_counts_and_what_holds_for_all(argv, expected):
    assert output.failure_patterns(PATTERNS, argv) == expected


@pytest.mark.parametrize("patterns", [{}, {"other": ["x"]}])
def test_no_patterns(patterns):
    assert output.failure_patterns(patterns, SQL) == []


@pytest.mark.parametrize(
    ("argv", "printed", "line"),
    [
        (SQL, "applying\nERROR:  relation does not exist\nmore", "ERROR:  relation does not exist"),
        (SQL, 'psql:x.sql:3: ERROR:  syntax error at or near "x"', 'psql:x.sql:3: ERROR:  syntax error at or near "x"'),
        (SQL, "FATAL:  the database system is shutting down", "FATAL:  the database system is shutting down"),
        (SQL, "transaction was rolled back", "transaction was rolled back"),
        (SQL, "Rolled back to savepoint", "Rolled back to savepoint"),
        (SQL, "INSERT 0 1\nUPDATE 3\n10 rows, 0 errors", None),
        (SQL, "created table error_log", None),
        (["release", "update", "images", "--module=pl"], "copied 12 images\nError: denied\n", "Error: denied"),
        (["release", "update", "images", "--module=pl"], "  panic: runtime error", "panic: runtime error"),
        (["release", "update", "images", "--module=pl"], "401 Unauthorized", "401 Unauthorized"),
        (["release", "update", "images", "--module=pl"], "copied pl-error-service\nno failed images", None),
        (["instance", "clear", "cache"], "Failed to connect", "Failed to connect"),
        (["instance", "clear", "cache"], "", None),
        (STATUS, table(("Consul", "Failed")), None),
    ],
)
def test_the_shipped_patterns(argv, printed, line):
    """trap 36: output is judged as well as the status"""
    assert output.failure_line(printed, output.failure_patterns(SHIPPED, argv)) == line


def test_the_shipped_patterns_leave_the_data_of_others_alone():
    """an empty list means that a command's output is data, and none of it means failure"""
    for argv in (STATUS, TEMPLATE, ["config", "current-context"]):
        assert output.failure_line("failed\nerror: unauthorized", output.failure_patterns(SHIPPED, argv)) is None
    for argv in (SQL, ["config", "set", "credential", "x"], ["registry", "apply", "service", "K8s"]):
        assert output.failure_line("error: unauthorized", output.failure_patterns(SHIPPED, argv))


def test_tail():
    assert output.tail("a\nb\nc\n\n", 2) == "b\nc"
    assert output.tail("") == ""


def test_a_status_is_judged_as_it_is_and_shown_without_secrets():
    found = output.healthy_status(table(("db", "OK at hunter2x"), ("K8s", "OK")), [], ["hunter2x"])
    assert found == {"db": "OK at ********", "K8s": "OK"}
    for text in (table(("db", "Failed: password=theirs hunter2x")), "--- hunter2x\n", "password=theirs"):
        with pytest.raises(CommandError) as caught:
            output.healthy_status(text, [], ["hunter2x"])
        assert "********" in str(caught.value) and not [
            part for part in ("hunter2x", "theirs") if part in str(caught.value)
        ]


def test_a_version_that_is_none_is_shown_without_secrets():
    with pytest.raises(CommandError, match=r"'no \*{8}'"):
        output.version("no hunter2x", ["hunter2x"])
