"""Long commands show that they are at work; the module runs as it would without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest
from ansible.plugins.action.normal import ActionModule as Normal
from ansible_collections.monq.platform.plugins.action import lock, monqctl, postgresql_backup, rollout_wait, route_removal
from ansible_collections.monq.platform.plugins.plugin_utils import watched
from repository import RELEASE, ROOT, load

WATCHED = [lock, monqctl, postgresql_backup, rollout_wait, route_removal]


@pytest.fixture
def shown(monkeypatch):
    """The lines that were displayed; enough is set once there are three."""
    lines = []
    lines_seen = types.SimpleNamespace(lines=lines, enough=threading.Event())

    def display(text):
        lines.append(text)
        if len(lines) >= 3:
            lines_seen.enough.set()

    for module in (watched, lock):
        monkeypatch.setattr(module, "Display", lambda: types.SimpleNamespace(display=display))
    return lines_seen


def action(kind, **args):
    made = object.__new__(kind)
    made._task = types.SimpleNamespace(get_name=lambda: "Run the SQL of pl", args=args, check_mode=False)
    return made


def test_a_long_task_shows_lines_and_never_its_arguments(shown, monkeypatch):
    made = action(monqctl.ActionModule, secret="hunter2")
    made.first = made.every = 0.001
    before = threading.active_count()
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: shown.enough.wait(60) and {"of": "the module"})
    assert made.run(task_vars={"inventory_hostname": "production"}) == {"of": "the module"}
    assert shown.lines[0] == "monq.platform: production: Run the SQL of pl: still at work after 0 s"
    assert not any("hunter2" in line for line in shown.lines)
    assert threading.active_count() == before, "the thread ends with the task"


def test_a_short_task_shows_nothing(shown, monkeypatch):
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: {})
    assert action(monqctl.ActionModule).run(task_vars={}) == {} and shown.lines == []
    assert (watched.FIRST, watched.EVERY) == (10, 30)


def test_a_task_that_fails_ends_the_thread(shown, monkeypatch):
    def fail(self, tmp, task_vars):
        raise RuntimeError("boom")

    monkeypatch.setattr(Normal, "run", fail)
    before = threading.active_count()
    with pytest.raises(RuntimeError):
        action(monqctl.ActionModule).run(task_vars={})
    assert threading.active_count() == before


def test_a_lock_that_is_waited_for_names_the_holder_and_counts_down(shown, monkeypatch):
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: {})
    made = action(lock.ActionModule, state="acquired", lock_duration=120, namespace="production", mask='["x"]', preflight=True)
    asked = []
    made._execute_module = lambda **given: asked.append(given) or {"lock": "bob@bastion, lock id 5f2c"}
    made.run(task_vars={"inventory_hostname": "production"})
    assert asked[0]["module_name"] == "monq.platform.ledger_info"
    assert asked[0]["module_args"] == {"namespace": "production", "lock_duration": 120, "mask": '["x"]'}
    assert "held by bob@bastion, lock id 5f2c" in shown.lines[0] and "after about 120 s" in shown.lines[0]
    assert made._line("production", 5.2) == "monq.platform: production: waiting for the lock: 115 s left"
    assert "longer Lease" in made._line("production", 130)


@pytest.mark.parametrize("answer", [{"lock": "none"}, {"failed": True, "msg": "no answer"}, {}])
def test_a_lock_that_is_free_or_unknown_is_simply_taken(shown, monkeypatch, answer):
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: {"id": "x"})
    made = action(lock.ActionModule, state="acquired")
    made._execute_module = lambda **_given: answer
    assert made.run(task_vars={}) == {"id": "x"} and shown.lines == []


@pytest.mark.parametrize(("state", "check_mode"), [("released", False), ("acquired", True)])
def test_nobody_is_asked_where_no_lock_is_taken(shown, monkeypatch, state, check_mode):
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: {})
    made = action(lock.ActionModule, state=state)
    made._task.check_mode = check_mode
    made._execute_module = lambda **_given: pytest.fail("asked")
    made.run(task_vars={})


def test_every_watched_action_is_one():
    assert all(issubclass(module.ActionModule, watched.WatchedAction) for module in WATCHED)


def test_the_groups_defaults_still_reach_the_modules(tmp_path):
    """module_defaults of a group are found by the action's name; check mode and async work as before."""
    names = [module.__name__.rpartition(".")[2] for module in WATCHED]
    own = {
        "lock": {"state": "acquired"}, "monqctl": {"commands": []}, "rollout_wait": {"module": "pl"}, "route_removal": {},
        "postgresql_backup": {"stage": "prepare", "host": "h", "directory": "/nowhere", "databases": [], "postgresql": {"host": "h", "user": "u"}},
    }  # fmt: skip
    plan = {"release": RELEASE, "modules": ["pl"]}
    tasks = [{"name": f"run {name}", f"monq.platform.{name}": own[name], "ignore_errors": True} for name in names]
    tasks.append({"name": "in check mode", "monq.platform.monqctl": own["monqctl"], "check_mode": True, "ignore_errors": True})
    tasks.append({"name": "in the background", "monq.platform.monqctl": own["monqctl"], "async": 60, "poll": 1, "ignore_errors": True})
    play = {
        "hosts": "localhost", "gather_facts": False, "tasks": tasks,
        "module_defaults": {"group/monq.platform.monq": {"namespace": "Not A Namespace", "plan": plan},
                            "group/monq.platform.monqctl": {"monqctl_context": "c"}},
    }  # fmt: skip
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible/collections"), "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    argv = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        "localhost,",
        "-c",
        "local",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
        "play.yml",
    ]
    done = subprocess.run(argv, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    wrong = done.stdout.count('"msg": "monq_namespace is not the name of a namespace')
    assert wrong == len(tasks), done.stdout[-3000:] + done.stderr[-1000:]
    assert set(names) <= set(load("meta/runtime.yml")["action_groups"]["monq"])
