"""What is taken out of a text before anybody sees it."""

from __future__ import annotations

import base64
import json
import re
import time
from urllib.parse import quote, quote_plus

import pytest
from ansible_collections.monq.platform.plugins.module_utils.redaction import text as redaction
from ansible_collections.monq.platform.plugins.module_utils.redaction.encodings import MASK, forms
from ansible_collections.monq.platform.plugins.module_utils.redaction.text import Known, looks_secret, redact

SECRET = "p@ss/\"w+rd%é&'<\\ 🔑"
NET = r"p@ss/\u0022w\u002Brd%\u00E9\u0026\u0027\u003C\\ \uD83D\uDD11"
GO = r"""p@ss/\"w+rd%é\u0026'\u003c\\ 🔑"""

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
    "repr of bytes": repr(SECRET.encode()),
    "ASCII alone": ascii(SECRET),
    "System.Text.Json": NET,
    "System.Text.Json in JSON": json.dumps(NET),
    "Go's JSON": GO,
    "Go's JSON in JSON": json.dumps(GO, ensure_ascii=False),
    "JSON in JSON": json.dumps(json.dumps(SECRET)),
    "JSON in JSON, escaped slashes": json.dumps(json.dumps(SECRET)).replace("/", "\\/"),
    "SQL": SECRET.replace("'", "''"),
    "libpq": SECRET.replace("\\", "\\\\").replace("'", "\\'"),
    "URL, small letters": re.sub("%..", lambda found: found.group(0).lower(), quote(SECRET, safe="")),
    "URL, form": quote_plus(SECRET),
    "URL, Go's password": quote(SECRET, safe="$&+,;="),
    "URL, JavaScript": quote(SECRET, safe="!'()*"),
    "base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode(),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_known_secret_goes_in_every_form(form):
    shown = Known([SECRET, ""]).mask(f"Error: <{WRITTEN[form]}> was refused")
    assert shown.startswith("Error: <") and shown.endswith("> was refused") and MASK in shown
    assert not [other for other in WRITTEN.values() if other in shown] and "w+rd" not in shown


@pytest.mark.parametrize(
    ("text", "secrets", "expected"),
    [("a b", ["", None], "a b"), ("a b a", ["a"], "******** b ********"), ("ab", ["a", "b"], "****************")],
)
def test_mask(text, secrets, expected):
    assert Known(secrets).mask(text) == expected


TEXTS = {
    'Host=db;Password=p@ss/"w+rd;Port=5432': "Host=db;Password=********;Port=5432",
    "password='a b' next": "password='********' next",
    "--registry-token=abc --file x": "--registry-token=******** --file x",
    '{"token": "a\\"b", "name": "x"}': '{"token": "********", "name": "x"}',
    '{\\"Password\\":\\"abc\\"}': '{\\"Password\\":\\"********\\"}',
    "{'apiKey': 'abc'}": "{'apiKey': '********'}",
    "Authorization: Bearer eyJhbGciOi.abc-_": "Authorization: ********",
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
        (
            "ERROR: duplicate key\nDETAIL:  Key (token)=(abc123) already exists.\nHINT: x",
            f"ERROR: duplicate key\nDETAIL:  {MASK}\nHINT: x",
        ),
        ("QUERY:  UPDATE users SET hash = 'x'", f"QUERY:  {MASK}"),
        ("pl-db-password: x1", f"pl-db-password: {MASK}"),
        ("Error: invalid token 'abc-1' (401)", f"Error: invalid token '{MASK}' (401)"),
        ('password "x" rejected', f'password "{MASK}" rejected'),
        ("unknown token 0a1b2c3d4e5f60718293", f"unknown token {MASK}"),
        ("passwd=x pwd=y api-key=z", f"passwd={MASK} pwd={MASK} api-key={MASK}"),
        (
            "monqctl config set releasehub monq --token abc --server x",
            f"monqctl config set releasehub monq --token {MASK} --server x",
        ),
        ("--registry-token=abc", f"--registry-token={MASK}"),
        ("postgresql://monq:p@ss:w@db:5432/x", f"postgresql://monq:{MASK}@db:5432/x"),
        ("Authorization: Bearer abc.def-ghi", f"Authorization: {MASK}"),
        ("> Authorization: Token abc\n> Host: x", f"> Authorization: {MASK}\n> Host: x"),
        ("curl -H 'Authorization: ApiKey abc def' https://x", f"curl -H 'Authorization: {MASK}' https://x"),
        ('{"Authorization": "Token abc", "a": 1}', f'{{"Authorization": "{MASK}", "a": 1}}'),
        ("map[Authorization:[Token abc]]", f"map[Authorization:{MASK}"),
        ("Host=x;Password=p&q r;Port=1", f"Host=x;Password={MASK};Port=1"),
        ("password='it''s mine' next", f"password='{MASK}' next"),
        (r"{'password': 'it\'s mine'}", f"{{'password': '{MASK}'}}"),
        ('password="cut off', f'password="{MASK}"'),
        (r'"{\"Password\":\"a\\\"b c\",\"x\":1}"', rf'"{{\"Password\":\"{MASK}\",\"x\":1}}"'),
        ("signing-key: abc", f"signing-key: {MASK}"),
        ("SENTRY_DSN=https://abc@sentry/1", f"SENTRY_DSN={MASK}"),
        ("sent bearer abcdef12", f"sent bearer {MASK}"),
        ("got eyJhbGciOi.eyJzdWIiOi.sflKxw here", f"got {MASK} here"),
        (f"key {PEM} end", f"key {MASK} end"),
        ("cut -----BEGIN PRIVATE KEY-----\nMIIab", f"cut {MASK}"),
        (base64.b64encode(PEM.encode()).decode(), MASK),
        ("https://hub/x?token=abc&v=1", f"https://hub/x?token={MASK}&v=1"),
    ],
)
def test_redact_hides(text, expected):
    assert redact(text) == expected
    assert redact(expected) == expected, "twice is once"


