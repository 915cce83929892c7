"""What the template transformation refuses, and what the message says."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError, TemplateError
from ansible_collections.monq.platform.plugins.module_utils.upgrade.template import check, state, transform
from fake_template import ALIASES, FOREIGN_MOUNT, SECRETS, template, with_value, without

POD = "JsonConfig.Deployment.spec.template.spec"
REFUSED = [
    (
        "an error object",
        {"error": "unauthorized", "message": "token hunter2"},
        POD,
        "the response has no JsonConfig, but the keys error, message",
    ),
    ("an array", [template()], POD, "the response is an array"),
    ("an empty reply", "", POD, "the response is empty"),
    ("a text", json.dumps(template()), POD, "the response is a string"),
    ("null", None, POD, "the response is null"),
    ("a number", 0, POD, "the response is a number"),
    ("false", False, POD, "the response is true or false"),
    ("an empty object", {}, POD, "the response has no JsonConfig, but no keys"),
    ("JsonConfig null", {"JsonConfig": None}, POD, "JsonConfig is null"),
    ("JsonConfig a text", {"JsonConfig": "{}"}, POD, "JsonConfig is a string"),
    (
        "no Deployment",
        without(template(), "JsonConfig.Deployment"),
        POD,
        "JsonConfig has no Deployment, but the keys Container-api,",
    ),
    ("no spec in it", without(template(), "JsonConfig.Deployment.spec"), POD, "JsonConfig.Deployment has no spec"),
    (
        "no pod template",
        without(template(), "JsonConfig.Deployment.spec.template"),
        POD,
        "JsonConfig.Deployment.spec has no template",
    ),
    ("no pod spec", without(template(), POD), POD, "JsonConfig.Deployment.spec.template has no spec"),
    ("a pod spec that is a list", with_value(template(), POD, []), POD, f"{POD} is an array"),
    (
        "no api container",
        without(template(), "JsonConfig.Container-api"),
        "JsonConfig.Container-api",
        "JsonConfig has no Container-api",
    ),
    (
        "no console container",
        without(template(), "JsonConfig.Container-console"),
        "JsonConfig.Container-console",
        "JsonConfig has no Container-console",
    ),
    (
        "a container that is null",
        with_value(template(), "JsonConfig.Container-api", None),
        "JsonConfig.Container-api",
        "JsonConfig.Container-api is null",
    ),
    ("volumes an object", template(volumes={}), f"{POD}.volumes", "an object"),
    ("volumes false", template(volumes=False), f"{POD}.volumes", "true or false"),
    ("mounts a text", template(api="x"), "JsonConfig.Container-api.volumeMounts", "a string"),
    ("mounts empty text", template(console=""), "JsonConfig.Container-console.volumeMounts", "empty"),
    ("Parameters an object", template(parameters={"a": 1}), "JsonConfig.Parameters", "an object"),
]


@pytest.mark.parametrize(
    "function", [check, state, lambda given: transform(given, ALIASES, SECRETS)], ids=["check", "state", "transform"]
)
@pytest.mark.parametrize(
    "given, obj, seen", [case[1:] for case in REFUSED], ids=[f"trap 16: {case[0]}" for case in REFUSED]
)
def test_what_is_no_template_is_refused(function, given, obj, seen):
    """trap 16: named are the missing path and what stands there, never a value"""
    with pytest.raises(TemplateError) as caught:
        function(given)
    assert isinstance(caught.value, ValueError)
    assert caught.value.obj == obj
    assert seen in caught.value.seen
    assert "registry get services K8s" in caught.value.next_step
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("field", ["api", "console"])
@pytest.mark.parametrize("name, path", [("own-ca", "/certs"), ("own-ca", "/certs/"), (None, "/certs")])
def test_certs_from_another_volume_is_refused(field, name, path):
    """trap 14: Kubernetes rejects a mountPath that stands twice"""
    given = template(**{field: [FOREIGN_MOUNT, {"name": name, "mountPath": path}]})
    with pytest.raises(TemplateError) as caught:
        transform(given, ALIASES, SECRETS)
    assert caught.value.obj == f"JsonConfig.Container-{field}.volumeMounts"
    assert repr(name) in caught.value.seen
    assert "monq-ca-certificates" in caught.value.expected


BAD_INPUT = [
    ("aliases as one text", "a.b,c.d", SECRETS, "alias_domains"),
    ("an alias with a blank", ["a.b, c.d"], SECRETS, "alias_domains"),
    ("an alias with a newline", ["a.b\n"], SECRETS, "alias_domains"),
    ("two aliases in one", ["a.b,c.d"], SECRETS, "alias_domains"),
    ("an empty alias", [""], SECRETS, "alias_domains"),
    ("an alias that is no text", [None], SECRETS, "alias_domains"),
    ("secrets as a JSON text, trap 17", [], json.dumps(SECRETS), "ingress_secrets"),
    ("a secret that is a text", [], ["a"], "ingress_secrets[0]"),
    ("no hosts", [], [*SECRETS, {"secretName": "x"}], "ingress_secrets[1].hosts"),
    ("hosts empty", [], [{"hosts": [], "secretName": "x"}], "ingress_secrets[0].hosts"),
    ("hosts a text", [], [{"hosts": "a.b", "secretName": "x"}], "ingress_secrets[0].hosts"),
    ("a host empty", [], [{"hosts": [""], "secretName": "x"}], "ingress_secrets[0].hosts"),
    ("no secretName", [], [{"hosts": ["a.b"]}], "ingress_secrets[0].secretName"),
    ("secretName empty", [], [{"hosts": ["a.b"], "secretName": " "}], "ingress_secrets[0].secretName"),
]


@pytest.mark.parametrize(
    "aliases, secrets, obj", [case[1:] for case in BAD_INPUT], ids=[f"trap 18: {case[0]}" for case in BAD_INPUT]
)
def test_bad_domains_are_refused(aliases, secrets, obj):
    with pytest.raises(InputError) as caught:
        transform(template(), aliases, secrets)
    assert caught.value.obj == obj
    assert caught.value.expected and caught.value.seen
