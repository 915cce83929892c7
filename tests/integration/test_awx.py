"""awx.yml with the real modules of awx.awx, which check their arguments themselves, against an API with AWX's rules.

Both names are collections made here, whose modules are awx.awx's in Ansible's own process: this spares a hundred
interpreters. The first run is ansible.controller's, the second awx.awx's; one variable chooses."""

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
INSTALLED = next(found for path in sys.path if (found := Path(path) / "ansible_collections" / "awx" / "awx").is_dir())
# Staging's credentials are created empty.
SECRETS = {
    "production": {
        "release_hub": {"token": "kit-secret-hub"},
        "postgresql": {"password": "kit-secret-sql"},
        "kubernetes": {"kubeconfig": "kit-secret-kube: {}\n"},
        "consul": {"token": "kit-secret-consul"},
    }
}


def collections(folder):
    """ansible.controller and awx.awx, with an action for each module, and what is awx.awx's own by links."""
    for namespace, name in (("ansible", "controller"), ("awx", "awx")):
        made = folder / "ansible_collections" / namespace / name
        actions = made / "plugins" / "action"
        actions.mkdir(parents=True)
        for module in MODULES:
            (actions / f"{module}.py").write_text(IN_PROCESS.replace("NAME", module))
        if namespace == "awx":
            for part in ("meta", "plugins/modules", "plugins/module_utils", "plugins/doc_fragments"):
                (made / part).symlink_to(INSTALLED / part)


def kit(awx, folder, collection, *words):
    """Runs awx.yml with the example's variables, and for production with all that an environment may have."""
    given = yaml.safe_load((ROOT / "inventories" / "awx.example.yml").read_text())
    [production] = [one for one in given["awx_environments"] if one["name"] == "production"]
    production |= {"credentials": ["Bastion"], "forks": 10, "job_slice_count": 4, "instance_groups": ["far", "near"]}
    path = folder / "awx.json"
    path.write_text(json.dumps({**given, "awx_secrets": SECRETS, "awx_collection": collection}))
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": f"{folder}:{ROOT / '.ansible' / 'collections'}",
        "CONTROLLER_HOST": awx.url,
        "CONTROLLER_OAUTH_TOKEN": TOKEN,
        "SSL_CERT_FILE": os.devnull,  # else the system's authorities are read for each of a thousand requests, by http
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
    for name in ("near", "far"):
        awx.by_hand("instance_groups", name=name)
    collections(folder)
    rc, text = kit(awx, folder, "ansible.controller", "-vvv")
    assert rc == 0, text[-4000:]
    yield awx, text, folder
    awx.close()


def of(awx, kind, environment):
    """{short name: object} of one environment."""
    begin = f"Monq {environment}: "
    return {one["name"].removeprefix(begin): one for one in awx.all(kind) if one["name"].startswith(begin)}


def test_every_object_is_there(made):
    awx, text, _folder = made
    counts = {kind: len(awx.all(kind)) for kind in ("organizations", "projects", "execution_environments")}
    assert set(counts.values()) == {1}
    assert {one["name"] for one in awx.all("inventories")} == {"Monq staging", "Monq production"}
    assert len([one for one in awx.all("credential_types") if not one.get("managed")]) == 4
    sources = {one["inventory"]: one for one in awx.all("inventory_sources")}
    for environment, access in (
        ("staging", {"release_hub", "postgresql", "kubernetes"}),
        ("production", {"release_hub", "postgresql", "kubernetes", "consul"}),
    ):
        assert set(of(awx, "credentials", environment)) == access
        templates = of(awx, "job_templates", environment)
        assert {name: one["playbook"] for name, one in templates.items()} == {name: f"{name}.yml" for name in STAGES}
        assert {name for name, one in templates.items() if one["job_type"] == "check"} == {"plan"}
        inventory = awx.one("inventories", f"Monq {environment}")["id"]
        assert {one["inventory"] for one in templates.values()} == {inventory}
        assert sources[inventory]["source"] == "scm"
        assert sources[inventory]["source_path"] == f"inventories/{environment}/hosts.yml"
        own = {f"Monq {environment}: {name}" for name in access}
        by_hand = {"Bastion"} if environment == "production" else set()
        assert all(set(awx.named(one["credentials"])) == own | by_hand for one in templates.values())
    assert "[WARNING]" not in text.replace("[WARNING]: No inventory was parsed", "").replace(
        "[WARNING]: provided hosts", ""
    )


