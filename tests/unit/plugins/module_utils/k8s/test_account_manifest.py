"""The manifest that gives an account what preflight asks for."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.monq.platform.plugins.module_utils.k8s import account_manifest, permissions
from repository import ROOT

RELEASE = yaml.safe_load((ROOT / "roles" / "monq" / "vars" / "main" / "release.yml").read_text(encoding="utf-8"))[
    "_monq_release"
]
TABLE = (("", "configmaps", ("get", "create", "patch"), "ledger"), ("apps", "deployments/scale", ("patch",), "counts"))


def granted(role):
    """{(group, resource, verb): names} of a Role."""
    return {
        (group, resource, verb): rule.get("resourceNames", [])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_a_role_grants_the_table():
    role = account_manifest.role(
        "x", TABLE, {("", "configmaps", "get"): ("ledger",), ("", "configmaps", "patch"): ("ledger",)}
    )
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["ledger"], "verbs": ["get", "patch"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["patch"]},
    ]


def test_one_account_with_a_role_for_each_table():
    made = account_manifest.manifest({"monq-upgrade": (TABLE, {}), "monq-upgrade-rollback": (TABLE[:1], {})})
    assert [(one["kind"], one["metadata"]["name"]) for one in made] == [
        ("ServiceAccount", "monq-upgrade"),
        ("Role", "monq-upgrade"),
        ("RoleBinding", "monq-upgrade"),
        ("Role", "monq-upgrade-rollback"),
        ("RoleBinding", "monq-upgrade-rollback"),
    ]
    bindings = [one for one in made if one["kind"] == "RoleBinding"]
    assert [(b["roleRef"]["name"], b["subjects"]) for b in bindings] == [
        (b["metadata"]["name"], [{"kind": "ServiceAccount", "name": "monq-upgrade"}]) for b in bindings
    ]


@pytest.fixture(scope="module")
def applied():
    """The objects of the file that operators apply."""
    return yaml.safe_load((ROOT / "docs" / "permissions" / "monq-upgrade.yml").read_text(encoding="utf-8"))["items"]


def test_the_file_grants_what_preflight_asks_for_and_nothing_else(applied):
    for name, table, named in (
        ("monq-upgrade", permissions.NEEDED + permissions.FOLLOWED + permissions.EXAMINED, permissions.names(RELEASE)),
        ("monq-upgrade-rollback", permissions.NEEDED_FOR_ROLLBACK, permissions.names_for_rollback(RELEASE)),
    ):
        role = next(one for one in applied if one["kind"] == "Role" and one["metadata"]["name"] == name)
        asked = {}
        for review, _purpose in permissions.reviews("production", table, named):
            spec = review["spec"]["resourceAttributes"]
            resource = spec["resource"] + ("/" + spec["subresource"] if spec["subresource"] else "")
            asked.setdefault((spec["group"], resource, spec["verb"]), []).extend(
                [spec["name"]] if spec.get("name") else []
            )
        assert granted(role) == asked


def test_the_file_reaches_no_further_than_the_namespace(applied):
    assert {one["kind"] for one in applied} == {"ServiceAccount", "Role", "RoleBinding"}
    assert not [one for one in applied if "namespace" in one["metadata"]], "kubectl apply -n fills it in"
    assert not [
        word
        for one in applied
        for rule in one.get("rules", [])
        for words in rule.values()
        for word in words
        if word == "*"
    ]


def test_a_single_object_is_named_only_where_rbac_can(applied):
    """create and list know no name."""
    for key in permissions.names(RELEASE):
        assert key[2] not in ("create", "list") and key in granted(account_manifest.role("x", permissions.NEEDED)), key
