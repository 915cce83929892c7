"""Child processes: real, tiny, and none survives its run."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from repository import ROOT


def python(code, *args, **given):
    return process.run([sys.executable, "-S", "-c", code, *map(str, args)], **given)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def until(condition, seconds=10):
    """Whether it comes true in time; a bound for a broken tree, not a pause."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


@pytest.mark.parametrize("rc", [0, 1, 3])
def test_status_and_both_outputs(rc):
    found = python(f"import sys; print('Ж'); print('err', file=sys.stderr); sys.exit({rc})", env={"PYTHONUTF8": "1"})
    assert found == process.Result(rc, "Ж\n", "err\n", False)


def test_it_is_watched_while_it_runs():
    """the program goes on only once its first line was seen"""
    seen = []

    def watch(pid, stream, data):
        seen.append((pid, stream, data))
        if b"first" in data:
            os.kill(pid, signal.SIGUSR1)

    code = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); print('first', flush=True)"
    code += "; signal.sigwait([signal.SIGUSR1]); print('second')"
    found = python(code, watch=watch, timeout=60)
    assert found == process.Result(0, "first\nsecond\n", "", False)
    assert b"".join(data for _pid, stream, data in seen if stream is not None) == b"first\nsecond\n"
    assert (None, b"") in {row[1:] for row in seen} and len({pid for pid, _stream, _data in seen}) == 1


def test_a_watch_that_fails_fails_no_program():
    assert python("print('a')", watch=lambda *_given: 1 / 0).stdout == "a\n"


def test_bytes_that_are_no_text_are_shown_all_the_same():
    assert python(r"import os; os.write(1, b'a\xffb')").stdout == "a\ufffdb"


def test_no_shell_looks_at_the_words():
    words = ["$HOME", "`id`", "; ls", "*", "a b", "", "<name>"]
    assert python("import sys; print(sys.argv[1:])", *words).stdout == f"{words}\n"


def test_stdin_is_closed():
    """no prompt on any path: whoever asks gets the end of the file, even where we could be asked"""
    ours, theirs = os.pipe()
    os.write(theirs, b"an answer")
    os.close(theirs)
    saved = os.dup(0)
    try:
        os.dup2(ours, 0)
        assert python("import sys; print(repr(sys.stdin.read()))", timeout=10).stdout == "''\n"
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(ours)


def test_the_environment_is_added_to(monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    assert python("import os; print(os.environ['KEPT'], os.environ['HOME'])", env={"HOME": "/x"}).stdout == "1 /x\n"
    assert os.environ.get("HOME") != "/x"


def test_a_signal_is_a_negative_status():
    assert python("import os, signal; os.kill(os.getpid(), signal.SIGTERM)").rc == -signal.SIGTERM


def test_output_can_go_to_a_file(tmp_path):
    with open(tmp_path / "out", "wb") as file:
        assert python("print('x')", stdout=file) == process.Result(0, "", "", False)
    assert (tmp_path / "out").read_text() == "x\n"


@pytest.mark.parametrize("kind", ["absent", "a folder", "not executable"])
def test_what_cannot_be_started_is_named(tmp_path, kind):
    path = tmp_path / "monqctl"
    if kind == "a folder":
        path.mkdir()
    elif kind == "not executable":
        path.write_text("x")
    with pytest.raises(CommandError) as caught:
        process.run([str(path), "version"])
    assert str(path) in str(caught.value) and caught.value.unknown is False


PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
print("half", flush=True)
time.sleep(600)
"""


def test_the_timeout_kills_the_whole_group(tmp_path):
    """the grandchild holds our pipe: were it alive, we would wait for ever"""
    pids = tmp_path / "pids"
    found = python(PARENT, pids, timeout=3)
    assert found.timed_out and found.rc == -signal.SIGKILL and found.stdout == "half\n"
    child, grandchild = pids.read_text().split()
    assert until(lambda: not alive(child) and not alive(grandchild))


def test_a_child_dies_with_its_parent(tmp_path):
    """a monqctl that outlives its run would go on changing things that nobody watches"""
    pid = tmp_path / "pid"
    code = (
        "import sys\n"
        "from ansible_collections.monq.platform.plugins.module_utils import process\n"
        "process.run([sys.executable, '-S', '-c', 'import os, sys, time; open(sys.argv[1], "
        '"w").write(str(os.getpid())); time.sleep(600)\', sys.argv[1]])\n'
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")}
    run = subprocess.Popen([sys.executable, "-c", code, str(pid)], env=env)
    try:
        assert until(lambda: pid.exists() and pid.read_text())
        child = pid.read_text()
        assert alive(child)
    finally:
        run.kill()
        run.wait()
    assert until(lambda: not alive(child))


def test_start_time_tells_a_reused_pid_apart():
    assert process.start_time(os.getpid()) == process.start_time(os.getpid()) > 0
    child = subprocess.Popen([sys.executable, "-S", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        assert process.start_time(child.pid) >= process.start_time(os.getpid())
    finally:
        child.communicate()
    assert process.start_time(child.pid) is None


@pytest.mark.parametrize("pid", [None, "", 2**22 + 1, -1, "self/x"])
def test_no_process_no_start_time(pid):
    assert process.start_time(pid) is None


def test_what_was_started_for_an_attempt_is_found_by_its_mark():
    """Orphans: a grandchild in a session of its own carries the mark too."""
    code = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', 'input()'], "
        "stdin=subprocess.PIPE, start_new_session=True); input()"
    )
    assert process.bearing("a-test-1") == [] and process.bearing("") == [] and process.bearing(None) == []
    with process.marked("a-test-1"):
        child = subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.ATTEMPT not in os.environ
    try:
        assert until(lambda: len(process.bearing("a-test-1")) == 2)
        assert child.pid in process.bearing("a-test-1") and process.bearing("a-test-") == []
    finally:
        for pid in process.bearing("a-test-1"):
            os.kill(pid, signal.SIGKILL)
        child.wait()
    assert until(lambda: process.bearing("a-test-1") == [])


def test_a_timeout_ends_even_what_has_left_the_group():
    code = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', 'import time; "
        "time.sleep(60)'], start_new_session=True).wait()"
    )
    with process.marked("a-test-2"):
        began = time.monotonic()
        found = python(code, timeout=1)
    assert found.timed_out and time.monotonic() - began < 30
    assert until(lambda: process.bearing("a-test-2") == [])


def test_a_place_is_told_apart_by_more_than_its_host_name(monkeypatch):
    """Two bastions may both be called localhost, two containers share the host's name."""
    seen = process.here()
    assert seen.startswith(socket.gethostname() + " ") and process.here() == seen
    monkeypatch.setattr(os, "readlink", lambda _path: "pid:[1]")
    assert process.here() != seen