def test_what_an_environment_does_not_say_is_left_to_awx(made):
    """forks, slices and instance groups; upgrade alone is sliced, as slices of plan lose each other's ids."""
    awx, _text, _folder = made
    for name, one in of(awx, "job_templates", "production").items():
        assert one["forks"] == 10 and awx.named(one["instance_groups"]) == ["far", "near"]
        assert one.get("job_slice_count") == (4 if name == "upgrade" else None), name
    for name, one in of(awx, "job_templates", "staging").items():
        assert "forks" not in one and "job_slice_count" not in one and one["instance_groups"] == [], name


@pytest.mark.parametrize("environment, timeout", [("staging", 86400), ("production", 259200)])
def test_the_workflow_asks_before_the_outage_and_reports_every_failure(made, environment, timeout):
    awx, _text, _folder = made
    workflow = awx.one("workflow_job_templates", f"Monq {environment}: workflow")
    nodes = {
        one["identifier"]: one
        for one in awx.all("workflow_job_template_nodes")
        if one["workflow_job_template"] == workflow["id"]
    }
    path, here = [], "preflight"
    while here:
        path.append(here)
        following = awx.named(nodes[here]["success_nodes"])
        assert len(following) <= 1
        here = following[0] if following else ""
    assert path == ["preflight", "prepare", "plan", "approval", "upgrade", "verify"]
    for name in path:
        assert awx.named(nodes[name]["failure_nodes"]) == ([] if name == "approval" else ["report"]), name
    templates = of(awx, "job_templates", environment)
    for name in {*path, "report"} - {"approval"}:
        assert nodes[name]["unified_job_template"] == templates[name]["id"]
    approval = awx.objects[nodes["approval"]["unified_job_template"]]
    assert approval["_kind"] == "workflow_approval_templates" and approval["timeout"] == timeout
    assert nodes["report"]["extra_data"] == {"monq_report_fail": True}, "else AWX calls the workflow successful"
    given = json.loads(templates["upgrade"]["extra_vars"])
    assert given == {"monq_plan_required": True}, "a lost artifact stops the upgrade"
    assert {one["variable"]: one["required"] for one in workflow["_survey"]["spec"]} == {
        "monq_confirm_outage": True,
        "monq_plan": False,
        "monq_resolve": False,
    }


def test_no_secret_is_shown(made):
    awx, text, _folder = made
    assert "kit-secret" not in text and TOKEN not in text
    assert awx.one("credentials", "Monq production: postgresql")["inputs"] == {"password": "kit-secret-sql"}
    assert not any(one.get("inputs") for one in of(awx, "credentials", "staging").values()), "to be filled in AWX"


def test_a_second_run_creates_and_changes_nothing(made):
    awx, _text, folder = made
    filled = of(awx, "credentials", "staging")["postgresql"]
    filled["inputs"] = {"password": "typed in AWX"}
    before = len(awx.changes)
    rc, text = kit(awx, folder, "awx.awx")
    assert rc == 0 and " changed=0 " in text, text[-4000:]
    assert awx.changes[before:] == [] and filled["inputs"] == {"password": "typed in AWX"}


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
    workflow = awx.one("workflow_job_templates", "Monq production: workflow")["id"]
    nodes = {
        one["identifier"]: one["id"]
        for one in awx.all("workflow_job_template_nodes")
        if one["workflow_job_template"] == workflow
    }
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
