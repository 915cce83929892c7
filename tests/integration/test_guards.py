"""What must not happen: no shortcut changes anything on an untouched 5.9.3, and neither a second run nor check mode
changes anything."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml
from support.harness import ROOT
from support.russian import english, own

CHECK = re.compile(r"(?<=\| )[a-z.]+ (?=\|)")  # the name of a check, in a table


@pytest.fixture(scope="module")
def untouched(install):
    return install("site-run", modules="pl,cl", alias=True)


def unchanged(installation, mark, calls):
    assert installation.mutations(mark) == []
    assert len(installation.journal()) == calls
    assert installation.ledger() == {}
    written = {path.name for path in installation.backup.rglob("*") if path.is_file()}
    assert {name for name in written if not name.startswith("plan")} <= {"findings.json"}


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (["--tags", "pl"], "prepare.snapshot.original"),
        (["--skip-tags", "backup,preflight"], "preflight"),
        (["--skip-tags", "backup"], "prepare.snapshot.original"),
        (["--tags", "database"], "prepare.snapshot.original"),
    ],
    ids=" ".join,
)
def test_tags_on_an_untouched_installation(untouched, words, missing):
    """Nothing reaches SQL without backup, snapshot and lock."""
    mark, calls = untouched.audit_mark(), len(untouched.journal())
    result = untouched.play("site", *words)
    assert result.rc == 2, result.text[-2000:]
    assert missing in result.text
    unchanged(untouched, mark, calls)


def tasks_of(path):
    """Returns the names of a file's tasks, including imported ones; templated names as patterns."""
    names = []
    for task in yaml.safe_load(path.read_text()):
        role, file = task.get("ansible.builtin.import_role"), task.get("ansible.builtin.import_tasks")
        if role:
            names += tasks_of(
                ROOT / "roles" / role["name"].rpartition(".")[2] / "tasks" / f"{role.get('tasks_from', 'main')}.yml"
            )
        elif file:
            names += tasks_of(path.parent / file)
        else:
            names.append(re.sub("{{.*}}", "*", task["name"]))
    return list(dict.fromkeys(names))


GATE_AT_THE_END = "Wait for the rollouts of all modules"
# Those that no step follows tell of the run, where anybody is to be told, and change nothing.
AFTER_ALL_STEPS = [
    name
    for file in ("watched", "notify_outage_over", "hook_after_outage")
    for name in tasks_of(ROOT / "roles" / "monq" / "tasks" / f"{file}.yml")
]


@pytest.mark.parametrize("task", tasks_of(ROOT / "playbooks" / "tasks" / "upgrade.yml"))
def test_start_at_any_task_of_upgrade(untouched, task):
    """The guards do not rely on `always`: --start-at-task skips these tasks too."""
    mark, calls = untouched.audit_mark(), len(untouched.journal())
    result = untouched.play("upgrade", "--start-at-task", task)
    unchanged(untouched, mark, calls)
    if task in AFTER_ALL_STEPS:
        assert result.rc == 0 and result.recap("site-run")["changed"] == 0, result.text[-1500:]
        return
    if task == GATE_AT_THE_END:  # skipped here, like everything that follows
        assert result.rc == 0 and result.recap("site-run")["ok"] <= 2, result.text[-1500:]
        result = untouched.play("upgrade", "--start-at-task", task, extra={"monq_rollout_gate": "end"})
        unchanged(untouched, mark, calls)
    assert result.rc == 2 and "is not done" in result.text and "prepare.snapshot.original" in result.text, result.text[
        -1500:
    ]


