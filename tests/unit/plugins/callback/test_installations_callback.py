"""The callback beside the playbooks, with results of every ansible-core from 2.17."""

from __future__ import annotations

import importlib.util
import types

import pytest
from repository import ROOT

PATH = ROOT / "playbooks" / "callback_plugins" / "monq_installations.py"
LEDGER = {"ledger": {"platform": "up", "outage_seconds": None}}


@pytest.fixture
def callback(monkeypatch):
    spec = importlib.util.spec_from_file_location("monq_installations", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shown = []
    monkeypatch.setattr(module, "show", shown.append)
    monkeypatch.setattr(module, "warn", shown.append)
    monkeypatch.setattr(module.KilledWorkers, "start", lambda self: None)
    made = module.CallbackModule()
    made.shown, made.module = shown, module
    manager = types.SimpleNamespace(get_vars=lambda **_given: {"monq_language": made.language})
    made.language = "en"
    task = types.SimpleNamespace(action="monq.platform.batch")
    block = types.SimpleNamespace(block=[task], rescue=[], always=[])
    play = types.SimpleNamespace(tasks=[block], get_variable_manager=lambda: manager)
    made.v2_playbook_on_start(types.SimpleNamespace(get_plays=lambda: [play]))
    made.v2_playbook_on_play_start(play)
    return made


def result(host, action, data, old=False):
    of = types.SimpleNamespace(action=f"monq.platform.{action}", get_name=lambda: action)
    named = types.SimpleNamespace(get_name=lambda: host)
    known = {"host": named, "task": of, "result": data}
    return types.SimpleNamespace(**{f"_{name}" if old else name: value for name, value in known.items()})


@pytest.mark.parametrize(("old", "language"), [(False, "en"), (True, "en"), (False, "ru")])
def test_the_table_comes_last(callback, old, language):
    callback.language = language
    for host in "ab":
        callback.v2_runner_on_ok(result(host, "preflight", LEDGER, old))
    callback.v2_runner_on_failed(result("b", "report", {"msg": "no"}, old), ignore_errors=True)
    callback.v2_runner_on_ok(result("a", "verify", {"outage_seconds": 3}, old))
    callback.v2_runner_on_unreachable(result("b", "lock", {"msg": "ssh"}, old))
    callback.v2_runner_on_ok(types.SimpleNamespace())  # what it does not understand disturbs nothing
    callback.v2_playbook_on_stats(None)
    [text] = callback.shown
    assert ("1 done, 1 unreachable" in text) == (language == "en") and "b " in text


def test_one_installation_has_no_table(callback):
    callback.v2_runner_on_ok(result("a", "preflight", LEDGER))
    callback.v2_playbook_on_stats(None)
    assert callback.shown == []


def test_a_stuck_run_is_ended_after_its_table(callback, monkeypatch):
    sent = []
    monkeypatch.setattr(callback.module.os, "kill", lambda pid, signal: sent.append((pid, len(callback.shown))))
    for host in "ab":
        callback.v2_runner_on_ok(result(host, "preflight", LEDGER))
    callback._killed("b", types.SimpleNamespace(get_name=lambda: "Verify"))
    callback._stuck()
    assert "b: the process of Ansible" in callback.shown[0] and "All 2 installations" in callback.shown[2]
    assert sent == [(callback.module.os.getpid(), 3)]
