"""The module as Ansible runs it: a process that reads its arguments and prints its result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from repository import ROOT

COLLECTIONS = ROOT / ".ansible" / "collections"
MODULE = "ansible_collections.monq.platform.plugins.modules.registry_template"
SECRETS = [{"hosts": ["monq.domain.com"], "secretName": "monq.domain.com-tls"}]


def template():
    return {
        "JsonConfig": {
            "Deployment": {"spec": {"template": {"spec": {"volumes": None}}}},
            "Container-api": {},
            "Container-console": {"volumeMounts": []},
            "Job": {},
        }
    }


def run(check=False, diff=False, **arguments):
    """Status and result of one process."""
    given = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check, "_ansible_diff": diff}}
    done = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps(given),
        env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("check", [False, True], ids=["real", "check mode"])
def test_transforms_and_then_has_nothing_to_do(check):
    """trap 14"""
    status, first = run(check=check, template=template(), alias_domains=["a.b", "*.c.d"], ingress_secrets=SECRETS)
    assert status == 0 and first["changed"] is True
    assert "diff" not in first
    assert {"Name": "%AliasDomains%", "Value": "a.b,*.c.d"} in first["template"]["JsonConfig"]["Parameters"]
    assert {"Name": "%IngressSecrets%", "Value": SECRETS} in first["template"]["JsonConfig"]["Parameters"]
    status, second = run(
        check=check, template=first["template"], alias_domains=["a.b", "*.c.d"], ingress_secrets=SECRETS
    )
    assert status == 0 and second["changed"] is False
    assert second["template"] == first["template"]


def test_no_alias_is_an_empty_text():
    """trap 18"""
    _status, result = run(template=template(), ingress_secrets=SECRETS)
    assert {"Name": "%AliasDomains%", "Value": ""} in result["template"]["JsonConfig"]["Parameters"]


def test_diff_shows_both_templates():
    _status, result = run(diff=True, template=template(), ingress_secrets=SECRETS)
    assert json.loads(result["diff"]["before"]) == template()
    assert json.loads(result["diff"]["after"]) == result["template"]
    assert result["diff"]["after"] == json.dumps(result["template"], indent=2, sort_keys=True) + "\n"


def test_diff_shows_no_password():
    given = template()
    given["JsonConfig"]["Parameters"] = [{"Name": "%SmtpPassword%", "Value": "canary"}]
    _status, result = run(diff=True, template=given, ingress_secrets=SECRETS)
    assert {"Name": "%SmtpPassword%", "Value": "canary"} in result["template"]["JsonConfig"]["Parameters"]
    assert (
        "canary" not in json.dumps(result["diff"])
        and "SmtpPassword" in result["diff"]["before"]
        and "monq.domain.com-tls" in result["diff"]["after"]
    )


@pytest.mark.parametrize(
    "arguments, words",
    [
        pytest.param(
            {"template": {"error": "no"}},
            ["JsonConfig.Deployment.spec.template.spec", "the keys error"],
            id="trap 16: an error object",
        ),
        pytest.param({"template": [template()]}, ["the response is an array"], id="trap 16: an array"),
        pytest.param({"template": ""}, ["the response is empty"], id="trap 16: an empty reply"),
        pytest.param({"template": None}, ["the response is null"], id="trap 16: null"),
        pytest.param({"template": json.dumps(template())}, ["the response is a string"], id="trap 16: a text"),
        pytest.param(
            {"template": template(), "alias_domains": ["a b"]},
            ["alias_domains", "'a b'"],
            id="trap 18: an alias with a blank",
        ),
        pytest.param(
            {"template": template(), "ingress_secrets": [{"secretName": "x"}]},
            ["hosts"],
            id="trap 18: a secret without hosts",
        ),
        pytest.param(
            {"template": template(), "ingress_secrets": [{"hosts": [], "secretName": "x"}]},
            ["hosts", "[]"],
            id="trap 18: no host",
        ),
    ],
)
def test_refusals_reach_the_operator(arguments, words):
    status, result = run(**{"ingress_secrets": SECRETS, **arguments})
    assert status != 0 and result["failed"] is True
    for word in words:
        assert word in result["msg"]
    assert "Traceback" not in json.dumps(result)


def test_under_ansible_itself():
    """trap 17: the data goes through Ansible as data, blanks and all; nothing but Python is needed on the host"""
    secrets = [{"hosts": ["monq.domain.com"], "secretName": "a  b"}]
    arguments = json.dumps({"template": template(), "ingress_secrets": secrets})
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ansible"),
            "localhost",
            "-m",
            "monq.platform.registry_template",
            "-a",
            arguments,
            "--check",
            "--diff",
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "localhost | CHANGED" in done.stdout
    assert '"secretName": "a  b"' in done.stdout
    assert '+        "Name": "%AliasDomains%"' in done.stdout
