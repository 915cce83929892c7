"""Long tasks show what they are doing; the module runs as it would without it."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest
from ansible.plugins.action.normal import ActionModule as Normal
from ansible_collections.monq.platform.plugins.action import (
    database_update,
    lock,
    microservices,
    monqctl,
    monqctl_home,
    outage_watch,
    postgresql_backup,
    preflight,
    registry_template_apply,
    registry_token,
    rollback_database,
    rollback_info,
    rollback_step,
    rollout_wait,
    route_removal,
    routing,
    snapshot,
    support_bundle,
    verify,
)
from ansible_collections.monq.platform.plugins.plugin_utils import heartbeat, progress_file, screen
from fake_session import params
from repository import ROOT, load

BEATING = [
    lock,
    microservices,
    monqctl,
    monqctl_home,
    outage_watch,
    postgresql_backup,
    preflight,
    registry_template_apply,
    registry_token,
    rollback_database,
    rollback_info,
    rollback_step,
    rollout_wait,
    route_removal,
    routing,
    snapshot,
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


def module(*rows, wait=None):
    """A module that says the rows to whom it was told to, and then waits for what is shown of them."""

    def run(self, _tmp, _task_vars):
        said = self._task.args["progress"]
        with open(said["file"], "a" if not said.get("create") else "x", encoding="utf-8") as file:
            file.writelines(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
        return {"in time": wait() if wait else None, "said": said}

    return run


def test_what_a_module_says_is_shown_while_it_runs(shown, monkeypatch):
    """the module does not end before a late object was shown"""
    row = {"step": "step 2 of 3 pl rollout", "text": "1 of 2 ready, pl-x: no", "late": ["pl-x"], "outage": 271}
    shown.seen = threading.Event()
    monkeypatch.setattr(heartbeat, "show", lambda text: (shown.lines.append(text), shown.seen.set()))
    monkeypatch.setattr(Normal, "run", module("no JSON\n", "3\n", row, wait=lambda: shown.seen.wait(60)))
    made = action(rollout_wait.ActionModule, modules=["pl"])
    made._templar = types.SimpleNamespace(template=lambda text: text)
    result = made.run(task_vars={"inventory_hostname": "production", "monq_outage_budget": "1200"})
    assert result["in time"] and result["said"]["budget"] == 1200
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d production: outage 04:3\d of 20:00 · step 2 of 3 pl rollout · 1 of 2 ready, pl-x: no",
        shown.lines[0],
    )
    assert len(shown.lines) == 1 and made._task.args == {"modules": ["pl"]}, "the task's arguments are as before"
    assert not os.path.exists(result["said"]["file"])


def test_the_file_is_private_and_what_it_says_last_of_late_objects_is_not_lost(shown, monkeypatch):
    modes = []

    def run(self, _tmp, _task_vars):
        modes.append(stat.S_IMODE(os.stat(self._task.args["progress"]["file"]).st_mode))
        return module({"text": "a", "late": []}, {"text": "b", "late": ["x"]}, '{"text": "half of a ro')(
            self, None, None
        )

    monkeypatch.setattr(Normal, "run", run)
    action(monqctl.ActionModule).run(task_vars={"inventory_hostname": "localhost", "monq_environment": "staging"})
    assert modes == [0o600] and len(shown.lines) == 1 and shown.lines[0].endswith(" staging: b")


@pytest.mark.parametrize("transport", ["winrm", "ssh"])
def test_where_nothing_can_be_read_today_s_line_is_shown(shown, monkeypatch, transport):
    """an SSH connection that cannot be opened a second time is tried once"""
    tried = []
    monkeypatch.setattr(progress_file.SshFile, "pause", 0.001)
    monkeypatch.setattr(progress_file, "second", lambda made: tried.append(1) or 1 / 0)
    made = action(monqctl.ActionModule, transport=transport)
    made.first = made.every = 0.001
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: shown.enough.wait(60) and {})
    made.run(task_vars={"inventory_hostname": "h"})
    assert shown.lines[0].endswith("h: Run the SQL of pl: still running after 0 s")
    assert len(tried) == (transport == "ssh")


class Shell:
    """A connection to this machine."""

    def __init__(self):
        self.closed, self.commands = False, []

    def exec_command(self, command, sudoable=True):
        self.commands.append(command)
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def close(self):
        self.closed = True


def test_over_ssh_a_second_connection_reads_what_is_new_and_removes_the_file(shown, monkeypatch):
    shell, seen = Shell(), threading.Event()
    monkeypatch.setattr(progress_file.SshFile, "pause", 0.001)
    monkeypatch.setattr(progress_file, "second", lambda made: shell)
    monkeypatch.setattr(heartbeat, "show", lambda text: (shown.lines.append(text), seen.set()))
    row = {"step": "", "text": "a", "late": ["x"], "outage": None}
    monkeypatch.setattr(Normal, "run", module(row, wait=lambda: seen.wait(60)))
    result = action(monqctl.ActionModule, transport="ssh").run(task_vars={"inventory_hostname": "h"})
    assert result["in time"] and shown.lines[0].endswith(" h: a") and len(shown.lines) == 1
    assert not os.path.exists(result["said"]["file"]) and shell.closed
    assert shell.commands[-1] == f"rm -f {result['said']['file']}"


def test_a_module_in_the_background_is_told_nothing(shown, monkeypatch):
    made = action(monqctl.ActionModule)
    made._task.async_val = 60
    monkeypatch.setattr(Normal, "run", lambda self, tmp, task_vars: dict(self._task.args))
    assert made.run(task_vars={}) == {}


@pytest.mark.parametrize(
    ("callback", "aside"),
    [("default", False), ("ansible.posix.json", True), ("jsonl", True), ("ansible.builtin.tree", False)],
)
def test_no_text_stands_beside_json(shown, monkeypatch, callback, aside):
    monkeypatch.setattr(screen.C, "DEFAULT_STDOUT_CALLBACK", callback)
    screen.show("a\nb")
    assert (shown.lines, shown.stderr) == (["a\nb"], [aside])


def test_nobody_else_shows_texts():
    """Display().display anywhere else would break JSON"""
    plugins = [*(ROOT / "plugins").rglob("*.py")]
    assert {path.name for path in plugins if "utils.display" in path.read_text(encoding="utf-8")} == {"screen.py"}


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
        "outage_watch": {"state": "started"},
        "rollback_info": {"environment": "e", "domain": "d"},
        "snapshot": {"name": "original"},
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


def test_a_module_that_writes_a_page_gets_the_words_for_it_in_a_run_in_russian(shown, monkeypatch):
    given = []
    monkeypatch.setattr(Normal, "run", lambda self, *_args: given.append(self._task.args) or {})
    for language in ("ru", "en"):
        for kind in (verify, monqctl):
            made = action(kind.ActionModule, name="x")
            made._templar = types.SimpleNamespace(template=lambda value: value)
            made.run(task_vars={"monq_language": language, "inventory_hostname": "h"})
            assert made._task.args == {"name": "x"}
    assert given[0]["words"]["table"]["Summary of the upgrade"] == "Итоги обновления"
    assert not [args for args in given[1:] if "words" in args]


def test_the_lock_is_announced_in_russian(shown, monkeypatch):
    monkeypatch.setattr(Normal, "run", lambda self, *_args: {})
    made = action(lock.ActionModule, state="acquired", holder="bob@ops", lock_duration=120)
    made._templar = types.SimpleNamespace(template=lambda value: value)
    made.run(task_vars={"monq_language": "ru", "inventory_hostname": "production"})
    assert "production: блокировка у bob@ops." in shown.lines[0] and "примерно через 120 с" in shown.lines[0]
    assert made._line(30) == "ожидание блокировки: осталось 90 с"


class Event:
    """As ansible-core from 2.19 on gives a warning."""

    def __init__(self, msg):
        self.event = types.SimpleNamespace(msg=msg)


@pytest.mark.parametrize("form", [str, Event])
def test_a_module_warns_in_the_language_of_the_run(shown, monkeypatch, form):
    given = [form("Deployment pl-x is not waited for: it was unhealthy before the outage"), form("not of ours"), 7]
    monkeypatch.setattr(Normal, "run", lambda self, *_args: {"warnings": list(given)})

    def told(language):
        made = action(rollout_wait.ActionModule, name="x")
        made._templar = types.SimpleNamespace(template=lambda value: value)
        return made.run(task_vars={"monq_language": language, "inventory_hostname": "h"})["warnings"]

    assert told("en") == given
    assert told("ru") == ["Deployment pl-x запуск не ждёт: он был неисправен до простоя", *given[1:]]


def test_every_module_that_warns_has_an_action_that_translates():
    """A module's own words reach the operator through HeartbeatAction only."""
    modules = ROOT / "plugins" / "modules"
    warn = {path.stem for path in modules.glob("*.py") if "module.warn" in path.read_text()}
    acting = {path.stem for path in (ROOT / "plugins" / "action").glob("*.py") if "HeartbeatAction" in path.read_text()}
    assert warn - acting == set()


def test_what_the_last_exit_compared_is_shown(shown, monkeypatch):
    compared = ["outage so far: 01:01", "left of the budget: 18:59 of 20:00"]
    monkeypatch.setattr(Normal, "run", lambda self, *_args: {"last_exit": compared})
    for language, told in (
        ("en", "last exit, there is time enough: outage so far: 01:01; left of the budget: 18:59 of 20:00"),
        ("ru", "последний выход, времени хватает: простой к этому времени: 01:01; осталось от бюджета: 18:59 из 20:00"),
    ):
        made = action(database_update.ActionModule, name="x")
        made._templar = types.SimpleNamespace(template=lambda value: value)
        made.run(task_vars={"monq_language": language, "inventory_hostname": "h"})
        assert shown.lines[-1].partition(" ")[2] == f"h: {told}"
