"""Secrets: used by a call of the vendor's client, and never shown."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.arguments import known_secrets
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.live_progress import LiveProgress
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from ansible_collections.monq.platform.plugins.module_utils.monqctl.registry import RegistryReplicas
from ansible_collections.monq.platform.plugins.module_utils.process import Result
from fake_monqctl import CALL
from repository import SHIPPED_RULES as RULES


@pytest.mark.parametrize(
    "answer",
    [
        Result(0, "token s3cret set", "s3cret again", False),
        Result(1, "bad token s3cret", "error s3cret", False),
        Result(0, "error: s3cret", "", False),
    ],
)
def test_a_secret_is_used_and_never_shown(client, runner, answer):
    """trap 7"""
    runner.answers["credential"] = answer
    argv = ["credential", "set", "--registry-token", "{secret}"]
    try:
        shown = client.change(argv, "s3cret")
    except CommandError as exc:
        shown = str(exc) + repr(exc.result()) + repr(exc.args)
    assert runner.calls[-1] == ["credential", "set", "--registry-token", "s3cret"]
    assert "s3cret" not in shown and "********" in shown
    assert argv[-1] == "{secret}"


def test_what_looks_like_somebody_elses_secret_is_not_shown(client, runner):
    """monqctl reads the registry's settings, and may quote them."""
    runner.answers["instance"] = Result(1, "Host=db;Password=p@ss/w0rd;Port=5432", "", False)
    with pytest.raises(CommandError) as caught:
        client.change(CALL)
    assert "p@ss" not in str(caught.value) + repr(caught.value.result()) and "Port=5432" in str(caught.value)
    runner.answers["instance"] = Result(0, "https://u:p@ss/w0rd@db is used", "", False)
    assert client.change(CALL).strip() == "https://u:********@db is used"


def test_the_secrets_of_the_environment_are_not_shown(runner, tmp_path):
    environment = {"HTTPS_PROXY": "http://u:pr0xy@proxy", "X_TOKEN": "t0ken", "LANG": "C"}
    secrets = known_secrets({"monqctl_environment": json.dumps(environment)})
    client = Monqctl("monqctl", str(tmp_path), environment, context="production", runner=runner, secrets=secrets)
    runner.answers["instance"] = Result(1, "proxy said pr0xy, hub said t0ken, LANG C", "", False)
    with pytest.raises(CommandError, match="proxy said \\*{8}, hub said \\*{8}, LANG C"):
        client.change(CALL)


# ---- the secrets of the operator's variables


KNOWN = ["p&hunter2x", "t'o;ken x", "abc", ""]


@pytest.fixture
def knowing(runner, tmp_path):
    return Monqctl("monqctl", str(tmp_path), {}, 600, "production", RULES, runner, secrets=KNOWN)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (
            Result(1, "Host=db;Password=p&hunter2x;Port=5432", "bare p&hunter2x", False),
            "Host=db;Password=********;Port=5432\n    bare ********",
        ),
        (Result(1, "", "password='t''o;ken x' p%26hunter2x", False), "password='********' ********"),
        (Result(0, "error: p\\u0026hunter2x", "", False), "the output says: error: ********"),
        (Result(1, "", "abc is too short to be looked for", False), "abc is too short"),
        (
            Result(1, "", "psql: ERROR: x\n  Detail: Failing row (hunter)\nhunter", False),
            "psql: ERROR: x\n      Detail: ********\n  next",
        ),
    ],
)
def test_every_call_knows_the_secrets_of_the_operators_variables(knowing, runner, answer, shown):
    """trap 7: a call of SQL is given no secret, and may quote the database's password; its first line goes to the
    ledger"""
    runner.answers["release"] = answer
    with pytest.raises(CommandError) as caught:
        knowing.change(["release", "update", "db", "pgsql", "--module=pl"])
    told = str(caught.value) + repr(caught.value.result())
    assert shown in str(caught.value) and not [part for part in ("hunter", "o;ken") if part in told]


def test_what_a_call_prints_when_it_is_done_is_shown_without_them_too(knowing, runner):
    runner.answers["instance"] = Result(0, "as p&hunter2x", "", False)
    assert knowing.change(CALL) == "as ********"


def test_an_odd_answer_and_an_odd_context_are_shown_without_them(knowing, runner):
    runner.answers["registry"] = Result(0, "no JSON, but p&hunter2x", "", False)
    with pytest.raises(CommandError, match=r"no JSON, but \*{8}'"):
        knowing.read_json("registry", "get", "x")
    runner.answers["config"] = Result(0, "p&hunter2x", "", False)
    with pytest.raises(CommandError, match=r"seen: \*{8}\n"):
        knowing.change(CALL)
    runner.answers["config"], runner.answers["instance"] = (
        Result(0, "production", "", False),
        Result(1, "", "no", False),
    )
    with pytest.raises(CommandError, match=r"monqctl instance \*{8} failed"):
        knowing.change(["instance", "p&hunter2x"])


def test_a_failure_is_judged_as_it_was_printed(runner, tmp_path):
    """a password that is a word of the rules must not make a failure look done"""
    client = Monqctl("monqctl", str(tmp_path), {}, 600, "production", RULES, runner, secrets=["error"])
    runner.answers["instance"] = Result(0, "error: x", "", False)
    with pytest.raises(CommandError, match=r"the output says: \*{8}: x\n"):
        client.change(CALL)


def test_the_registrys_odd_entries_are_shown_without_secrets(runner, tmp_path):
    client = Monqctl("monqctl", str(tmp_path), {}, 600, "production", RULES, runner, secrets=["hunter2x"])
    rows = '[{"name": "a", "replicas": "hunter2x", "env": [{"name": "DB_PASSWORD", "value": "theirs"}]}]'
    runner.answers["registry"] = Result(0, rows, "", False)
    commands = {
        "list": {"argv": ["registry", "get", "microservices"], "query": "[]"},
        "get": {"argv": ["registry", "get", "{name}"], "query": "x"},
    }
    for call in (
        RegistryReplicas(client, commands).counts,
        lambda: RegistryReplicas(client, commands).put([("a", 0, 1)]),
    ):
        with pytest.raises(CommandError) as caught:
            call()
        assert "********" in str(caught.value) and not [
            part for part in ("hunter2x", "theirs") if part in str(caught.value)
        ]


def test_the_last_line_is_said_without_the_calls_secret(tmp_path):
    said, progress = [], LiveProgress()
    progress.say = said.append

    def runner(argv, env, timeout, watch=None):
        if watch:
            watch(1, 3, b"storing s3cret-of-the-call\n")
        return Result(0, "credential set\n", "", False)

    client = Monqctl("monqctl", str(tmp_path), {}, 60, "production", RULES, runner, progress=progress)
    client.change(["config", "set-credential", "--token={secret}"], "s3cret-of-the-call", in_context=False)
    assert said == ["monqctl config set-credential --token=********", "monqctl: storing ********"]
    said.clear()
    client.read("version")
    assert said == [], "reading calls are short"
