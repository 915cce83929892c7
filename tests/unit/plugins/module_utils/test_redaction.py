"""What is taken out of a text before anybody sees it."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest
from ansible_collections.monq.platform.plugins.module_utils import redaction
from ansible_collections.monq.platform.plugins.module_utils.redaction import MASK, forms, looks_secret, redact

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
    "password='a b' next": "password='********' next",
    "--registry-token=abc --file x": "--registry-token=******** --file x",
    '{"token": "a\\"b", "name": "x"}': '{"token": "********", "name": "x"}',
    '{\\"Password\\":\\"abc\\"}': '{\\"Password\\":\\"********\\"}',
    "{'apiKey': 'abc'}": "{'apiKey': '********'}",
    "Authorization: Bearer eyJhbGciOi.abc-_": "Authorization: ******** ********",
    "postgres://monq:p@ss@db:5432/x": "postgres://monq:********@db:5432/x",
    "the token is not valid": "the token is not valid",
    "error: the token expired; secret registry-token": "error: the token expired; secret registry-token",
    'secret "registry-token" not found': 'secret "registry-token" not found',
    '{"secretName": "monq-tls"}': '{"secretName": "monq-tls"}',
    "ERROR: relation x does not exist": "ERROR: relation x does not exist",
    "https://release-hub.monqlab.com/token": "https://release-hub.monqlab.com/token",
    '{"token":null,"service":"pl-a"}': '{"token":********,"service":"pl-a"}',
}


@pytest.mark.parametrize("given", TEXTS)
def test_a_text(given):
    assert redact(given) == TEXTS[given]
    assert redact(TEXTS[given]) == TEXTS[given], "twice is once"


def test_the_secrets_of_an_environment():
    given = {"HTTPS_PROXY": "http://user:p@ss@proxy:3128", "LANG": "C", "MONQ_TOKEN": "abc", "EMPTY_TOKEN": ""}
    assert sorted(redaction.of_environment(given)) == ["abc", "p@ss"]


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
        ("ERROR: duplicate key\nDETAIL:  Key (token)=(abc123) already exists.\nHINT: x", f"ERROR: duplicate key\nDETAIL:  {MASK}\nHINT: x"),
        ("QUERY:  UPDATE users SET hash = 'x'", f"QUERY:  {MASK}"),
        ("pl-db-password: x1", f"pl-db-password: {MASK}"),
        ("Error: invalid token 'abc-1' (401)", f"Error: invalid token '{MASK}' (401)"),
        ('password "x" rejected', f'password "{MASK}" rejected'),
        ("unknown token 0a1b2c3d4e5f60718293", f"unknown token {MASK}"),
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
        "the token was refused", "password authentication failed for user", 'the registry-token "a b"', "token pl-microservice-registry-api-service",
        "pl-token-service: CrashLoopBackOff", "registry/pl-token-service:6.0",
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
    ("name", "secret"),
    [
        ("DB_PASSWORD", True), ("apiKey", True), ("SECURE_TOKEN", True), ("pl-db-password", True),
        ("secretName", False), ("REPLICAS", False), ("pl-token-service", False),
    ],
)  # fmt: skip
def test_names(name, secret):
    assert looks_secret(name) == secret


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "token" * 20_000, "x" * 100_000 + '":', "--" + "a-" * 50_000, "a:" * 50_000, '"' * 50_000], ids=lambda t: t[:6]
)
def test_a_long_line_costs_little(text):
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 10
