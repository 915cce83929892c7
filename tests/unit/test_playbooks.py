"""Every task and every playbook: the rules that they keep."""

from __future__ import annotations

import re

import pytest
from ansible_collections.monq.platform.plugins.modules import batch
from repository import ROOT, TASK_FILES, load, tasks

PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml"))


# ---- tasks


SHELLS = {"shell", "command", "raw", "script", "expect", "win_shell", "win_command"}


@pytest.mark.parametrize("path", TASK_FILES)
def test_tasks_keep_the_rules(path):
    for task in tasks(path):
        names = {key.rpartition(".")[2] for key in task}
        where = f"{path}: {task.get('name')}"
        assert not names & SHELLS, f"{where}: rule 2: no shell"
        hook = re.search(r"/hook_\w+\.yml$", str(path))  # files of the site, which no static import can name
        assert not names & {"include_role", "include_tasks"} or hook, f"{where}: rule 4: static imports"
        assert "ignore_errors" not in task and "ignore_unreachable" not in task, f"{where}: rule 8"
        assert not names & {"pause", "vars_prompt"}, f"{where}: rule 8: no prompt"
        for key in ("ansible.builtin.set_fact", "set_fact"):
            assert not [name for name in task.get(key) or {} if name.startswith("monq_")], (
                f"{where}: rule 8: a user's variable"
            )
        assert not re.search(r"module_upgrade_module\s*==|module\s*==\s*'", str(task.get("when", ""))), (
            f"{where}: rule 5"
        )


@pytest.mark.parametrize("path", TASK_FILES)
def test_every_task_and_play_has_a_name(path):
    assert not [task for task in tasks(path) if not task.get("name")]


# ---- playbooks


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_playbook_is_imports_and_guards(name):
    text = (ROOT / "playbooks" / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40


OTHERS = ("site.yml", "inventory.yml", "awx.yml", "bundle.yml")  # imports only, the check itself, and no installation


@pytest.mark.parametrize("name", [name for name in PLAYBOOKS if name not in OTHERS])
def test_every_playbook_demands_a_host_and_hands_over_the_defaults(name):
    first, *plays = load(f"playbooks/{name}")
    assert first["ansible.builtin.import_playbook"] == "inventory.yml"
    for play in plays:
        assert play["hosts"] == "monq"
        assert play["module_defaults"] == {
            "group/monq.platform.monq": "{{ _monq_run_defaults }}",
            "group/monq.platform.monqctl": "{{ _monq_monqctl_defaults }}",
        }


@pytest.mark.parametrize("name", ["prepare.yml", "upgrade.yml", "verify.yml", "rollback.yml"])
def test_a_run_that_fails_ends_with_the_last_words(name):
    [rescue] = [block["rescue"] for block in load(f"playbooks/{name}")[-1]["tasks"] if "rescue" in block]
    [task] = rescue
    told = load("playbooks/tasks/failure.yml")[0] if "ansible.builtin.import_tasks" in task else task
    role = told["ansible.builtin.import_role"]
    assert role["tasks_from"] == "failure" and told["tags"] == ["always"], "whatever tags the run has"
    last = load(f"roles/{role['name'].rpartition('.')[2]}/tasks/failure.yml")[-1]
    assert set(last["monq.platform.failure"]) == {"task", "result", "ledger", "bundle"}


def test_the_upgrade_does_not_stop_neighbours():
    play = load("playbooks/upgrade.yml")[-1]
    assert play["strategy"].rpartition(".")[2] == "host_pinned"


@pytest.mark.parametrize("name", ["upgrade.yml", "rollback.yml"])
def test_batches_are_asked_first_and_told_last(name):
    """The next batch asks for the fact that only those have who have come to the end."""
    play = load(f"playbooks/{name}")[-1]
    files = [task.get("ansible.builtin.import_tasks", "") for task in play["tasks"]]
    first = load(f"playbooks/{files[0]}")[0]
    assert "monq_serial" in play["serial"] and first["ansible.builtin.import_role"]["tasks_from"] == "batch"
    assert first["tags"] == ["always"]
    assert files[-1] == "tasks/ended.yml"
    [told] = load("playbooks/tasks/ended.yml")
    assert told["ansible.builtin.set_fact"] == {batch.SPEC["fact"]["default"]: True} and told["tags"] == ["always"]


def test_what_was_not_begun_is_not_verified():
    first = load("playbooks/verify.yml")[-1]["tasks"][0]
    assert (
        first["ansible.builtin.meta"] == "end_host" and "__monq_batch" in first["when"] and first["tags"] == ["always"]
    )
