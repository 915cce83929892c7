"""The next command, out of what ansible-playbook's own parser makes of a command line."""

from __future__ import annotations

import types

import pytest
from ansible.cli.playbook import PlaybookCLI
from ansible_collections.monq.platform.plugins.action import failure


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
    for name in failure.JOBS:
        monkeypatch.delenv(name, raising=False)
    cli = PlaybookCLI(["ansible-playbook", *words])
    cli.init_parser()
    monkeypatch.setattr(failure, "context", types.SimpleNamespace(CLIARGS=vars(cli.parser.parse_args(words))))
    assert failure.ActionModule._command({}, "") == " ".join(["ansible-playbook", *words])
