"""The action of status.yml: the screen comes last, and every step above it only where it is asked for."""

from __future__ import annotations

import types

import pytest
from ansible_collections.monq.platform.plugins.action import status
from ansible_collections.monq.platform.plugins.plugin_utils import command_line

ROW = {"key": "prepare.a.b", "state": "to do", "undo": "reversible", "kind": "cluster", "title": "t", "cutover": False}
LEDGER = {"steps": [ROW], "generation": 1, "platform": "up", "lock": "none", "begun": False, "outage_seconds": None}


@pytest.mark.parametrize(
    ("all_", "verbosity", "hosts", "listed"),
    [(False, 0, ["h"], False), (True, 0, ["h"], True), (False, 1, ["h"], True), (False, 0, ["h", "other"], False)],
)
def test_the_screen(monkeypatch, all_, verbosity, hosts, listed):
    shown = []
    args = {"ledger": LEDGER, "environment": "production", "release": "6.0.0", "all": all_}
    monkeypatch.setattr(status.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
    monkeypatch.setattr(status.ActionModule, "validate_argument_spec", lambda self, spec: (None, args))
    monkeypatch.setattr(status, "show", shown.append)
    monkeypatch.setattr(command_line, "context", types.SimpleNamespace(CLIARGS={"verbosity": verbosity}))
    for name in command_line.JOBS:
        monkeypatch.delenv(name, raising=False)
    action = status.ActionModule.__new__(status.ActionModule)
    result = action.run(task_vars={"inventory_hostname": "h", "ansible_play_hosts_all": hosts})
    assert result.pop("installation")["verdict"] == "not begun"
    assert result == {"changed": False, "text": shown[-1]} and shown[-1].startswith("h: Monq is up.")
    assert (len(shown) == 2 and "prepare.a.b  (t)" in shown[0]) == listed
    assert ("--limit h" in shown[-1]) == (len(hosts) > 1)
