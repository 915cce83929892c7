"""PostgreSQL quotes rows and statements in its messages; what explains the failure stays."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.redaction.encodings import MASK
from ansible_collections.monq.platform.plugins.module_utils.redaction.sql_rows import without_rows
from ansible_collections.monq.platform.plugins.module_utils.redaction.text import redact

HIDDEN = {
    "psql": (
        "ERROR:  null value\nDETAIL:  Failing row contains (1, hunter2).\nHINT:  x",
        f"ERROR:  null value\nDETAIL:  {MASK}\nHINT:  x",
    ),
    "to the end": ("CONTEXT:  COPY users, line 1: hunter2\nand on hunter2\n", f"CONTEXT:  {MASK}\n"),
    "Npgsql": (
        "23502: null value\n  Exception data:\n    Detail: Failing row contains (1,\nhunter2)\n    SchemaName: "
        "public\n   at Npgsql.Read()",
        f"23502: null value\n  Exception data:\n    Detail: {MASK}\n    SchemaName: public\n   at Npgsql.Read()",
    ),
    "node": (
        "error: duplicate key\n  detail: 'Key (token)=(hunter2) already exists.',",
        f"error: duplicate key\n  detail: {MASK}",
    ),
    "Russian": (
        "ОШИБКА:  повтор\nПОДРОБНОСТИ:  Ключ (a)=(hunter2)\nещё hunter2\nПОДСКАЗКА:  x\nОПЕРАТОР:  hunter2\nЗАПРОС:  "
        "hunter2\nКОНТЕКСТ:  hunter2",
        f"ОШИБКА:  повтор\nПОДРОБНОСТИ:  {MASK}\nПОДСКАЗКА:  x\nОПЕРАТОР:  {MASK}\nЗАПРОС:  {MASK}\nКОНТЕКСТ:  {MASK}",
    ),
    "each ends the one before": (
        "DETAIL:  a\nb\nQUERY:  \n  INSERT 'c'\nLINE 1: x\nSTATEMENT:  d",
        f"DETAIL:  {MASK}\nQUERY:  {MASK}\nLINE 1: x\nSTATEMENT:  {MASK}",
    ),
    "inside a line": ("psql:a.sql:3: ERROR: x DETAIL: Key (a)=(b)", f"psql:a.sql:3: ERROR: x DETAIL: {MASK}"),
    "a statement in a log": ("LOG:  statement: ALTER ROLE a PASSWORD 'b'", f"LOG:  statement: {MASK}"),
    "a driver's query": ("could not exec query: INSERT INTO a VALUES ('b')", f"could not exec query: {MASK}"),
    "in JSON": (r'{"msg":"ERROR: x\nDETAIL: Key (a)=(b)\nHINT: c"}', r'{"msg":"ERROR: x\nDETAIL: ' + MASK),
    "a program goes on": (
        "DETAIL:  a\nb\npsql: error: c\n\nDETAIL:  a\nError: step failed",
        f"DETAIL:  {MASK}\npsql: error: c\n\nDETAIL:  {MASK}\nError: step failed",
    ),
    "a log goes on": (
        "DETAIL:  a\nb\n2026-03-01 10:00:00 UTC [7] FATAL:  c",
        f"DETAIL:  {MASK}\n2026-03-01 10:00:00 UTC [7] FATAL:  c",
    ),
    "an empty line is a row's too": ("DETAIL:  a\n\nhunter2\nERROR:  b", f"DETAIL:  {MASK}\n\nERROR:  b"),
}


@pytest.mark.parametrize("case", HIDDEN)
def test_rows_are_hidden(case):
    text, expected = HIDDEN[case]
    assert without_rows(text) == expected
    assert without_rows(expected) == expected, "twice is once"


@pytest.mark.parametrize(
    "text",
    [
        '{"detail": "Not found.", "a": 1}',
        '  "detail": "Not found",\n  "query": "x"',
        "no such context: staging",
        "unknown context:staging",
        "context:\n  cluster: a",
        "See the details: none",
        "http://host/query: refused",
        "context deadline exceeded",
        "current-context: production",
        "",
        'pg_restore: error: could not execute query: ERROR:  relation "users" already exists',
        "exec query: pq: relation does not exist",
        "\n\n",
        "detail\n: x",
    ],
)
def test_what_is_no_label_stays(text):
    assert without_rows(text) == text


def test_our_own_rows_after_a_quoted_one_stay():
    """A module's message is looked through once more before it is shown."""
    error = CommandError(
        "monqctl failed",
        "context production",
        "exit status 0",
        "exit status 1\n    ERROR:  x\n    DETAIL:  hunter2\n    hunter2",
        "fix it",
    )
    error.evidence, error.changed, error.platform = ["log of a: DETAIL: hunter2", "pod b"], "3 of 9 steps", "up"
    assert redact(str(error)) == (
        "monqctl failed\n  object: context production\n  expected: exit status 0\n  seen: exit status 1\n    ERROR:  "
        "x\n"
        f"    DETAIL:  {MASK}\n  evidence: log of a: DETAIL: {MASK}\n  evidence: pod b\n  changed: 3 of 9 steps\n  "
        f"platform: up\n  next: fix it"
    )


def test_what_follows_a_row_that_was_hidden_before_stays():
    assert redact(f"DETAIL:  {MASK}\nwhat was added since") == f"DETAIL:  {MASK}\nwhat was added since"


@pytest.mark.parametrize(
    "detail",
    [
        "DETAIL:  There is 1 prepared transaction using the database.",
        "DETAIL:  There are 2 other sessions using the database.",
        "DETAIL:  There are 2 other session(s) and 1 prepared transaction(s) using the database.",
        "ПОДРОБНОСТИ:  С этой базой данных связана 1 подготовленная транзакция.",
    ],
)
def test_what_only_counts_who_uses_a_database_is_shown(detail):
    text = f"ERROR:  database is being accessed by other users\n{detail}"
    assert redact(text) == text
    assert redact(f"{text} hunter2\nhunter2") == f"{text[: -len(detail)]}{detail.partition(':')[0]}:  {MASK}"
