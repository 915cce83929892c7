"""What is taken out of a text before anybody sees it."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from ansible_collections.monq.platform.plugins.module_utils import redaction

SECRET = 'p@ss/"w+rd%é'

WRITTEN = {
    "plain": SECRET,
    "JSON": json.dumps(SECRET),
    "JSON, é as it is": json.dumps(SECRET, ensure_ascii=False),
    "JSON, escaped slash": json.dumps(SECRET).replace("/", "\\/"),
    "URL": quote(SECRET, safe=""),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64, after one byte": base64.b64encode(b"u" + SECRET.encode()).decode()[2:-4],
    "base64, after two bytes": base64.b64encode(b"u:" + SECRET.encode()).decode()[3:],
    "repr": repr(SECRET),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_known_secret_goes_in_every_form(form):
    shown = redaction.mask(f"Error: <{WRITTEN[form]}> was refused", [SECRET, ""])
    assert shown.startswith("Error: <") and shown.endswith("> was refused") and redaction.MASK in shown
    assert not [other for other in WRITTEN.values() if other in shown] and "w+rd" not in shown


TEXTS = {
    'Host=db;Password=p@ss/"w+rd;Port=5432': "Host=db;Password=********;Port=5432",
    "password='a b' next": "password=******** next",
    "--registry-token=abc --file x": "--registry-token=******** --file x",
    '{"token": "a\\"b", "name": "x"}': '{"token": "********", "name": "x"}',
    '{\\"Password\\":\\"abc\\"}': '{\\"Password\\":\\"********\\"}',
    "{'apiKey': 'abc'}": "{'apiKey': '********'}",
    "Authorization: Bearer eyJhbGciOi.abc-_": "Authorization: Bearer ********",
    "postgres://monq:p@ss@db:5432/x": "postgres://monq:********@db:5432/x",
    "the token is not valid": "the token is not valid",
    "error: the token expired; secret registry-token": "error: the token expired; secret registry-token",
    'secret "registry-token" not found': 'secret "registry-token" not found',
    '{"secretName": "monq-tls"}': '{"secretName": "monq-tls"}',
    "ERROR: relation x does not exist": "ERROR: relation x does not exist",
    "https://release-hub.monqlab.com/token": "https://release-hub.monqlab.com/token",
}


@pytest.mark.parametrize("given", TEXTS)
def test_a_text(given):
    assert redaction.text(given) == TEXTS[given]


DATA = [
    ({"Password": "x", "Name": "K8s"}, {"Password": "********", "Name": "K8s"}),
    ({"Name": "%SmtpPassword%", "Value": "x"}, {"Name": "%SmtpPassword%", "Value": "********"}),
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
    assert redaction.values(given) == shown
    assert json.dumps(given) == before, "what was given is left alone"


def test_the_secrets_of_an_environment():
    given = {"HTTPS_PROXY": "http://user:p@ss@proxy:3128", "LANG": "C", "MONQ_TOKEN": "abc", "EMPTY_TOKEN": ""}
    assert sorted(redaction.of_environment(given)) == ["abc", "p@ss"]
