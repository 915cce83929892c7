from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys

import pytest
from ansible_collections.monq.platform.plugins.module_utils.private_file import (
    private_file,
    private_folder,
    remove_abandoned,
)


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


@pytest.mark.parametrize(
    "name",
    [
        ".monq-another-host-999999999-x.json",
        ".monq-platform-home",
        "config.json",
        f".monq-{socket.gethostname()}-1-x.json",
    ],
)
def test_everything_else_in_the_home_stays(tmp_path, name):
    (tmp_path / name).touch()
    remove_abandoned(str(tmp_path))
    assert os.listdir(tmp_path) == [name]


def test_a_home_that_is_not_made_yet_has_nothing_to_remove(tmp_path):
    remove_abandoned(str(tmp_path / "none"))


CONNECT = """
import os, signal, sys, tempfile
from ansible_collections.monq.platform.plugins.module_utils.k8s.cluster import Cluster
Cluster.connect(sys.argv[1])
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def pair():
    """A certificate and its key; made by openssl, as nothing here needs a library for it."""
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "-",
        "-out",
        "-",
        "-subj",
        "/CN=operator",
        "-days",
        "1",
    ]
    made = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    key = made[made.index("-----BEGIN PRIVATE KEY") : made.index("-----END PRIVATE KEY-----") + 26]
    return made.replace(key, "").strip() + "\n", key


def connect(tmp_path, how):
    """A connection whose credentials come from a plugin."""
    certificate, key = pair()
    status = {"clientCertificateData": certificate, "clientKeyData": key}
    (tmp_path / "credential").write_text(
        json.dumps({"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": status})
    )
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "cat",
        "args": [str(tmp_path / "credential")],
        "interactiveMode": "Never",
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"exec": plugin}}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(temporary)}
    subprocess.run([sys.executable, "-c", CONNECT, str(tmp_path / "config"), how], env=env, check=False)
    return sorted(temporary.iterdir())


def test_trap_7_the_key_of_a_plugin_lies_in_a_folder_of_our_own_that_the_next_connection_removes(tmp_path):
    """The kubernetes library writes it into a file, and a killed process cannot remove that."""
    left = connect(tmp_path, "killed")
    assert [stat.S_IMODE(path.stat().st_mode) for path in left] == [0o700]
    assert any("PRIVATE KEY" in file.read_text() for file in left[0].iterdir()), "what this test is about"
    assert connect(tmp_path, "ended") == []


@pytest.mark.parametrize("name", [f"monq-{socket.gethostname()}-1-x", "monq-another-host-999999999-x", "other"])
def test_folders_of_living_processes_and_of_other_machines_stay(tmp_path, name):
    (tmp_path / name).mkdir()
    private_folder(str(tmp_path))
    assert (tmp_path / name).is_dir()
