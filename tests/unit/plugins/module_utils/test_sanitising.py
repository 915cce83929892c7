"""What leaves the machine carries no secret: log lines in a failure, manifests in a support bundle."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest
from ansible_collections.monq.platform.plugins.module_utils.redaction import MASK, forms
from ansible_collections.monq.platform.plugins.module_utils.sanitising import looks_secret, redact, sanitise

PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2 and on", f"password={MASK} and on"),
        ("DB_PASSWORD: 'a b' x", f"DB_PASSWORD: '{MASK}' x"),
        ('{"apiKey": "abc def", "a": 1}', f'{{"apiKey": "{MASK}", "a": 1}}'),
        ('{"password": "a\\"b", "x": 1}', f'{{"password": "{MASK}", "x": 1}}'),
        (r'"{\"token\": \"abc\", \"a\": 1}"', rf'"{{\"token\": \"{MASK}\", \"a\": 1}}"'),
        ("Server=x;Password=foo;User Id=y", f"Server=x;Password={MASK};User Id=y"),
        ("passwd=x pwd=y api-key=z", f"passwd={MASK} pwd={MASK} api-key={MASK}"),
        ("monqctl config set releasehub monq --token abc --server x", f"monqctl config set releasehub monq --token {MASK} --server x"),
        ("--registry-token=abc", f"--registry-token={MASK}"),
        ("postgresql://monq:p@ss:w@db:5432/x", f"postgresql://monq:{MASK}@db:5432/x"),
        ("Authorization: Bearer abc.def-ghi", f"Authorization: {MASK} {MASK}"),
        ("sent bearer abcdef12", f"sent bearer {MASK}"),
        ("got eyJhbGciOi.eyJzdWIiOi.sflKxw here", f"got {MASK} here"),
        (f"key {PEM} end", f"key {MASK} end"),
        ("cut -----BEGIN PRIVATE KEY-----\nMIIab", f"cut {MASK}"),
        (base64.b64encode(PEM.encode()).decode(), MASK),
        ("https://hub/x?token=abc&v=1", f"https://hub/x?token={MASK}&v=1"),
    ],
)  # fmt: skip
def test_redact_hides(text, expected):
    assert redact(text) == expected
    assert redact(expected) == expected, "twice is once"


@pytest.mark.parametrize(
    "text",
    [
        "relation pl_users does not exist", 'Secret "tls" not found', "the password is wrong", "invalid token", "secretName: monq-tls",
        "prepare.registry_token.secret: done", "token:\n  next line", "http://registry.api.monq.local:8080/status", "image registry/a:6.0.0@sha256:abc", "",
    ],
)  # fmt: skip
def test_redact_leaves_what_explains_a_failure(text):
    assert redact(text) == text


@pytest.mark.parametrize("secret", ["p@ss w/rd+é", "0123456789abcdef", 'quote"d\\x'])
def test_a_known_secret_is_found_in_every_spelling(secret):
    data = secret.encode()
    spellings = [secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret)]
    spellings += [base64.b64encode(b"x" * shift + data + b"y" * rest).decode() for shift in range(5) for rest in range(4)]
    for text in [*spellings, base64.b64encode(data).decode()]:
        hidden = redact(f"a {text} b", [secret])
        assert MASK in hidden and not any(form in hidden for form in forms(secret)), text


@pytest.mark.parametrize("secret", ["", None, "abc"])
def test_what_is_too_short_to_be_a_secret_blots_nothing_out(secret):
    assert redact("abcabc", [secret]) == "abcabc"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"env": [{"name": "A_TOKEN", "value": "x"}, {"name": "B", "value": "y"}]}, {"env": [{"name": "A_TOKEN", "value": MASK}, {"name": "B", "value": "y"}]}),
        ({"name": "URL", "value": "amqp://u:pw@mq"}, {"name": "URL", "value": f"amqp://u:{MASK}@mq"}),
        ({"args": ["--password", "x", "--a", "b", "--token=z", "-v"]}, {"args": ["--password", MASK, "--a", "b", f"--token={MASK}", "-v"]}),
        ({"args": ["--password", "--other"]}, {"args": ["--password", "--other"]}),
        ({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}},
         {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": MASK, "a": "b"}}),
        ({"valueFrom": {"secretKeyRef": {"name": "registry-token", "key": "secure_token"}}}, None),
        ({"volumes": [{"name": "certs", "secret": {"secretName": "monq-tls"}}], "imagePullSecrets": [{"name": "x"}]}, None),
        ({"automountServiceAccountToken": True, "token": None, "password": ""}, None),
        ({"credentials": {"user": "u", "list": ["a", {"b": "c"}]}}, {"credentials": {"user": MASK, "list": [MASK, {"b": MASK}]}}),
        ({"kind": "Secret", "data": {"a": "eA=="}, "metadata": {"name": "n"}}, {"kind": "Secret", "data": MASK, "metadata": {"name": "n"}}),
        ({"pin_token": 1234, "count": 3}, {"pin_token": MASK, "count": 3}),
        ({"prepare.registry_token.secret": {"state": "done"}}, None),
        ({"a": "known", "known": 1}, {"a": MASK, MASK: 1}),
        (["a", 1, None, 1.5], None),
    ],
)  # fmt: skip
def test_sanitise(given, expected):
    assert sanitise(given, ["known"]) == (given if expected is None else expected)


@pytest.mark.parametrize(("name", "secret"), [("DB_PASSWORD", True), ("apiKey", True), ("SECURE_TOKEN", True), ("secretName", False), ("REPLICAS", False)])
def test_names(name, secret):
    assert looks_secret(name) == secret


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "token" * 20_000, "x" * 100_000 + '":', "--" + "a-" * 50_000, "a:" * 50_000, '"' * 50_000], ids=lambda t: t[:6]
)
def test_a_long_line_costs_little(text):
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 10