@pytest.mark.parametrize(
    "text",
    [
        "relation pl_users does not exist",
        'Secret "tls" not found',
        "the password is wrong",
        "invalid token",
        "secretName: monq-tls",
        "prepare.registry_token.secret: done",
        "token:\n  next line",
        "http://registry.api.monq.local:8080/status",
        "image registry/a:6.0.0@sha256:abc",
        "",
        "the token was refused",
        "password authentication failed for user",
        'the registry-token "a b"',
        "token pl-microservice-registry-api-service",
        "pl-token-service: CrashLoopBackOff",
        "registry/pl-token-service:6.0",
    ],
)
def test_redact_leaves_what_explains_a_failure(text):
    assert redact(text) == text


NAMED = [
    (
        '400: {"Parameters":[{"Name":"%SmtpPassword%","Value":"hunter2x"}]}',
        '400: {"Parameters":[{"Name":"%SmtpPassword%","Value":"********"}]}',
    ),
    (
        '{"Name": "%SmtpPassword%", "Type": "text", "Value": "a\\"b c"}',
        '{"Name": "%SmtpPassword%", "Type": "text", "Value": "********"}',
    ),
    ('{"Name":"%SmtpPin_Token%","Value":1234}', '{"Name":"%SmtpPin_Token%","Value":********}'),
    ('{"Name":"%Tokens%","Value":["a","b"]}', '{"Name":"%Tokens%","Value":********}'),
    (
        r'"{\"Name\":\"%SmtpPassword%\",\"Value\":\"a\\\"b c\"}"',
        r'"{\"Name\":\"%SmtpPassword%\",\"Value\":\"********\"}"',
    ),
    (
        "- name: DB_PASSWORD\n  value: hunter2 and more\n- name: X\n  value: y",
        "- name: DB_PASSWORD\n  value: ********\n- name: X\n  value: y",
    ),
    (
        "- name: A_KEY_TOKEN\n  value: |-\n    hunter2\n    and on\n- name: X",
        "- name: A_KEY_TOKEN\n  value: ********\n- name: X",
    ),
    (
        "data:\n  password: |\n    hunter2\n    and on\n  other: |\n    shown",
        "data:\n  password: ********\n  other: |\n    shown",
    ),
    ("env:\n  - name: 'A_TOKEN'\n    value: 'a b'\n", "env:\n  - name: 'A_TOKEN'\n    value: '********'\n"),
    (
        "env: [{A 1 nil} {Name:DB_PASSWORD Value:hunter2 x ValueFrom:nil} {Name:X Value:y}]",
        "env: [{A 1 nil} {Name:DB_PASSWORD Value:******** ValueFrom:nil} {Name:X Value:y}]",
    ),
    ("[{Name:X Value:y} {Name:DB_PASSWORD Value:hunter2}]", "[{Name:X Value:y} {Name:DB_PASSWORD Value:********}]"),
    (
        "[{'name': 'A', 'value': 'b'}, {'name': 'DB_PASSWORD', 'value': 'a b'}]",
        "[{'name': 'A', 'value': 'b'}, {'name': 'DB_PASSWORD', 'value': '********'}]",
    ),
    ('{"Value":"hunter2","Name":"%SmtpPassword%"}', '{"Value":"********","Name":"%SmtpPassword%"}'),
    (
        '[{"value": "b", "name": "A"}, {"value": "a b", "type": 1, "key": "DbPassword"}]',
        '[{"value": "b", "name": "A"}, {"value": "********", "type": 1, "key": "DbPassword"}]',
    ),
    ("{'Value': 'it', 'Name': 'Sentry Dsn'}", "{'Value': '********', 'Name': 'Sentry Dsn'}"),
    ("key=db_password value=hunter2 other=x", "key=db_password value=******** other=x"),
]


