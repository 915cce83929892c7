"""Checks the installation after the upgrade, with kubectl and psql instead of the collection's own code."""

from __future__ import annotations

import json
import os

import pytest

VERSIONS = {"pl": "6.0.0", "sm": "6.0.0", "cl": "1.7.0", "fm": "1.3.0"}
SQL_FILES = {"pl": 5, "sm": 1, "cl": 3, "fm": 2}
REGISTRY = "pl-microservice-registry-api-service"


@pytest.fixture(scope="module")
def sandbox(host):
    directory = os.environ.get("SANDBOX_DIR") or f"/var/tmp/monq-sandbox-{os.getuid()}"
    return json.loads(host.file(f"{directory}/sandbox.json").content_string)


@pytest.fixture(scope="module")
def facts(sandbox):
    return sandbox["installations"][os.environ["MONQ_INSTALLATION"]]


@pytest.fixture(scope="module")
def kubectl(host, sandbox, facts):
    def read(kind):
        command = (
            f"kubectl --kubeconfig {sandbox['kubeconfig']} --context {facts['kube_context']} -n "
            f"{facts['namespace']} get {kind} -o json"
        )
        return json.loads(host.check_output(command))["items"]

    return read


def test_every_module_has_the_version_of_the_notes(kubectl, facts):
    images = {
        d["metadata"]["name"]: d["spec"]["template"]["spec"]["containers"][0]["image"] for d in kubectl("deployments")
    }
    for module in facts["modules"]:
        tags = {
            image.rpartition(":")[2]
            for name, image in images.items()
            if name.startswith(module + "-") and name != REGISTRY
        }
        assert tags == {VERSIONS[module]}
    assert images[REGISTRY].endswith(":6.0.0") or images[REGISTRY].endswith(":3.2.0")


def test_every_deployment_is_available(kubectl):
    for deployment in kubectl("deployments"):
        assert deployment["status"].get("availableReplicas", 0) == deployment["spec"]["replicas"], deployment[
            "metadata"
        ]["name"]


def test_parked_services_stay_parked_and_counts_are_back(kubectl):
    """trap 40, 42: 0 is a count, and the two stores may differ."""
    counts = {d["metadata"]["name"]: d["spec"]["replicas"] for d in kubectl("deployments")}
    assert counts["pl-reports-service"] == 0
    assert counts["pl-identity-service"] == 4
    assert counts["pl-notifications-service"] == 2


def test_routes(kubectl, facts):
    """trap 1, 2: the old ones are gone, unrelated ones stay, new ones serve every domain."""
    found = {
        i["metadata"]["name"]: [rule.get("host") for rule in i["spec"]["rules"]]
        for i in kubectl("ingresses.v1beta1.extensions")
    }
    assert not [
        name
        for name in found
        if "-routing-" in name
        or name in ("frontend-box", "frontend-box-api", "frontend-alias", "frontend-alias-wildcard")
    ]
    assert {"frontend-grafana", "pl-landing"} <= set(found)
    for domain in [facts["domain"], *facts["alias_domains"]]:
        assert domain in found["frontend-box-ui"]


def test_the_registry_keeps_its_token(kubectl):
    """trap 8, 10: one variable, from the Secret, still there after Replace."""
    container = next(d for d in kubectl("deployments") if d["metadata"]["name"] == REGISTRY)["spec"]["template"][
        "spec"
    ]["containers"][0]
    found = [entry for entry in container["env"] if entry["name"] == "SECURE_TOKEN"]
    assert [entry["valueFrom"]["secretKeyRef"] for entry in found] == [
        {"name": "registry-token", "key": "secure_token"}
    ]


def test_each_sql_file_ran_once(host, facts):
    """Counts with psql in the databases."""
    server, rows = facts["postgresql"], []
    for database in facts["databases"].values():
        call = (
            f"PGPASSWORD={server['password']} psql -XAt -h {server['host']} -p {server['port']} -U "
            f"{server['user']} -d {database} -c"
        )
        if host.check_output(f"{call} \"select to_regclass('sandbox_migrations')\""):
            rows += host.check_output(f"{call} 'select module, file from sandbox_migrations'").splitlines()
    assert len(rows) == sum(SQL_FILES[module] for module in facts["modules"])


def test_the_ledger_is_finished_and_holds_no_secret(kubectl, facts):
    ledger = next(c for c in kubectl("configmaps") if c["metadata"]["name"] == "monq-upgrade-6.0.0")
    assert {json.loads(text)["state"] for text in ledger["data"].values()} == {"done"}
    text = json.dumps(ledger)
    assert facts["postgresql"]["password"] not in text and facts["releasehub_token"] not in text