def test_a_run_in_russian_has_no_english_word_of_ours(untouched):
    mark, calls = untouched.audit_mark(), len(untouched.journal())
    for playbook, words in (
        ("plan", ["Preflight пройден", "БУДУТ УДАЛЕНЫ"]),
        ("status", ["Monq работает. Старые маршруты не тронуты.", "дальше, чтобы сначала всё проверить:"]),
    ):
        result = untouched.play(playbook, "-e", "monq_language=ru")
        assert result.rc == 0, result.text[-2000:]
        assert [text for text in words if text not in result.text] == []
        assert english(result.text) == []
        assert max(map(len, own(result.text)), default=0) < 400
    page = next(untouched.backup.rglob("plan.md")).read_text(encoding="utf-8")
    page, _title, _names_and_hashes = page.partition("## Части плана")
    assert "# Обновление" in page and english(re.sub(r"```.*?```|`[^`]*`", "", page, flags=re.S), CHECK) == []
    for path in list(untouched.backup.rglob("plan*")):
        path.unlink()
    unchanged(untouched, mark, calls)


def test_check_mode_predicts_and_a_second_run_changes_nothing(install):
    """--check --diff writes nothing and names the steps of the real run in its order; the second run mutates nothing
    at all."""
    installation = install("by-hand", modules="pl,cl", alias=True)
    mark, calls = installation.audit_mark(), len(installation.journal())
    before = {
        service: installation.psql(service, "select pg_current_wal_lsn()")
        and installation.psql(service, "select count(*) from pg_class")
        for service in ("pl-i18n-service", "pl-identity-service")
    }
    checked = installation.play("site", "--check", "--diff", confirm=False)
    assert checked.rc == 0, checked.text[-3000:]
    unchanged(installation, mark, calls)
    assert {service: installation.psql(service, "select count(*) from pg_class") for service in before} == before
    predicted = list(dict.fromkeys(re.findall(r"^ +to do  \w+ +([-._a-z0-9]+)  \(", checked.text, re.M)))
    real = installation.play("site")
    assert real.rc == 0, real.text[-3000:]
    written = sorted(installation.ledger().items(), key=lambda row: _order(real.text, row))
    assert predicted == [key for key, _entry in written]
    assert checked.recap("by-hand")["changed"] == real.recap("by-hand")["changed"]
    mark, calls = installation.audit_mark(), len(installation.journal())
    again = installation.play("site")
    assert again.rc == 0 and again.recap("by-hand")["changed"] == 0, again.text[-2000:]
    assert installation.mutations(mark) == [] and len(installation.journal()) == calls
    names = {i["metadata"]["name"] for i in installation.objects("ingresses.v1beta1.extensions")}
    assert {"frontend-grafana", "frontend-partner", "pl-landing"} <= names, "trap 1, 2: strangers stay"
    deleted = {row[2] for row in installation.mutations(0) if row[:2] == ("delete", "ingresses")}
    assert deleted <= {
        "frontend-box",
        "frontend-box-api",
        "pl-routing-external",
        "pl-routing-internal",
        "cl-routing-external",
        "cl-routing-internal",
        "frontend-alias",
        "frontend-alias-wildcard",
    }


def _order(text, row):
    """Sorts by the time of the intent, then, for steps within the same second, by the plan of the real run."""
    return row[1]["started"], text.index(f"  {row[0]}  (")


def test_an_empty_group_fails(tmp_path):
    (tmp_path / "hosts").write_text("[monq]\n")
    done = subprocess.run(
        ["ansible-playbook", "-i", str(tmp_path / "hosts"), str(ROOT / "playbooks" / "site.yml")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "The group monq is empty" in done.stdout


def test_a_living_run_is_refused_to_the_second(install):
    """A holder that is still renewing the lock is named, and the second run changes nothing."""
    installation = install("site-run", modules="pl", alias=False)
    installation.faults({"match": ["registry", "update", "registry"], "kind": "hang"})
    first = installation.start("site")
    while "prepare.registry.update" not in installation.ledger():
        assert first.poll() is None
    mark, calls = installation.audit_mark(), len(installation.journal())
    second = installation.play("site")
    assert second.rc == 2 and "another run holds the lock" in second.text and "lock id" in second.text, second.text[
        -2000:
    ]
    assert installation.mutations(mark) == [] and len(installation.journal()) == calls
    installation.kill(first)
    installation.faults()
