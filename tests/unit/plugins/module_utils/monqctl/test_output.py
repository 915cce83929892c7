"""What is found in what monqctl prints."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.monqctl import output
from ansible_collections.monq.platform.plugins.module_utils.monqctl.rules import Rules
from ansible_collections.monq.platform.plugins.module_utils.terminal import clean
from repository import RELEASE, SHIPPED_RULES

RULES = Rules(SHIPPED_RULES)
IGNORED = RELEASE["ignored_status"]


def healthy(text, ignored=IGNORED, secrets=()):
    return output.healthy_status(RULES, clean(text), ignored, secrets)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("monqctl version v1.1.2", (1, 1, 2)),
        ("v1.10.0\nbuilt with go1.20.3", (1, 10, 0)),
        ("monqctl 1.1.2-rc1 (abc)", (1, 1, 2)),
        (".NET 6.0.9, monqctl v1.0.9", (1, 0, 9)),
        ("Monq CLI\n  Version: 1.17.3\n  Runtime: .NET 8.0.1", (1, 17, 3)),
        ("\ufeff\x1b[1mmonqctl\x1b[0m\r\nversion v1.1.2", (1, 1, 2)),
        ("v1.1.2\na newer version v1.17.3 is available", (1, 1, 2)),
        ("usage: monqctl\nv1.1.2", (1, 1, 2)),
        ("Версия: 1.1.2", (1, 1, 2)),
    ],
)
def test_version(text, expected):
    assert output.version(RULES, clean(text)) == expected


@pytest.mark.parametrize("text", ["", "\n", "monqctl", "v1.1", "usage: monqctl", ".NET 6.0.9"])
def test_a_version_that_is_none_is_an_error(text):
    """trap 22"""
    with pytest.raises(CommandError) as caught:
        output.version(RULES, clean(text))
    assert "monq_client_rules" in str(caught.value) and "version.answer.named" in str(caught.value)


def table(*rows):
    line = "-------------------------"
    return "\n".join([line, *(f"{name} | {state}\n{line}" for name, state in rows), ""])


@pytest.mark.parametrize(
    "rows", [[("Consul", "Failed"), ("K8s", "OK")], [("K8s", "OK")], [("K8s", "Healthy"), ("Redis", "Up")]]
)
def test_consul_alone_may_fail(rows):
    """trap 28"""
    assert healthy(table(*rows)) == dict(rows)


@pytest.mark.parametrize(
    "state", ["Failed", "FAILED", "failed: no route", "Error", "Unhealthy", "Down", "Unavailable", "Critical"]
)
@pytest.mark.parametrize("name", ["PostgreSQL", "consul", "Consul2"])
def test_any_other_failed_row_stops(name, state):
    """trap 28"""
    with pytest.raises(CommandError) as caught:
        healthy(table(("Consul", "Failed"), (name, state), ("K8s", "OK")))
    assert f"{name}: {state}" in str(caught.value) and "Consul: Failed" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "everything is fine"])
def test_a_status_without_rows_is_not_healthy(text):
    """trap 16"""
    with pytest.raises(CommandError) as caught:
        healthy(text)
    assert "cannot be read" in str(caught.value)


@pytest.mark.parametrize(("text", "expected"), [("{}", {}), (" [1]\n", [1]), ('{"Имя": "К8s"}', {"Имя": "К8s"})])
def test_json_reply(text, expected):
    assert output.json_reply(text, "x") == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [("", "nothing"), ("  \n\t", "nothing"), ("error: no", "did not return JSON"), ('{"a": ', "did not return")],
)
def test_an_empty_or_broken_reply_is_an_error_and_no_empty_object(text, word):
    """trap 16"""
    with pytest.raises(CommandError) as caught:
        output.json_reply(text, "monqctl registry get services K8s")
    assert word in str(caught.value) and "registry get services K8s" in str(caught.value)


def test_tail():
    assert output.tail("a\nb\nc\n\n", 2) == "b\nc"
    assert output.tail("") == ""


def test_a_status_is_judged_as_it_is_and_shown_without_secrets():
    found = healthy(table(("db", "OK at hunter2x"), ("K8s", "OK")), [], ["hunter2x"])
    assert found == {"db": "OK at ********", "K8s": "OK"}
    for text in (table(("db", "Failed: password=theirs hunter2x")), "--- hunter2x\n", "password=theirs"):
        with pytest.raises(CommandError) as caught:
            healthy(text, [], ["hunter2x"])
        assert "********" in str(caught.value) and not [
            part for part in ("hunter2x", "theirs") if part in str(caught.value)
        ]


def test_a_version_that_is_none_is_shown_without_secrets():
    with pytest.raises(CommandError, match=r"'no \*{8}'"):
        output.version(RULES, "no hunter2x", ["hunter2x"])
