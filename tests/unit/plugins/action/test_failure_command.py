"""The next command, out of what ansible-playbook's own parser makes of a command line."""

from __future__ import annotations

import types

import pytest
from ansible.cli.playbook import PlaybookCLI
from ansible_collections.monq.platform.plugins.action import failure
from ansible_collections.monq.platform.plugins.plugin_utils import command_line


@pytest.mark.parametrize(
    "words",
    [
        ["-i", "/srv/inv", "monq.platform.site"],
        [
            "-i",
            "/srv/inv",
            "monq.platform.site",
            "-u",
            "op",
            "--private-key",
            "/k",
            "--become-method",
            "su",
            "--become",
            "-e",
            "monq_confirm_outage=p",
        ],
    ],
    ids=["nothing but what was typed", "how the host is reached"],
)
def test_the_next_command_is_the_one_that_was_typed(monkeypatch, words):
    for name in command_line.JOBS:
        monkeypatch.delenv(name, raising=False)
    cli = PlaybookCLI(["ansible-playbook", *words])
    cli.init_parser()
    monkeypatch.setattr(command_line, "context", types.SimpleNamespace(CLIARGS=vars(cli.parser.parse_args(words))))
    assert failure.ActionModule._command({}, "") == " ".join(["ansible-playbook", *words])


def test_at_the_last_exit_both_ways_are_commands_to_type(monkeypatch):
    for name in command_line.JOBS:
        monkeypatch.delenv(name, raising=False)
    words = ["-i", "/srv/inv", "playbooks/site.yml", "-e", "@/srv/v.yml", "-e", "monq_confirm_outage=p", "--tags", "pl"]
    cli = PlaybookCLI(["ansible-playbook", *words])
    cli.init_parser()
    monkeypatch.setattr(command_line, "context", types.SimpleNamespace(CLIARGS=vars(cli.parser.parse_args(words))))
    ways = dict(failure.ActionModule._choices({"last_exit": {"environment": "p"}}, ""))
    assert ways == {
        "to go on": "ansible-playbook -i /srv/inv playbooks/site.yml --tags pl -e @/srv/v.yml "
        "-e monq_confirm_outage=p -e monq_last_exit=continue",
        "to roll back": "ansible-playbook -i /srv/inv playbooks/rollback.yml -e @/srv/v.yml -e monq_confirm_rollback=p",
    }
    assert failure.ActionModule._choices({}, "") == []
    monkeypatch.setenv("AWX_JOB_ID", "7")
    ways = dict(failure.ActionModule._choices({"last_exit": {"environment": "p"}}, ""))
    assert "monq_last_exit: continue" in ways["to go on"] and "rollback.yml" in ways["to roll back"]
