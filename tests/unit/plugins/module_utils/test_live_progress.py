"""What a module says while it works: into a private file, redacted, and into the Lease. It fails no step."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils import live_progress
from ansible_collections.monq.platform.plugins.module_utils.engine.steps import Step
from ansible_collections.monq.platform.plugins.module_utils.live_progress import LiveProgress
from repository import ROOT

SINCE, NOW = "2026-03-01T00:08:13Z", 1_772_323_964  # 00:12:44, 271 s later


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "progress"
    made.touch(mode=0o600)
    return made


def made(path, clock, secrets=(), **given):
    return LiveProgress({"file": str(path), **given}, secrets, clock, lambda: NOW)


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def at(progress, since=None):
    plan = [Step("upgrade.pl.cache.a"), Step("upgrade.pl.microservices.rollout")]
    progress.at(plan, plan[1], lambda: since)


def test_step_outage_text_and_late_objects(path, clock):
    progress = made(path, clock, budget=1200)
    at(progress, SINCE)
    progress.say("ready", 7, 12, {"pl-x": "ImagePullBackOff"})
    step = {"step": "step 2 of 2 pl rollout", "outage": 271}
    assert rows(path) == [
        {**step, "text": "", "late": []},
        {**step, "text": "7 of 12 ready, pl-x: ImagePullBackOff", "late": ["pl-x"]},
    ]
    line = "outage 04:31 of 20:00 · step 2 of 2 pl rollout · 7 of 12 ready, pl-x: ImagePullBackOff"
    assert progress.annotation() == f"2026-03-01T00:12:44Z {line}"


def test_without_an_outage_there_is_no_clock(path, clock):
    progress = made(path, clock)
    assert progress.annotation() == ""
    at(progress)
    assert rows(path)[0]["outage"] is None and progress.annotation() == "2026-03-01T00:12:44Z step 2 of 2 pl rollout"


def test_only_what_is_new_is_written(path, clock):
    progress = made(path, clock)
    for text, late in [("1", {}), ("1", {}), ("1", {"x": "no"}), ("1", {"x": "no"}), ("1", {"x": "never"}), ("2", {})]:
        progress.say(text, late=late)
    assert [row["text"] for row in rows(path)] == ["1", "1, x: no", "1, x: never", "2"]
    at(progress)
    progress.say("2")
    assert rows(path)[-1]["text"] == "2", "of another step"


def test_no_secret_is_said(path, clock):
    progress = made(path, clock, ["hunter2x"])
    progress.say("a", late={"pl-x": "cannot log in with hunter2x, password=other"})
    assert "hunter2x" not in path.read_text() + progress.annotation() and "other" not in path.read_text()
    assert "cannot log in with ********" in progress.annotation()


def test_a_module_may_make_the_file_itself_for_its_user_alone(tmp_path, clock):
    path = tmp_path / "new"
    progress = made(path, clock, create=True)
    progress.say("a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(rows(path)) == 1


def test_a_file_that_a_module_has_made_does_not_outlive_it(tmp_path):
    code = "import sys; from ansible_collections.monq.platform.plugins.module_utils.live_progress import LiveProgress; "
    code += "LiveProgress({'file': sys.argv[1], 'create': True}).say('a'); print(open(sys.argv[1]).read())"
    path = [str(ROOT / ".ansible/collections"), *sys.path]
    argv = [sys.executable, "-c", code, str(tmp_path / "new")]
    done = subprocess.run(
        argv, env={**os.environ, "PYTHONPATH": os.pathsep.join(path)}, capture_output=True, text=True, check=False
    )
    assert '"text": "a"' in done.stdout and not (tmp_path / "new").exists(), done.stderr


@pytest.mark.parametrize("kind", ["missing", "link", "folder", "fifo"])
def test_what_cannot_be_written_fails_nothing(tmp_path, clock, kind):
    path = tmp_path / "file"
    target = tmp_path / "target"
    if kind == "link":
        target.touch()
        path.symlink_to(target)
    if kind == "folder":
        path.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    progress = made(path, clock)
    at(progress, "no time at all")
    at(progress, SINCE)
    progress.say("a", 1, 2, {"x": None})
    assert "1 of 2 a, x" in progress.annotation()
    if kind == "link":
        assert target.read_text() == ""
    if kind == "fifo":
        assert os.read(reader, 10) == b""
        os.close(reader)


def test_a_talkative_task_is_not_listened_to_for_ever(path, clock, monkeypatch):
    monkeypatch.setattr(live_progress, "ENOUGH", 500)
    progress = made(path, clock)
    for number in range(100):
        clock.now = 2 * number
        progress.say(f"line {number}")
    assert path.stat().st_size < 700 and "line 99" in progress.annotation()


def test_files_of_killed_runs_are_swept_later(tmp_path):
    names = ["monq-progress-old", "monq-progress-new", "another-old"]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (NOW, NOW - (0 if "new" in name else live_progress.OLD + 1)))
    (tmp_path / "monq-progress-folder").mkdir()
    live_progress.sweep(str(tmp_path), lambda: NOW)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[1:], "monq-progress-folder"])


# ---- programs


def heard(progress, clock, *chunks, secret="hunter2x", stream=1):
    watch = progress.heard(lambda text: text.replace(secret, "********"))
    for chunk in chunks:
        clock.now += live_progress.PACE
        watch(1, stream, chunk)
    return progress.annotation().partition("Z ")[2]


@pytest.mark.parametrize(
    ("chunks", "line"),
    [
        ([b"one\ntwo\n"], "monqctl: two"),
        ([b"10 %\r20 %\r30"], "monqctl: 20 %"),
        ([b"\x1b[32mgreen\x1b[0m\n"], "monqctl: green"),
        (["приве".encode(), "т\n".encode()], "monqctl: привет"),
        ([b"half of a li"], ""),
        ([b"token hunter2x\n"], "monqctl: token ********"),
        ([b"said\n", b"token hunt"], "monqctl: said"),
        ([b'said\n{"Value": "x"}\n'], ""),
        ([b"said\n  Value: x\n"], ""),
        ([b"x" * 500 + b"\n"], "monqctl: " + "x" * 119 + "…"),
        ([b"a\n", b""], "monqctl: a"),
    ],
)
def test_the_last_whole_line_of_a_program_is_said(path, clock, chunks, line):
    assert heard(made(path, clock), clock, *chunks) == line


def test_a_secret_that_is_cut_in_two_is_not_shown(path, clock):
    """only the end of a long output is kept: its first line may begin within a secret"""
    tail = b"er2x" + b"y" * (live_progress.TAIL - 5) + b"\n"
    assert "er2x" not in heard(made(path, clock), clock, b"hunt" + tail)
    assert heard(made(path, clock), clock, b"hunt" + tail, b"fine\n") == "monqctl: fine"


def test_two_streams_are_not_mixed(path, clock):
    progress = made(path, clock)
    watch = progress.heard(lambda text: text)
    for stream, data in ((1, b"ab"), (2, b"error\n"), (1, b"cd\n")):
        clock.now += live_progress.PACE
        watch(1, stream, data)
    assert progress.annotation().endswith("monqctl: abcd")


def test_a_file_that_grows_and_one_that_is_read(path, clock, tmp_path):
    progress, dump = made(path, clock), tmp_path / "a.dump"
    growing = progress.growing("dump of a", str(dump), 3 << 20)
    for size in (2048, 4096, 2048):  # a second look within a second is none
        dump.write_bytes(b"x" * size)
        growing(1, None, b"")
    with dump.open("rb", buffering=0) as reader:
        reader.seek(1024)
        clock.now += 1
        progress.reading("restore", str(dump))(os.getpid(), None, b"")
        clock.now += 1
        progress.reading("nobody", str(dump))(1 << 30, None, b"")
    assert [row["text"] for row in rows(path)] == [
        "dump of a: 2.0 KiB written, the database has 3.0 MiB",
        "restore: 1.0 KiB of the dump's 2.0 KiB read",
    ]


def test_the_outage_is_asked_where_asking_fails(path, clock):
    progress, plan = made(path, clock), [Step("a.b")]
    progress.at(plan, plan[0], lambda: 1 / 0)
    progress.at(plan, types.SimpleNamespace(key="not in it"), lambda: None)
    assert rows(path) == []