@pytest.mark.parametrize(("text", "expected"), NAMED)
def test_a_value_is_hidden_by_the_name_beside_it(text, expected):
    assert redact(text) == expected
    assert redact(expected) == expected, "twice is once"


@pytest.mark.parametrize(
    "text",
    [
        '{"Name":"%imagePullSecrets%","Value":"registry"}',
        '{"Value":"registry","Name":"%imagePullSecrets%"}',
        '{"Name":"%SmtpHost%","Value":"mail"}',
        '[{"Name":"%SmtpPassword%"},{"Value":"x","Name":"A"}]',
        "- name: DB_PASSWORD\n  valueFrom:\n    x: y\n- name: X\n  value: y",
        "{Name:pl-token-service Value:up}",
        "secretName: a\nvalue: b",
        "- name: A\n  value: b\n- name: DB_PASSWORD\n  valueFrom: c",
    ],
)
def test_a_harmless_name_leaves_its_value(text):
    assert redact(text) == text


@pytest.mark.parametrize("secret", ["p@ss w/rd+é", "0123456789abcdef", 'quote"d\\x'])
def test_a_known_secret_is_found_in_every_spelling(secret):
    data = secret.encode()
    spellings = [secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote(secret)]
    spellings += [
        base64.b64encode(b"x" * shift + data + b"y" * rest).decode() for shift in range(5) for rest in range(4)
    ]
    for text in [*spellings, base64.b64encode(data).decode()]:
        hidden = redact(f"a {text} b", [secret])
        assert MASK in hidden and not any(form in hidden for form in forms(secret)), text


@pytest.mark.parametrize("before", [b"", b"u", b"u:", b"u:u"])
def test_no_end_of_it_stays_in_base64(before):
    for secret in ("0123456789abcdef", "0123456789abcde", "0123456789abcd"):
        left = redact(base64.b64encode(before + secret.encode()).decode(), [secret]).replace(MASK, "").rstrip("=")
        assert len(left) <= 4, "of what stands before it"


@pytest.mark.parametrize("secret", ["", None, "abc"])
def test_what_is_too_short_to_be_a_secret_blots_nothing_out(secret):
    assert redact("abcabc", [secret]) == "abcabc"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("DB_PASSWORD", True),
        ("apiKey", True),
        ("SECURE_TOKEN", True),
        ("pl-db-password", True),
        ("secretName", False),
        ("REPLICAS", False),
        ("pl-token-service", False),
        ("signingKey", True),
        ("ENCRYPTION_KEY", True),
        ("master-key", True),
        ("AccountKey", True),
        ("license.key", True),
        ("SharedKey", True),
        ("AES_KEY", True),
        ("hmac__key", True),
        ("jwtKey", True),
        ("SENTRY_DSN", True),
        ("sentryDsn", True),
        ("dsn", True),
        ("SALT", True),
        ("hash.salt", True),
        ("PasswordSalt", True),
        ("default", False),
        ("result", False),
        ("salted-service", False),
        ("basalt", False),
        ("AdsNetwork", False),
        ("pl-salt-service", False),
        ("upgrade.pl.cache.pl-license-key-service", False),
        ("keyboard", False),
        ("monkey", False),
    ],
)
def test_names(name, secret):
    assert looks_secret(name) == secret


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "token" * 20_000,
        "x" * 100_000 + '":',
        "--" + "a-" * 50_000,
        "a:" * 50_000,
        '"' * 50_000,
        "'" * 50_000,
        '\\"' * 50_000,
        "password='" * 10_000,
        'password=\\"\\' * 10_000,
        "password=" * 10_000,
        "password=a;" * 10_000,
        "name:" * 20_000,
        "name:" + "x" * 100_000,
        ("name:" + "x" * 128) * 800,
        "name=a " * 15_000,
        '"name":"a",' * 10_000,
        '{"name":"a",' * 10_000,
        "key:a " + "value" * 20_000,
        "name: a\nvalue: " + "b " * 50_000,
        '"value":"a",' * 10_000,
        '"value":"a" ' + "'" * 50_000,
        "value:" * 20_000,
        "authorization:" * 10_000,
        "DETAIL: " * 15_000,
        "DETAIL: x\n" * 10_000,
        " " * 100_000 + "DETAIL",
        "\n" * 100_000,
        "2026-01-01 " * 10_000,
        "LINE " + "1" * 100_000,
        "a: |\n" * 20_000,
        "token: |\n" + " x\n" * 30_000,
        " " * 50_000 + "a: |" + " " * 50_000,
        "DETAIL: x\n" + ("ERROR" + " " * 10_000) * 9,
    ],
    ids=lambda t: t[:12],
)
def test_a_long_line_costs_little(text):
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 10
