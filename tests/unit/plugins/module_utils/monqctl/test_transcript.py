"""Every call of monqctl is kept, without secrets, and keeping it fails no call."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from ansible_collections.monq.platform.plugins.module_utils.monqctl.transcript import LONGEST, Transcript
from ansible_collections.monq.platform.plugins.module_utils.process import Result
from fake_monqctl import CALL
from repository import SHIPPED_RULES as RULES


def make(runner, tmp_path, folder="b"):
    kept = Transcript(str(tmp_path / folder / "1"))
    return Monqctl(
        "m", str(tmp_path), {}, 600, "production", RULES, runner, secrets=["hunter2x"], transcript=kept
    ), kept


def rows(kept):
    return [json.loads(line) for line in kept.read().splitlines()]


def test_calls_are_kept_in_order_with_what_was_understood(runner, tmp_path):
    client, kept = make(runner, tmp_path)
    runner.answers["instance"] = Result(0, "\x1b[31mERROR: hunter2x is wrong\x1b[0m\r\n", "", False)
    with pytest.raises(CommandError):
        client.change([*CALL, "hunter2x"])
    context, call = rows(kept)
    assert context["argv"] == ["config", "current-context"] and context["output"] == "production\n"
    assert call["argv"] == [*CALL, "********"] and call["output"] == "ERROR: ******** is wrong\n"
    assert (call["status"], call["verdict"], call["rule"]) == (0, "failed", "*.failure.word")
    assert call["line"] == "ERROR: ******** is wrong" and call["seconds"] >= 0
    assert "hunter2x" not in kept.read()
    assert stat.S_IMODE(os.stat(kept.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(kept.path)).st_mode) == 0o700


def test_the_registrys_data_are_not_kept(runner, tmp_path):
    client, kept = make(runner, tmp_path)
    runner.answers["registry"] = Result(0, '\ufeff{"env": "theirs"}', "", False)
    assert client.read_json("registry", "get", "services", "K8s") == {"env": "theirs"}
    assert rows(kept)[0]["output"] == "[JSON, 17 characters]" and "theirs" not in kept.read()


def test_a_long_output_keeps_head_and_tail(runner, tmp_path):
    client, kept = make(runner, tmp_path)
    runner.answers["instance"] = Result(0, "begin" + "x" * 3 * LONGEST + "end", "", False)
    client.change(CALL)
    output = rows(kept)[-1]["output"]
    assert output.startswith("begin") and output.endswith("end") and len(output) < LONGEST + 10


def test_a_folder_that_cannot_be_written_fails_no_call(runner, tmp_path):
    (tmp_path / "file").write_text("")
    client, kept = make(runner, tmp_path, "file")
    assert client.change(CALL) == "cleared\n"
    with pytest.raises(NotADirectoryError):
        kept.read()
