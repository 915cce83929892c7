"""The AWX kit's data: what no run against AWX is needed for."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ansible_collections.monq.platform.plugins.module_utils.approval import document
from support.awx_kit import KIT, documented, injected, nodes


def test_the_survey_takes_the_plans_of_forty_installations():
    """As JSON, typed by hand: AWX refuses a text that is longer than the question's max."""
    [question] = [one for one in KIT["_awx_survey"] if one["variable"] == "monq_plan"]
    plans = {f"installation-{number:02}.customers.domain.com": f"sha256:{number:064x}" for number in range(40)}
    typed = json.dumps(plans, indent=2)
    assert question["type"] == "textarea" and len(typed) <= question["max"]
    assert document.wanted(typed, "installation-39.customers.domain.com") == f"sha256:{39:064x}"


def test_only_the_upgrade_may_be_sliced():
    """AWX merges what slices leave by its name: the ids of the last slice of plan would replace the others."""
    assert [one["name"] for one in KIT["_awx_templates"] if one.get("sliced")] == ["upgrade"]


def test_what_each_node_is_run_with():
    """tests/integration/test_stages.py runs exactly this."""
    assert list(nodes().items()) == [
        ("preflight", ({"preflight_confirmation_required": True}, [])),
        ("prepare", ({}, [])),
        ("plan", ({}, ["--check"])),
        ("upgrade", ({"monq_plan_required": True}, [])),
        ("verify", ({}, [])),
        ("report", ({"monq_report_fail": True}, [])),
    ]


def test_what_the_credentials_give_is_what_the_guide_puts_into_the_inventory(tmp_path):
    given = {
        "release_hub": {"token": "{{ t }}"},  # a secret that looks like a template stays what it is
        "postgresql": {"password": "p"},
        "kubernetes": {"kubeconfig": "kind: Config\n"},
        "consul": {"token": "c"},
    }
    assert set(given) == set(KIT["_awx_credential_types"])
    environment, variables = injected(given, tmp_path)
    assert environment == {
        "MONQ_RELEASEHUB_TOKEN": "{{ t }}",
        "MONQ_POSTGRESQL_PASSWORD": "p",
        "MONQ_CONSUL_TOKEN": "c",
    }
    assert variables == {"monq_kubeconfig": str(tmp_path / "kubernetes-template.kubeconfig")}
    assert Path(variables["monq_kubeconfig"]).read_text() == "kind: Config\n"
    read = [re.search(r"lookup\('ansible.builtin.env', '(\w+)'\)", text).group(1) for text in documented().values()]
    assert sorted(read) == sorted(environment)
