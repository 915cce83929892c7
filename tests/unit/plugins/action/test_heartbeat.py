"""Long tasks show what they are doing; the module runs as it would without it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest
from ansible.plugins.action.normal import ActionModule as Normal
from ansible_collections.monq.platform.plugins.action import (
    lock,
    microservices,
    monqctl,
    monqctl_home,
    postgresql_backup,
    preflight,
    registry_template_apply,
    registry_token,
    rollback_database,
    rollback_step,
    rollout_wait,
    route_removal,
    routing,
    support_bundle,
    verify,
)
from ansible_collections.monq.platform.plugins.plugin_utils import heartbeat, screen
from fake_session import params
from repository import ROOT, load

BEATING = [
    lock,
    microservices,
    monqctl,
    monqctl_home,
    postgresql_backup,
    preflight,
    registry_template_apply,
    registry_token,
    rollback_database,
    rollback_step,
    rollout_wait,
    route_removal,
    routing,
    support_bundle,
    verify,
]


@pytest.fixture
def shown(monkeypatch):
    """The lines that were displayed; enough is set once there are three."""
    lines = []
    lines_seen = types.SimpleNamespace(lines=lines, stderr=[], enough=threading.Event())

    def display(text, color=None, stderr=False):
        lines.append(text)
        lines_seen.stderr.append(stderr)
        if len(lines) >= 3:
            lines_seen.enough.set()

    monkeypatch.setattr(screen, "Display", lambda: types.SimpleNamespace(display=display))
    return lines_seen


def action(kind, transport="local", **args):
    made = object.__new__(kind)
    made._task = types.SimpleNamespace(get_name=lambda: "Run the SQL of pl", args=args, check_mode=False, async_val=0)
    made._connection = types.SimpleNamespace(transport=transport)
    return made


def test_a_long_task_shows_lines_and_never_its_arguments(shown, monkeypatch):
    made = action(monqctl.ActionModule, secret="hunter2")
    made.first = made.every = 0.001
    before = threading.active_count()
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: shown.enough.wait(60) and {"of": "the module"})
    assert made.run(task_vars={"inventory_hostname": "production"}) == {"of": "the module"}
    assert re.fullmatch(r"\d\d:\d\d:\d\d production: Run the SQL of pl: still running after 0 s", shown.lines[0])
    assert set(shown.stderr) == {False}
    assert not any("hunter2" in line for line in shown.lines)
    assert threading.active_count() == before, "the thread ends with the task"


def test_a_short_task_shows_nothing(shown, monkeypatch):
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: {})
    assert action(monqctl.ActionModule).run(task_vars={}) == {} and shown.lines == []
    assert (heartbeat.HeartbeatAction.first, heartbeat.HeartbeatAction.every) == (10, 30)


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
    made = action(
        lock.ActionModule, state="acquired", lock_duration=120, holder="bob@bastion, lock id 5f2c", preflight=True
    )
    made.run(task_vars={"inventory_hostname": "production"})
    assert "held by bob@bastion, lock id 5f2c" in shown.lines[0] and "after about 120 s" in shown.lines[0]
    assert made._line(5.2) == "waiting for the lock: 115 s left"
    assert "the Lease is longer" in made._line(130)


@pytest.mark.parametrize(
    ("state", "holder", "check_mode"),
    [("acquired", "none", False), ("acquired", "", False), ("acquired", "bob", True), ("released", "bob", False)],
)
def test_a_lock_that_is_free_or_not_taken_is_not_announced(shown, monkeypatch, state, holder, check_mode):
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: {"id": "x"})
    made = action(lock.ActionModule, state=state, holder=holder)
    made._task.check_mode = check_mode
    assert made.run(task_vars={}) == {"id": "x"} and shown.lines == []


def test_every_action_with_a_heartbeat_is_one():
    assert all(issubclass(module.ActionModule, heartbeat.HeartbeatAction) for module in BEATING)


SERVER = {"postgresql": {"host": "h", "user": "u"}, "host": "h", "directory": "/nowhere", "databases": []}
DUMPS = {"postgresql_backup": {"stage": "prepare", **SERVER}, "rollback_database": SERVER}


def test_the_groups_defaults_still_reach_the_modules(tmp_path):
    """module_defaults of a group are found by the action's name; check mode and async work as before."""
    names = [module.__name__.rpartition(".")[2] for module in BEATING]
    domains = {"domain": "d", "ingress_secrets": []}
    own = {
        "preflight": {**domains, "postgresql": SERVER["postgresql"], "directory": "/nowhere"},
        "registry_template_apply": domains,
        "support_bundle": {"directory": str(tmp_path), "host": "h"},
        "verify": domains,
        "lock": {"state": "acquired"},
        "monqctl": {"steps": "upgrade.pl"},
        "rollout_wait": {"modules": ["pl"]},
        "microservices": {"module": "pl"},
        "registry_token": {"steps": "prepare.registry_token"},
        "rollback_step": {"steps": ["rollback.rollout"], "domain": "d"},
        "route_removal": {"domain": "d"},
        "routing": {"domain": "d"},
        **DUMPS,
    }
    plan = params()["plan"]
    tasks = [
        {"name": f"run {name}", f"monq.platform.{name}": own.get(name, {}), "ignore_errors": True} for name in names
    ]
    tasks.append(
        {"name": "in check mode", "monq.platform.monqctl": own["monqctl"], "check_mode": True, "ignore_errors": True}
    )
    tasks.append(
        {
            "name": "in the background",
            "monq.platform.monqctl": own["monqctl"],
            "async": 60,
            "poll": 1,
            "ignore_errors": True,
        }
    )
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": tasks,
        "module_defaults": {
            "group/monq.platform.monq": {"namespace": "Not A Namespace", "plan": plan},
            "group/monq.platform.monqctl": {"monqctl_context": "c"},
        },
    }
    (tmp_path / "play.yml").write_text(json.dumps([play]))
    env = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible/collections"),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }
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
    done = subprocess.run(
        argv, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    wrong = done.stdout.count('"msg": "monq_namespace is not a valid namespace name')
    collecting = {"preflight", "support_bundle"}  # what they cannot do is in their results
    assert wrong == len(tasks) - len(collecting), done.stdout[-3000:] + done.stderr[-1000:]
    assert set(names) <= set(load("meta/runtime.yml")["action_groups"]["monq"])
