"""The last word of a failing run: the first failure, where things stand, the exact next command."""

from __future__ import annotations

import shlex

import pytest
from ansible_collections.monq.platform.plugins.module_utils.report import failure as failures

GIVEN = {"playbooks": ["monq.platform.site"], "inventory": ["/srv/inv"]}
LEDGER = {"changed_so_far": "12 of 96 steps done", "reachable": "up"}

PLAN = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "ansible-playbook -i /srv/inv monq.platform.site"),
        ({"inventory": []}, "ansible-playbook monq.platform.site"),
        ({"inventory": ["a", "b c"]}, "ansible-playbook -i a -i 'b c' monq.platform.site"),
        ({"limit": "production"}, "ansible-playbook -i /srv/inv monq.platform.site --limit production"),
        ({"tags": ["all"], "skip_tags": []}, "ansible-playbook -i /srv/inv monq.platform.site"),
        ({"tags": ["prepare", "pl"]}, "ansible-playbook -i /srv/inv monq.platform.site --tags prepare,pl"),
        (
            {"check": True, "diff": True, "ask_vault_pass": True, "become_ask_pass": True},
            "ansible-playbook -i /srv/inv monq.platform.site --ask-vault-pass --ask-become-pass --check --diff",
        ),
        (
            {"remote_user": "op", "private_key_file": "/k", "become": True, "become_user": "monq", "ask_pass": True},
            "ansible-playbook -i /srv/inv monq.platform.site -u op --private-key /k --become-user monq --ask-pass "
            "--become",
        ),
        (
            {"vault_ids": ["prod@file"], "vault_password_files": ["/v"]},
            "ansible-playbook -i /srv/inv monq.platform.site --vault-id prod@file --vault-password-file /v",
        ),
        (
            {"extra_vars": ["monq_confirm_outage=production"]},
            "ansible-playbook -i /srv/inv monq.platform.site -e monq_confirm_outage=production",
        ),
        (
            {"extra_vars": ['{"monq_confirm_outage": "production"}', "@secrets.yml"]},
            "ansible-playbook -i /srv/inv monq.platform.site -e monq_confirm_outage=production -e @secrets.yml",
        ),
        (
            {"extra_vars": [f"monq_plan={PLAN}"]},
            f"ansible-playbook -i /srv/inv monq.platform.site -e monq_plan={PLAN}",
        ),
        (
            {"extra_vars": ["monq_releasehub_token=hunter2 monq_confirm_outage=production"]},
            "ansible-playbook -i /srv/inv monq.platform.site -e 'monq_releasehub_token=…' -e "
            "monq_confirm_outage=production",
        ),
        (
            {"extra_vars": ['{"monq_postgresql_password": "hunter2"}']},
            "ansible-playbook -i /srv/inv monq.platform.site -e 'monq_postgresql_password=…'",
        ),
        (
            {"extra_vars": ["{monq_confirm_outage: production, p: hunter2}"]},
            "ansible-playbook -i /srv/inv monq.platform.site -e monq_confirm_outage=production -e '<the other "
            "variables "
            "of this -e>=…'",
        ),
        (
            {"extra_vars": ['{"monq_resolve": {"a.b.c": {"answer": "retry", "attempt": "a1"}}}']},
            "ansible-playbook -i /srv/inv monq.platform.site",
        ),
        ({"extra_vars": ["a='hunter2"]}, "ansible-playbook -i /srv/inv monq.platform.site -e 'a=…'"),
    ],
)
def test_the_command_is_the_one_that_was_given(more, expected):
    command = failures.resume_command({**GIVEN, **more})
    assert command == expected and "hunter2" not in command
    assert shlex.split(command), "it can be typed"


def test_tags_that_caused_the_failure_are_not_repeated():
    assert "--tags" not in failures.resume_command(
        {**GIVEN, "tags": ["pl"]}, "next: run the whole playbook without --tags, --skip-tags and --start-at-task"
    )


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"msg": "boom\n"}, "boom"),
        ({"results": [{"msg": "fine"}, {"failed": True, "msg": "boom"}], "msg": "One or more items failed"}, "boom"),
        ({"censored": "hidden"}, "hidden"),
        ({}, "the task failed without a message"),
        ({"msg": "boom", "exception": "(traceback unavailable)"}, "boom"),
        ({"msg": "MODULE FAILURE", "module_stderr": "Traceback\nKeyError: 1\n"}, "MODULE FAILURE\n  seen: KeyError: 1"),
    ],
)
def test_the_first_failure(result, expected):
    assert failures.first_message(result) == expected


def said(message="boom", ledger=None, bundle=None):
    ledger = LEDGER if ledger is None else ledger
    return failures.text(
        "production",
        "Run the SQL of pl",
        {"msg": message},
        ledger,
        {"path": "/b/support.tar.gz"} if bundle is None else bundle,
        "again",
    )


def test_the_text_in_full():
    assert said("boom\n  object: x").splitlines() == [
        "FAILED on production: Run the SQL of pl",
        "  boom",
        "    object: x",
        "    changed: 12 of 96 steps done",
        "    platform: up",
        "    support bundle: /b/support.tar.gz",
        "    next command:",
        "      again",
    ]


def test_what_the_message_says_is_not_said_twice():
    assert said("boom\n  changed: 3 of 4\n  platform: DOWN").count("platform: ") == 1


def test_a_migration_that_asks_gets_its_answer_added():
    assert said("nobody saw the end\n  next: -e '{\"monq_resolve\": {}}'").endswith(
        "again -e '<one of the choices above>'"
    )


@pytest.mark.parametrize(
    ("bundle", "expected"),
    [
        ({"path": "/b", "missing": {"pods.json": "x"}}, "support bundle: /b (without pods.json: see index.json in it)"),
        ({"skipped": True, "changed": False}, "support bundle: none: this run held no lock"),
        (
            {"failed": False, "msg": "the support bundle cannot be written\n  object: /b"},
            "support bundle: not written: the support bundle cannot be written;",
        ),
        ({"failed": False, "msg": "MODULE FAILURE"}, "support bundle: not written: MODULE FAILURE;"),
    ],
)
def test_the_bundle_never_hides_the_first_failure(bundle, expected):
    assert expected in said(bundle=bundle) and "  boom" in said(bundle=bundle)


@pytest.mark.parametrize("ledger", [{}, {"msg": "the Kubernetes API does not respond\n  object: x", "failed": False}])
def test_a_ledger_that_was_not_read_is_said(ledger):
    assert "changed: unknown: the ledger was not read" in said(ledger=ledger) and "platform: unknown" in said(
        ledger=ledger
    )


def test_nobody_types_a_command_in_awx():
    assert (
        failures.relaunch("12", "Monq upgrade")
        == "relaunch the job template Monq upgrade (this was job 12; inside a workflow: relaunch from the failed node)"
    )
    assert "job template of this job (" in failures.relaunch("12")


def test_in_one_line_and_without_secrets():
    line = failures.in_short("production", "Run", {"msg": "boom password=hunter2\n  object: x"}, "again")
    assert line == "FAILED on production: Run: boom password=********. Details above. Next command: again"
    assert "hunter2" not in said("boom\n  seen: token=hunter2")
