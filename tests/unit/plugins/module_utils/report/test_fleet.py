"""Several installations: their batches, and the table of all."""

from __future__ import annotations

import re
import types

import pytest
from ansible.executor.playbook_executor import PlaybookExecutor
from ansible_collections.monq.platform.plugins.module_utils.report import fleet
from ansible_collections.monq.platform.plugins.plugin_utils import languages

HOSTS = [f"h{number}" for number in range(1, 8)]


@pytest.mark.parametrize(
    "serial", [1, "1", 3, "100%", "30%", "1%", [1, "100%"], ["1", "2"], [1, "50%", 1], 0, [2, 0], 40, [1, 2, "10%"]]
)
def test_batches_are_those_of_ansible(serial):
    inventory = types.SimpleNamespace(get_hosts=lambda *_given, **_order: list(HOSTS))
    play = types.SimpleNamespace(
        hosts="monq", order=None, serial=list(serial) if isinstance(serial, list) else [serial]
    )
    made = PlaybookExecutor._get_serialized_batches(types.SimpleNamespace(_inventory=inventory), play)
    assert fleet.batches(serial, HOSTS) == made


def test_earlier_and_later():
    assert fleet.earlier([1, 2, "100%"], HOSTS, "h3") == (["h1"], ["h4", "h5", "h6", "h7"])
    assert fleet.earlier("100%", HOSTS, "h3") == ([], [])
    with pytest.raises(ValueError):
        fleet.earlier("[1, 2]", HOSTS, "h3")


def ledger(*states, **more):
    keys = ["prepare.a.b", "upgrade.routing.cut", "upgrade.pl.microservices.replace", "verify.installation.check"]
    rows = [{"key": key, "state": state} for key, state in zip(keys, states)]
    return {"steps": rows, "begun": True, "platform": "up", "outage_seconds": None, **more}


NOW = {"now": "2026-03-01T00:00:30Z"}
SILENT = "2026-03-01T00:00:01Z"
HOLDER = {"holder": "ann@host pid 7", "id": "1", "renewed": "2026-03-01T00:00:29Z", "duration": 9}


CUT, REPLACED = "upgrade.routing.cut", "upgrade.pl.microservices.replace"


@pytest.mark.parametrize(
    ("known", "result", "verdict", "at"),
    [
        (ledger("done", "done", "done", "done"), None, "done", ""),
        (ledger("to do", "to do", begun=False), None, "not begun", ""),
        (ledger("done", "to do"), None, "unfinished", ""),
        (ledger("done", "done", "intent", "to do"), None, "interrupted", REPLACED),
        (ledger("done", "failed"), None, "failed", CUT),
        (ledger("done", "unknown", questions=[{"key": "x"}]), None, "question", CUT),
        (ledger("done", "to do", holder=HOLDER, **NOW), None, "locked", "ann@host pid 7"),
        (ledger("done", "intent", holder={**HOLDER, "renewed": SILENT}, **NOW), None, "interrupted", CUT),
        (ledger("to do"), {"msg": "m", "error": "LockError", "holder": "bob"}, "locked", "bob"),
        (ledger("to do"), {"msg": "m", "error": "LockError", "task": "Take the lock"}, "failed", "Take the lock"),
        (ledger("done", "failed"), {"msg": "no", "step": "s.t.u", "task": "T"}, "failed", "s.t.u"),
        (ledger("done", "failed"), {"msg": "add -e monq_resolve", "task": "T"}, "question", CUT),
        (ledger("done", "to do"), {"msg": "", "last_exit": {"environment": "e"}, "task": "T"}, "question", "T"),
        (ledger("done", "intent"), {"msg": "no json", "task": "T"}, "interrupted", CUT),
        ({}, {"msg": "no", "task": "T"}, "failed", "T"),
    ],
)  # fmt: skip
def test_a_row(known, result, verdict, at):
    row = fleet.row(known, result)
    assert (row["verdict"], row["at"]) == (verdict, at)


ROWS = {
    "staging": {"verdict": "done", "outage": 12, "platform": "up"},
    "a-long-name": {"verdict": "failed", "at": "upgrade.routing.cut", "outage": None, "platform": "down"},
    "locked": {"verdict": "locked", "at": "ann", "outage": None, "platform": "up"},
    "asks": {"verdict": "question", "at": "x.y.z", "platform": "down"},
    "later": {"verdict": "not begun"},
}


def test_the_table():
    assert (
        fleet.table(ROWS, lambda hosts: "run --limit " + ",".join(hosts))
        == """\
All 5 installations of this run: 1 done, 1 failed, 1 locked, 1 asking for a decision, 1 not begun
  installation  result                             outage  platform
  staging       done                               12 s    up
  a-long-name   failed at upgrade.routing.cut      -       DOWN
  locked        locked by ann                      -       up
  asks          failed at x.y.z: needs a decision  -       DOWN
  later         not begun                          -       -
  next, with the answer that the text of each of them asks for:
    run --limit asks
  next, when the runs that hold the locks have ended:
    run --limit locked
  next, for all that are not done:
    run --limit a-long-name,later"""
    )


def test_all_done_asks_for_nothing():
    assert "next" not in fleet.table({"a": ROWS["staging"], "b": ROWS["staging"]}, str)


def test_the_table_in_russian():
    text = fleet.table(ROWS, ",".join, languages.language("ru"))
    said = text.replace("a-long-name", "").replace("upgrade.routing.cut", "")
    for host in ROWS:
        said = said.replace(host, "")
    assert not re.findall(r"[a-z]{4,}", said) and "12 с" in text
