"""The vendor's client with a runner that only remembers."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import stat
import threading
from time import sleep as real_sleep

import pytest
from ansible_collections.monq.platform.plugins.module_utils import private_file
from ansible_collections.monq.platform.plugins.module_utils.arguments import known_secrets
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError, LockError
from ansible_collections.monq.platform.plugins.module_utils.monqctl import client as monqctl_client
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from ansible_collections.monq.platform.plugins.module_utils.monqctl.registry import RegistryReplicas
from ansible_collections.monq.platform.plugins.module_utils.process import Result

CONTEXT = ["config", "current-context"]
CALL = ["instance", "clear", "cache", "--microservice=pl-i18n-service"]
OK = Result(0, "cleared\n", "", False)
PATTERNS = {"*": [r"(?im)^error"]}


class Runner:
    """Answers by the first words of argv; a list is answered one by one."""

    def __init__(self, **_ignored):
        self.calls, self.answers, self.seen = [], {"config": Result(0, "production\n", "", False)}, lambda argv: None

    def __call__(self, argv, env=None, timeout=None):
        self.calls.append(argv[1:])
        self.env, self.timeout, self.path = env, timeout, argv[0]
        self.seen(argv)
        answer = self.answers.get(argv[1], OK)
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def runner():
    return Runner()


@pytest.fixture
def client(runner, tmp_path):
    return Monqctl(
        "/opt/monqctl", str(tmp_path), {"HTTPS_PROXY": "x", "HOME": "/elsewhere"}, 600, "production", PATTERNS, runner
    )


def test_the_context_is_asked_right_before_every_changing_call(client, runner):
    """trap 11"""
    assert client.change(CALL) == "cleared\n"
    client.change(CALL)
    assert runner.calls == [CONTEXT, CALL, CONTEXT, CALL]
    assert runner.path == "/opt/monqctl"


def test_a_context_that_is_switched_between_two_steps_is_noticed(client, runner):
    """trap 11"""
    runner.answers["config"] = [Result(0, "production\n", "", False), Result(0, "staging\n", "", False)]
    client.change(CALL)
    with pytest.raises(CommandError) as caught:
        client.change(CALL)
    assert runner.calls == [CONTEXT, CALL, CONTEXT]
    assert "expected: production" in str(caught.value) and "seen: staging" in str(caught.value)
    assert "monqctl config use-context production" in str(caught.value) and caught.value.unknown is False


@pytest.mark.parametrize("seen", ["", "\n", "production2", "Production", "production staging"])
def test_only_the_very_context_will_do(client, runner, seen):
    runner.answers["config"] = Result(0, seen, "", False)
    with pytest.raises(CommandError):
        client.change(CALL)
    assert runner.calls == [CONTEXT]


@pytest.mark.parametrize(
    "answer",
    [Result(-9, "", "", True), Result(-9, "", "", False), Result(1, "", "no", False), Result(0, "error: x", "", False)],
)
def test_a_context_that_cannot_be_asked_leaves_the_call_undone(client, runner, answer):
    """the call was not begun, and that is known"""
    runner.answers["config"] = answer
    with pytest.raises(CommandError) as caught:
        client.change(CALL)
    assert runner.calls == [CONTEXT] and caught.value.unknown is False


def test_the_calls_that_make_the_context_are_not_guarded_by_it(client, runner):
    client.change(["config", "use-context", "production"], in_context=False)
    assert runner.calls == [["config", "use-context", "production"]]


APPLY = ["registry", "apply", "microservice", "a"]


def test_a_batch_asks_for_the_context_before_its_first_call_and_after_its_last(client, runner):
    with client.batch() as written:
        for name in "abc":
            written(name)
            client.change([*APPLY[:3], name], in_context=False)
    assert runner.calls == [CONTEXT, *([*APPLY[:3], name] for name in "abc"), CONTEXT]


@pytest.mark.parametrize("fails", [False, True])
def test_a_context_that_is_switched_during_a_batch_is_told_with_what_was_written(client, runner, fails):
    """trap 11: whether a call has failed or none"""
    with (
        pytest.raises(CommandError, match="was switched while counts were written") as caught,
        client.batch() as written,
    ):
        written("a")
        client.change(APPLY, in_context=False)
        runner.answers["config"] = Result(0, "staging\n", "", False)
        written("b")
        if fails:
            raise CommandError("monqctl failed", seen="not found")
    assert "staging" in caught.value.seen and caught.value.seen.endswith("a, b")


def test_a_call_that_fails_in_a_batch_is_its_error(client):
    with pytest.raises(CommandError, match="monqctl failed"), client.batch():
        raise CommandError("monqctl failed")


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
            Result(0, "fine\nERROR: not so\n", "", False), True, "its output says: ERROR: not so", id="trap 36: a lie"
        ),
        pytest.param(
            Result(0, "fine", "error on stderr", False), True, "its output says: error on stderr", id="a lie on stderr"
        ),
        pytest.param(Result(-9, "half", "", True), True, "no end after 600 s", id="timeout"),
        pytest.param(Result(0, "whole", "", True), True, "no end after 600 s", id="timeout, whatever the status"),
        pytest.param(Result(-15, "", "", False), True, "ended by signal 15", id="signal"),
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


# ---- secrets and files


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


KNOWN = ["p&hunter2x", "t'o;ken x", "abc", ""]


@pytest.fixture
def knowing(runner, tmp_path):
    return Monqctl("monqctl", str(tmp_path), {}, 600, "production", PATTERNS, runner, secrets=KNOWN)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (
            Result(1, "Host=db;Password=p&hunter2x;Port=5432", "bare p&hunter2x", False),
            "Host=db;Password=********;Port=5432\n    bare ********",
        ),
        (Result(1, "", "password='t''o;ken x' p%26hunter2x", False), "password='********' ********"),
        (Result(0, "error: p\\u0026hunter2x", "", False), "its output says: error: ********"),
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
    """a password that is a word of the patterns must not make a failure look done"""
    client = Monqctl("monqctl", str(tmp_path), {}, 600, "production", PATTERNS, runner, secrets=["error"])
    runner.answers["instance"] = Result(0, "error: x", "", False)
    with pytest.raises(CommandError, match=r"its output says: \*{8}\n"):
        client.change(CALL)


def test_the_registrys_odd_entries_are_shown_without_secrets(runner, tmp_path):
    client = Monqctl("monqctl", str(tmp_path), {}, 600, "production", PATTERNS, runner, secrets=["hunter2x"])
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


# ---- the registry's counts


def test_counts_of_the_registry(client, runner):
    runner.answers["registry"] = Result(0, '[{"Name": "a", "Replicas": 0}, {"Name": "b", "Replicas": 4}]', "", False)
    assert RegistryReplicas(client).counts() == {"a": 0, "b": 4}


@pytest.mark.parametrize(
    ("commands", "service", "expected"),
    [
        (None, '{"Name": "a", "Replicas": 1, "Env": "Ж"}', '{"Name": "a", "Replicas": 0, "Env": "Ж"}'),
        (
            {"get": {"argv": ["registry", "get", "microservices", "{name}"], "query": "Spec.Scale"}},
            '{"Spec": {"Scale": 1, "x": 2}}',
            '{"Spec": {"Scale": 0, "x": 2}}',
        ),
    ],
)
def test_a_count_is_changed_and_nothing_else(client, runner, commands, service, expected):
    """trap 42"""
    applied = []

    def look(argv):
        if argv[2] == "apply":
            with open(argv[-1], encoding="utf-8") as file:
                applied.append((argv[1:-1], file.read()))

    runner.seen, runner.answers["registry"] = look, [Result(0, service, "", False), OK]
    RegistryReplicas(client, commands).put([("a", 1, 0)])
    assert applied == [(["registry", "apply", "microservice", "a", "--file"], expected)]
    assert [runner.calls[0], runner.calls[-1]] == [CONTEXT, CONTEXT]


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
    patterns = {**PATTERNS, "release update db pgsql": [r"(?m)\b(ERROR|FATAL|PANIC):\s"]}
    client = Monqctl("monqctl", str(tmp_path), {}, 600, "production", patterns, runner)
    runner.answers["release"] = Result(1, "", text, False)
    with pytest.raises(CommandError) as failed:
        client.change(["release", "update", "db", "pgsql", "--module=pl"])
    assert failed.value.unknown is unknown


@pytest.mark.parametrize(
    "answer", ["[]", '[{"Name": "a", "Replicas": 2}]', '{"Name": "a"}', '{"Name": "a", "Replicas": 3}']
)
def test_the_registrys_single_read_is_tried_before_the_outage(client, runner, answer):
    """trap 42"""
    runner.answers["registry"] = [Result(0, '[{"Name": "a", "Replicas": 2}]', "", False), Result(0, answer, "", False)]
    with pytest.raises(CommandError, match="replica counts cannot be read"):
        RegistryReplicas(client).probe()


def test_every_changing_call_asks_the_fence_right_before_it(runner, tmp_path):
    """after the context was asked: nothing slow stands between the fence and the call"""
    events = []
    runner.seen = lambda argv: events.append(argv[1])
    fenced = Monqctl(
        "/opt/monqctl", str(tmp_path), {}, 600, "production", PATTERNS, runner, fence=lambda: events.append("fence")
    )
    fenced.change(CALL)
    assert events == ["config", "fence", CALL[0]]
    fenced.read("registry", "get", "status")
    assert events[3:] == ["registry"]


def test_a_fence_that_fails_leaves_nothing_unknown(runner, tmp_path):
    """SQL that was never called is not a migration that nobody saw end"""

    def lost():
        raise LockError("lost")

    fenced = Monqctl("/opt/monqctl", str(tmp_path), {}, 600, "production", PATTERNS, runner, fence=lost)
    with pytest.raises(LockError) as failed:
        fenced.change(["release", "update", "db", "pgsql", "--module=pl"])
    assert failed.value.unknown is False and [call[0] for call in runner.calls] == ["config"]


def test_a_file_that_cannot_be_written_leaves_nothing_unknown(client, runner, monkeypatch):
    def full(**_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file.tempfile, "mkstemp", full)
    with pytest.raises(CommandError, match="file cannot be written") as failed:
        client.change(["registry", "apply", "service", "K8s", "--file", "{file}"], content="{}")
    assert failed.value.unknown is False and [call[0] for call in runner.calls] == ["config"]


SWITCH = ["config", "use-context", "staging"]


@pytest.mark.parametrize(
    ("mine", "theirs", "meet"),
    [(CALL, CALL, True), (SWITCH, CALL, False), (CALL, SWITCH, False)],
    ids=["calls do not wait for each other", "no switch beside a call", "no call beside a switch"],
)
def test_nobody_switches_the_context_between_the_look_and_the_call(tmp_path, monkeypatch, mine, theirs, meet):
    """two installations that share a home by mistake: SQL would go to the other one"""
    tried = threading.Event()
    seen, outer, inner = [], Runner(), Runner()
    inner.seen = seen.append
    monkeypatch.setattr(monqctl_client.time, "sleep", lambda seconds: tried.set() or real_sleep(0.01))
    other = Monqctl("/opt/monqctl", str(tmp_path), {}, 600, "production", PATTERNS, inner)
    thread = threading.Thread(target=lambda: suppressed(other.change, theirs, in_context=theirs != SWITCH))

    def during(argv):
        if argv[1:] == mine:
            thread.start()
            thread.join(10 if meet else 1)
            assert (theirs in [argv[1:] for argv in seen]) is meet

    outer.seen = during
    Monqctl("/opt/monqctl", str(tmp_path), {}, 600, "production", PATTERNS, outer).change(
        mine, in_context=mine != SWITCH
    )
    thread.join(10)
    assert not thread.is_alive()


def suppressed(call, *words, **given):
    with contextlib.suppress(CommandError):
        call(*words, **given)


def test_a_switch_that_must_wait_too_long_says_why(client, tmp_path, monkeypatch):
    """a frozen run holds its part: whoever switches is told, nobody hangs"""
    monkeypatch.setattr(monqctl_client.time, "sleep", lambda seconds: None)
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_SH)
    try:
        client.change(CALL)
        with pytest.raises(CommandError, match="another run works with this home") as failed:
            client.change(SWITCH, in_context=False)
    finally:
        os.close(folder)
    assert "monq_monqctl_home" in str(failed.value) and failed.value.unknown is False


def test_a_file_system_without_locks_is_no_reason_to_stop(client, runner, monkeypatch):
    def unsupported(folder, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(monqctl_client.fcntl, "flock", unsupported)
    client.change(CALL)
    client.change(SWITCH, in_context=False)
    assert [call[0] for call in runner.calls] == ["config", CALL[0], "config"]
