"""The vendor's client: how a call is made and judged, what goes through files, the mark of a home."""

from __future__ import annotations

import os
import socket
import stat

import pytest
from ansible_collections.monq.platform.plugins.module_utils import private_file
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from ansible_collections.monq.platform.plugins.module_utils.process import Result
from fake_monqctl import CALL, OK
from repository import SHIPPED_RULES as RULES


def test_environment_home_and_timeout(client, runner, tmp_path):
    client.change(CALL)
    assert runner.env == {"HTTPS_PROXY": "x", "HOME": str(tmp_path)} and runner.timeout == 600
    client.read("version")
    assert runner.timeout == 120  # a reading call that hangs does not take an hour


def test_home_defaults_to_the_users(monkeypatch):
    monkeypatch.setenv("HOME", "/home/op")
    assert Monqctl().home == "/home/op" and Monqctl(home="~/monq").home == "/home/op/monq"


# ---- judging


@pytest.mark.parametrize(
    ("answer", "unknown", "says"),
    [
        pytest.param(Result(3, "", "boom", False), False, "exit status 3", id="an honest status"),
        pytest.param(
            Result(0, "fine\nERROR: not so\n", "", False), True, "the output says: ERROR: not so", id="trap 36: a lie"
        ),
        pytest.param(
            Result(0, "50 %\r\x1b[31mERROR: not so\x1b[0m\r\n", "", False),
            True,
            "the output says: ERROR: not so",
            id="a lie in colour, behind a progress bar",
        ),
        pytest.param(
            Result(0, "fine", "error on stderr", False), True, "the output says: error on stderr", id="a lie on stderr"
        ),
        pytest.param(Result(-9, "half", "", True), True, "timed out after 600 s", id="timeout"),
        pytest.param(Result(0, "whole", "", True), True, "timed out after 600 s", id="timeout, whatever the status"),
        pytest.param(Result(-15, "", "", False), True, "killed by signal 15", id="signal"),
    ],
)
def test_how_a_call_fails(client, runner, answer, unknown, says):
    """traps 13, 35, 36"""
    runner.answers["instance"] = answer
    with pytest.raises(CommandError) as caught:
        client.change(CALL)
    assert caught.value.unknown is unknown
    for word in (
        says,
        "monqctl instance clear cache --microservice=pl-i18n-service failed",
        "context production",
        "next:",
    ):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("ERROR:  relation exists", True),
        ("server closed the connection unexpectedly", True),
        ("unexpected EOF", True),
        ("Error: no connection", True),
        ("", True),
        ("CREATE TABLE\ndial tcp 10.0.0.1:5432: connect: connection refused", True),
        ("\ndial tcp 10.0.0.1:5432: connect: connection refused", False),
        ('connection to server at "db", port 5432 failed: FATAL:  the database system is starting up', False),
    ],
)
def test_an_sql_call_that_failed_is_unknown_unless_it_never_began(runner, tmp_path, text, unknown):
    """trap 36: half of a file may be applied, whatever the status"""
    client = Monqctl("monqctl", str(tmp_path), {}, 600, "production", RULES, runner)
    runner.answers["release"] = Result(1, "", text, False)
    with pytest.raises(CommandError) as failed:
        client.change(["release", "update", "db", "pgsql", "--module=pl"])
    assert failed.value.unknown is unknown


def test_a_program_that_is_not_there_has_done_nothing(client, runner):
    runner.answers["config"] = CommandError("the program cannot be started", "/opt/monqctl")
    with pytest.raises(CommandError) as caught:
        client.change(CALL)
    assert caught.value.unknown is False


@pytest.mark.parametrize(
    "answer", [Result(1, "", "no", False), Result(0, "error: no", "", False), Result(0, "{}", "", True)]
)
def test_reads_are_judged_too(client, runner, answer):
    runner.answers["registry"] = answer
    with pytest.raises(CommandError):
        client.read_json("registry", "get", "services", "K8s", "--output", "json")


def test_a_readers_stderr_is_no_json(client, runner):
    runner.answers["registry"] = Result(0, '{"a": 1}', "deprecated", False)
    assert client.read_json("registry", "get", "x") == {"a": 1}


# ---- files


@pytest.mark.parametrize("answer", [OK, Result(1, "", "no", False), CommandError("cannot be started")])
def test_content_goes_through_a_private_file_that_does_not_stay(client, runner, tmp_path, answer):
    seen = []

    def look(argv):
        if argv[1] == "registry":
            path = argv[-1]
            with open(path, encoding="utf-8") as file:
                seen.append((path, stat.S_IMODE(os.stat(path).st_mode), file.read()))

    runner.seen, runner.answers["registry"] = look, answer
    argv = ["registry", "apply", "service", "K8s", "--file", "{file}"]
    if answer is OK:
        client.change(argv, content='{"Имя": "K8s"}')
    else:
        with pytest.raises(CommandError):
            client.change(argv, content='{"Имя": "K8s"}')
    ((path, mode, text),) = seen
    assert (mode, text) == (0o600, '{"Имя": "K8s"}') and os.path.dirname(path) == str(tmp_path)
    assert os.listdir(tmp_path) == []


def test_without_content_there_is_no_file(client, runner, tmp_path):
    runner.seen = lambda argv: os.listdir(tmp_path) == [] or pytest.fail("a file")
    client.change(CALL)


def test_a_changing_call_removes_what_a_killed_run_left(client, runner, tmp_path):
    left = tmp_path / f".monq-{socket.gethostname()}-999999999-x.json"
    left.write_text("{}")
    client.change(CALL)
    assert not left.exists()


def test_an_unguarded_context_comes_before_the_file(client, runner, tmp_path):
    runner.answers["config"] = Result(0, "staging", "", False)
    runner.seen = lambda argv: os.listdir(tmp_path) == [] or pytest.fail("a file")
    with pytest.raises(CommandError):
        client.change(["registry", "apply", "service", "K8s", "--file", "{file}"], content="{}")


def test_a_file_that_cannot_be_written_leaves_nothing_unknown(client, runner, monkeypatch):
    def full(**_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file.tempfile, "mkstemp", full)
    with pytest.raises(CommandError, match="cannot write a temporary file") as failed:
        client.change(["registry", "apply", "service", "K8s", "--file", "{file}"], content="{}")
    assert failed.value.unknown is False and [call[0] for call in runner.calls] == ["config"]


# ---- the mark of a home


def test_a_home_is_marked_once(client, tmp_path):
    """trap 47"""
    assert client.marker() is None
    mark = client.make_marker()
    assert len(mark) == 32 and client.marker() == client.make_marker() == mark
    assert os.listdir(tmp_path) == [".monq-platform-home"]


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_mark_is_none(client, tmp_path, text):
    (tmp_path / ".monq-platform-home").write_text(text)
    assert client.marker() is None and client.make_marker() == client.marker() != ""


def test_a_home_that_is_not_there_is_made_private(tmp_path):
    home = tmp_path / "a" / "b"
    assert Monqctl(home=str(home)).marker() is None and not home.exists()
    Monqctl(home=str(home)).make_marker()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
