"""tests/support/russian.py: what it finds in the output of a run in Russian, and what it leaves alone."""

from __future__ import annotations

import json
import re

import pytest
import report_data
from ansible_collections.monq.platform.plugins.module_utils.checks import catalogue
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import finding
from ansible_collections.monq.platform.plugins.module_utils.report import failure, status, upgrade
from ansible_collections.monq.platform.plugins.plugin_utils import languages, report_view
from support.russian import english

REACHABLE = "DOWN since 2026-03-02T00:34:58Z: the old routes are removed and the upgrade is not finished"
# Names of tasks, and what programs have printed, in the data of these tests.
FOREIGN = (
    "Run the SQL of sm",
    "check the database, then run the same command again",
    "unknown to the registry",
    " in Kubernetes",
    re.compile(r"ERROR: .*|status \d+"),
)
RU = languages.language("ru")


@pytest.mark.parametrize(
    "line",
    [
        "production: 3 of 4 steps are done",
        "    expected: что-то одно",
        "    дальше: run the same command again",
        "ОШИБКА на production: nothing has been changed",
        "03:12:44 production: простой 04:31 of 20:00",
        "  to do    cluster  upgrade.pl.cache.a  (очистить кеш)",
        "03:12:44 production: шаг 3 из 4 pl cache c done in 00:03, the last of 2 steps",
        "  monqctl registry apply microservice --name=pl-x failed",
        "Support bundle: /b/production/support.tar.gz",
        "[WARNING]: the outage is not watched: no permission",
        "[WARNING]: report: the failure is not recorded in the cluster: status 1",
    ],
)
def test_english_of_ours_is_found(line):
    assert english(f"TASK [Show] ****\nok: [production]\n{line}\n") == [line]


@pytest.mark.parametrize(
    "line",
    [
        "TASK [Show where the report is] ****",
        "PLAY [Read everything, change nothing] ***",
        "PLAY RECAP *****",
        "production : ok=3 changed=0 unreachable=0 failed=0",
        "ok: [production] => (item=the second one)",
        'fatal: [production]: FAILED! => {"msg": "the lock is held by another run"}',
        "[WARNING]: Could not match supplied host pattern, ignoring: the second one",
        "    дальше: ansible-playbook -i hosts monq.platform.site -e monq_confirm_outage=production --limit the",
        '    DROP DATABASE "the_old_one"',
        '    -e \'{"monq_resolve": {"upgrade.pl.database.the": "done"}}\'',
        "ОШИБКА на production: Take the lock",
        "03:12:44 production: Wait for the rollouts of all modules: ещё выполняется, прошло 40 с",
        "03:12:44 production: шаг 3 из 9 registry · monqctl: pulling 3 of 9 images",
        "  объект: context production",
        "    обнаружено: Deployment pl-x в namespace production",
        "шаг 47 из 78 pl rollout · готово: 7 из 12, pl-x: ImagePullBackOff, уже 40 с",
        "MONQ-027 certificate: срок Secret monq-tls истекает",
        "",
    ],
)
def test_names_commands_and_what_others_say_are_left_alone(line):
    assert english(f"{line}\n") == []


def test_a_warning_is_one_line_again():
    """Ansible wraps it, so that its second line would look like one of ours, or only a part of ours be recognised."""
    theirs = "[WARNING]: Platform linux on host production is using the discovered Python\ninterpreter at /bin/x"
    ours = "[WARNING]: the outage is not watched: the Kubernetes API does not respond and\nit is not known since when"
    assert english(f"{theirs}\n\nготово\n") == []
    assert [line.split(":")[1] for line in english(f"{ours}\n")] == [" the outage is not watched"]


def test_the_error_of_a_task_is_ansibles_own_up_to_its_result():
    said = "[ERROR]: Task failed: the lock is held\n  object: x\nOrigin: /r/main.yml:3:1\n\n3 - name: Take the lock\n"
    after = 'fatal: [production]: FAILED! => {"msg": "no"}\nнет ответа\nand the rest\n'
    assert english(said + after) == ["and the rest"]


def test_a_text_that_a_task_fails_with_is_ours_where_it_is_in_russian():
    said = json.dumps({"changed": False, "msg": "Preflight не пройден\n  next: проверьте"}, ensure_ascii=False)
    assert english(f"fatal: [production]: FAILED! => {said}\n") == ["  next: проверьте"]


def test_what_is_named_as_foreign_is_left_alone():
    line = "ОШИБКА на production: Run the SQL of sm: exit status 1"
    assert english(line) == [line]
    assert english(line, "Run the SQL of sm", re.compile(r"exit status \d+")) == []


@pytest.mark.parametrize("name", ["finished", "failed", "rolled_back"])
def test_nothing_is_found_in_what_a_run_shows_in_russian(name):
    report = getattr(report_data, name)()
    known = {
        **{"steps": report["steps"], "generation": 1, "platform": "down", "lock": "none", "outage_seconds": 12},
        **{"begun": True, "now": "2026-03-02T01:40:00Z", "holder": None, "running": "", "questions": []},
        **{"files": {}, "reachable": REACHABLE},
    }
    errors = [row["error"] for row in report["steps"] if row["error"]]
    commands = status.commands({}, "production", words=RU)
    failed = {"msg": "the Kubernetes API does not respond\n  next: fix the cause, then run the same command again"}
    shown = [
        upgrade.plan(known, RU),
        status.screen(known, commands, "production", "6.0.0", RU),
        failure.text("production", "Roll out", failed, known, {}, "ansible-playbook x", (), RU),
        report_view.files("report", report, RU, "ru")["report.md"].replace("\\", ""),
    ]
    assert all(re.search("[а-яё]{4}", text) for text in shown)
    for text in shown:
        assert english(text, *errors, "Roll out", *FOREIGN) == []


def test_nothing_is_found_in_a_finding_in_russian():
    for entry in catalogue.ENTRIES.values():
        texts = [None if entry.get(what) else "" for what in catalogue.TEXTS]
        parameters = dict.fromkeys(re.findall(r"(?<!\{)\{(\w+)\}", " ".join(map(str, entry.values()))), "x-1")
        made = finding(entry["name"], entry["severity"][0], *texts, **parameters)
        assert english(upgrade.findings([made], RU)) == []
