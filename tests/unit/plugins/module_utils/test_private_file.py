from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from ansible_collections.monq.platform.plugins.module_utils.private_file import private_file, remove_abandoned


def test_only_its_owner_reads_it_and_it_is_gone_at_the_end(tmp_path):
    with private_file('{"a": 1}', str(tmp_path)) as path:
        assert os.stat(path).st_mode & 0o777 == 0o600
        remove_abandoned(str(tmp_path))
        assert os.listdir(tmp_path) == [os.path.basename(path)], "its process lives"
    assert os.listdir(tmp_path) == []


def test_an_error_removes_it_too(tmp_path):
    with pytest.raises(ValueError, match="no"), private_file("{}", str(tmp_path)):
        raise ValueError("no")
    assert os.listdir(tmp_path) == []


def test_nothing_to_write_is_no_file(tmp_path):
    with private_file(None, str(tmp_path)) as path:
        assert path == "" and os.listdir(tmp_path) == []


def test_what_a_killed_process_left_is_removed_at_the_next_look(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from ansible_collections.monq.platform.plugins.module_utils.private_file import private_file\n"
        "with private_file('{}', sys.argv[1]):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=env, check=False).returncode == -9
    assert len(os.listdir(tmp_path)) == 1, "what this test is about"
    remove_abandoned(str(tmp_path))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", [".monq-another-host-999999999-x.json", ".monq-platform-home", "config.json", f".monq-{socket.gethostname()}-1-x.json"])
def test_everything_else_in_the_home_stays(tmp_path, name):
    (tmp_path / name).touch()
    remove_abandoned(str(tmp_path))
    assert os.listdir(tmp_path) == [name]


def test_a_home_that_is_not_made_yet_has_nothing_to_remove(tmp_path):
    remove_abandoned(str(tmp_path / "none"))
