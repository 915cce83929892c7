"""awx.yml with the real modules of awx.awx, which check their arguments themselves, against an API with AWX's rules.

They run as ansible.controller, a collection made here whose modules are awx.awx's in Ansible's own process: this spares
60 interpreters, and shows that the other collection is a matter of one variable."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.fake_awx import TOKEN, FakeAwx
from support.harness import ROOT

STAGES = ["preflight", "prepare", "plan", "upgrade", "verify", "report", "status", "rollback"]
MODULES = sorted(set(re.findall(r"awx_collection }}\.(\w+)", (ROOT / "roles/awx/tasks/main.yml").read_text())))
IN_PROCESS = """
import contextlib, io, json
from ansible.module_utils import basic
from ansible.plugins.action import ActionBase
from ansible_collections.awx.awx.plugins.modules.NAME import main

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": self._task.args}).encode()
        basic._ANSIBLE_PROFILE = "legacy"
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            main()
        return json.loads(said.getvalue())
"""
SECRETS = {
    "production": {
        "release_hub": {"token": "kit-secret-hub"},
        "postgresql": {"password": "kit-secret-sql"},
        "kubernetes": {"kubeconfig": "kit-secret-kube: {}\n"},
        "consul": {"token": "kit-secret-consul"},
    }
}


def kit(awx, folder, *words, **more):
    """Runs awx.yml with the example's variables."""
    given = yaml.safe_load((ROOT / "inventories" / "awx.example.yml").read_text())
    given["awx_environments"] = [one for one in given["awx_environments"] if one["name"] == "production"]
    given["awx_environments"][0]["credentials"] = ["Bastion"]
    path = folder / "awx.json"
    path.write_text(json.dumps({**given, "awx_secrets": SECRETS, "awx_collection": "ansible.controller", **more}))
    actions = folder / "ansible_collections" / "ansible" / "controller" / "plugins" / "action"
    actions.mkdir(parents=True, exist_ok=True)
    for name in MODULES:
        (actions / f"{name}.py").write_text(IN_PROCESS.replace("NAME", name))
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": f"{folder}:{ROOT / '.ansible' / 'collections'}",
        "CONTROLLER_HOST": awx.url,
        "CONTROLLER_OAUTH_TOKEN": TOKEN,
    }
    argv = [str(Path(sys.executable).parent / "ansible-playbook"), "-e", f"@{path}", *words]
    done = subprocess.run(
        [*argv, str(ROOT / "playbooks" / "awx.yml")],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(the fake AWX after the first run, that run's output, the folder)"""
    awx, folder = FakeAwx([f"{name}.yml" for name in STAGES]), tmp_path_factory.mktemp("awx")
    machine = awx.one("credential_types", "Machine")["id"]
    awx.by_hand("credentials", name="Bastion", organization=None, credential_type=machine, inputs={"username": "monq"})
    rc, text = kit(awx, folder, "-vvv")
    assert rc == 0, text[-4000:]
    yield awx, text, folder
    awx.close()


def test_every_object_is_there(made):
    awx, text, _folder = made
    counts = {
        kind: len(awx.all(kind)) for kind in ("organizations", "projects", "inventories", "execution_environments")
    }
    assert set(counts.values()) == {1}
    own = {"Monq production: release_hub", "Monq production: postgresql", "Monq production: kubernetes"}
    own |= {"Monq production: consul"}
    assert {one["name"] for one in awx.all("credentials")} == {*own, "Bastion"}
    assert len([one for one in awx.all("credential_types") if not one.get("managed")]) == 4
    assert {one["playbook"] for one in awx.all("job_templates")} == {f"{name}.yml" for name in STAGES}
    for one in awx.all("job_templates"):
        assert set(awx.named(one["credentials"])) == {*own, "Bastion"}
        assert one["inventory"] == awx.one("inventories", "Monq production")["id"]
    assert awx.one("job_templates", "Monq production: plan")["job_type"] == "check"
    source = awx.one("inventory_sources", "project")
    assert source["source"] == "scm" and source["source_path"] == "inventories/production/hosts.yml"
    assert "[WARNING]" not in text.replace("[WARNING]: No inventory was parsed", "").replace(
        "[WARNING]: provided hosts", ""
    )


def test_the_workflow_asks_before_the_outage_and_reports_every_failure(made):
    awx, _text, _folder = made
    nodes = {one["identifier"]: one for one in awx.all("workflow_job_template_nodes")}
    path, here = [], "preflight"
    while here:
        path.append(here)
        following = awx.named(nodes[here]["success_nodes"])
        assert len(following) <= 1
        here = following[0] if following else ""
    assert path == ["preflight", "prepare", "plan", "approval", "upgrade", "verify"]
    for name in path:
        assert awx.named(nodes[name]["failure_nodes"]) == ([] if name == "approval" else ["report"]), name
    approval = awx.objects[nodes["approval"]["unified_job_template"]]
    assert approval["_kind"] == "workflow_approval_templates" and approval["timeout"] == 259200
    assert nodes["report"]["extra_data"] == {"monq_report_fail": True}, "else AWX calls the workflow successful"
    upgrade = awx.one("job_templates", "Monq production: upgrade")
    assert json.loads(upgrade["extra_vars"]) == {"monq_plan_required": True}, "a lost artifact stops the upgrade"
    survey = awx.all("workflow_job_templates")[0]["_survey"]["spec"]
    assert {one["variable"]: one["required"] for one in survey} == {
        "monq_confirm_outage": True,
        "monq_plan": False,
        "monq_resolve": False,
    }


def test_no_secret_is_shown(made):
    awx, text, _folder = made
    assert "kit-secret" not in text and TOKEN not in text
    assert awx.one("credentials", "Monq production: postgresql")["inputs"] == {"password": "kit-secret-sql"}


def test_a_second_run_creates_and_changes_nothing(made):
    awx, _text, folder = made
    before = len(awx.changes)
    rc, text = kit(awx, folder)
    assert rc == 0 and " changed=0 " in text, text[-4000:]
    assert awx.changes[before:] == []


def post(awx, where, body):
    return awx.answer("POST", f"/api/v2/{where}/", body, f"Bearer {TOKEN}")


TYPE = {"name": "t", "kind": "cloud", "inputs": {"fields": [{"id": "token", "label": "Token"}]}}


@pytest.mark.parametrize(
    "kind, body",
    [
        ("credential_types", {**TYPE, "inputs": {"fields": [{"id": "api-token", "label": "Token"}]}}),
        ("credential_types", {**TYPE, "kind": "vault"}),
        ("credential_types", {**TYPE, "injectors": {"environment": {"TOKEN": "{{ token }}"}}}),
        ("credential_types", {**TYPE, "injectors": {"env": {"ANSIBLE_TOKEN": "{{ token }}"}}}),
        ("credential_types", {**TYPE, "injectors": {"env": {"TOKEN": "{{ password }}"}}}),
        ("credential_types", {**TYPE, "injectors": {"extra_vars": {"path": "{{ tower.filename.kubeconfig }}"}}}),
        ("credential_types", {**TYPE, "name": "Monq Consul"}),
        ("credentials", {"name": "c", "organization": 1, "credential_type": 2, "inputs": {"passphrase": "x"}}),
        ("inventories", {"name": "Monq production", "organization": 1, "kind": ""}),
        ("job_templates", {"name": "j", "job_type": "run", "project": 999}),
        ("notification_templates", {"name": "n", "organization": 1, "notification_type": "webhook"}),
    ],
)
def test_the_fake_refuses_what_awx_refuses(made, kind, body):
    awx, _text, _folder = made
    before = len(awx.all(kind))
    assert post(awx, kind, body)[0] == 400 and len(awx.all(kind)) == before


def test_the_fake_refuses_nodes_surveys_and_messages_that_awx_refuses(made):
    awx, _text, _folder = made
    workflow = awx.all("workflow_job_templates")[0]["id"]
    nodes = {one["identifier"]: one["id"] for one in awx.all("workflow_job_template_nodes")}
    assert post(awx, "workflow_job_template_nodes", {"identifier": "plan", "workflow_job_template": workflow})[0] == 400
    link = f"workflow_job_template_nodes/{nodes['verify']}/success_nodes"
    assert post(awx, link, {"id": nodes["preflight"]})[0] == 400, "a cycle"
    survey = {"name": "", "description": "", "spec": [{"question_name": "q", "variable": "v", "type": "line"}]}
    assert post(awx, f"workflow_job_templates/{workflow}/survey_spec", survey)[0] == 400
    webhook = {
        "organization": 1,
        "notification_type": "webhook",
        "notification_configuration": {"url": "u", "headers": {}},
    }
    for body in ('{"text": "{{ job.artifacts.monq_summary }}"}', "{{ job.name }}"):
        given = {"name": "n", "messages": {"error": {"body": body}}, **webhook}
        assert post(awx, "notification_templates", given)[0] == 400
