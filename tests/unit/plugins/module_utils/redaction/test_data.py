"""What leaves the machine carries no secret: manifests in a support bundle, templates in a diff."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.redaction.data import sanitise
from ansible_collections.monq.platform.plugins.module_utils.redaction.encodings import MASK

DATA = [
    ({"Password": "x", "Name": "K8s"}, {"Password": "********", "Name": "K8s"}),
    ({"Name": "%SmtpPassword%", "Value": "x"}, {"Name": "%SmtpPassword%", "Value": "********"}),
    ({"Key": "DbPassword", "Value": "x"}, {"Key": "DbPassword", "Value": "********"}),
    (
        {"key": "DbPassword", "name": "settings", "value": "x"},
        {"key": "DbPassword", "name": "settings", "value": "********"},
    ),
    ({"key": "Host", "value": "x"},) * 2,
    ({"name": "SECURE_TOKEN", "value": "x"}, {"name": "SECURE_TOKEN", "value": "********"}),
    ({"Name": "%IngressSecrets%", "Value": [{"hosts": ["a"], "secretName": "t"}]},) * 2,
    ({"Name": "%IngressSecrets%", "Value": "text"},) * 2,
    ({"name": "T", "valueFrom": {"secretKeyRef": {"name": "registry-token", "key": "secure_token"}}},) * 2,
    ({"imagePullSecrets": [{"name": "x"}], "secret": {"secretName": "x", "optional": True}},) * 2,
    ({"automountServiceAccountToken": False, "token": ""},) * 2,
    ({"Name": "%Db%", "Value": "postgres://monq:abc@db/x"}, {"Name": "%Db%", "Value": "postgres://monq:********@db/x"}),
    ({"ConnectionString": "Host=x;Password=y"}, {"ConnectionString": "********"}),
    ({"pin_token": 1234}, {"pin_token": "********"}),
    (["a", None, 1], ["a", None, 1]),
]


@pytest.mark.parametrize(("given", "shown"), DATA)
def test_data(given, shown):
    before = json.dumps(given)
    assert sanitise(given) == shown
    assert json.dumps(given) == before, "what was given is left alone"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"env": [{"name": "A_TOKEN", "value": "x"}, {"name": "B", "value": "y"}]},
            {"env": [{"name": "A_TOKEN", "value": MASK}, {"name": "B", "value": "y"}]},
        ),
        ({"name": "URL", "value": "amqp://u:pw@mq"}, {"name": "URL", "value": f"amqp://u:{MASK}@mq"}),
        (
            {"args": ["--password", "x", "--a", "b", "--token=z", "-v"]},
            {"args": ["--password", MASK, "--a", "b", f"--token={MASK}", "-v"]},
        ),
        ({"args": ["--password", "--other"]}, {"args": ["--password", "--other"]}),
        (
            {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}},
            {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": MASK, "a": "b"}},
        ),
        ({"valueFrom": {"secretKeyRef": {"name": "registry-token", "key": "secure_token"}}}, None),
        (
            {"volumes": [{"name": "certs", "secret": {"secretName": "monq-tls"}}], "imagePullSecrets": [{"name": "x"}]},
            None,
        ),
        ({"automountServiceAccountToken": True, "token": None, "password": ""}, None),
        (
            {"credentials": {"user": "u", "list": ["a", {"b": "c"}]}},
            {"credentials": {"user": MASK, "list": [MASK, {"b": MASK}]}},
        ),
        (
            {"kind": "Secret", "data": {"a": "eA=="}, "metadata": {"name": "n"}},
            {"kind": "Secret", "data": MASK, "metadata": {"name": "n"}},
        ),
        ({"pin_token": 1234, "count": 3}, {"pin_token": MASK, "count": 3}),
        ({"prepare.registry_token.secret": {"state": "done"}}, None),
        ({"a": "known", "known": 1}, {"a": MASK, MASK: 1}),
        (["a", 1, None, 1.5], None),
    ],
)
def test_sanitise(given, expected):
    assert sanitise(given, ["known"]) == (given if expected is None else expected)
