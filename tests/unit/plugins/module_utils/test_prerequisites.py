"""What the inventory host lacks, and the command that installs it."""

from __future__ import annotations

import builtins
import importlib.util
import os
import shlex
import sys

import pytest
from ansible_collections.monq.platform.plugins.module_utils import prerequisites
from ansible_collections.monq.platform.plugins.module_utils.bundle import signature
from ansible_collections.monq.platform.plugins.module_utils.checks import certificates
from ansible_collections.monq.platform.plugins.module_utils.errors import MissingLibrary
from ansible_collections.monq.platform.plugins.module_utils.k8s import connection, kubeconfig
from ansible_collections.monq.platform.plugins.module_utils.monqctl import registry
from ansible_collections.monq.platform.plugins.module_utils.postgres import connection as postgres
from repository import ROOT


def test_the_libraries_are_those_of_requirements_txt():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = {line for line in lines if line and not line.startswith("#")}
    assert {requirement for requirement, _package in prerequisites.LIBRARIES.values()} == wanted


@pytest.fixture
def without(monkeypatch):
    """without(name): from now on that library cannot be imported."""
    original = builtins.__import__

    def forget(missing):
        for loaded in [name for name in sys.modules if name.partition(".")[0] == missing]:
            monkeypatch.delitem(sys.modules, loaded)

        def imported(name, *given, **more):
            if name.partition(".")[0] == missing:
                raise ImportError(f"No module named '{missing}'")
            return original(name, *given, **more)

        monkeypatch.setattr(builtins, "__import__", imported)

    return forget


@pytest.mark.parametrize(
    ("library", "use"),
    [
        ("yaml", lambda: kubeconfig._load("/etc/passwd")),
        ("urllib3", lambda: connection._pool(None, None, [])),
        ("kubernetes", lambda: connection._Plugin(None)),
        ("psycopg2", postgres.failures),
        ("jmespath", lambda: registry.RegistryReplicas(None)._search([])),
        ("cryptography", lambda: signature.usable("/none")),
        ("cryptography", lambda: certificates.examine("tls", [], b"", b"")),
    ],
)
def test_every_use_of_a_library_that_is_missing_names_it_and_the_command(without, library, use):
    without(library)
    with pytest.raises(MissingLibrary) as caught:
        use()
    told, (requirement, _package) = caught.value.details["missing"], prerequisites.LIBRARIES[library]
    assert (told["library"], told["python"]) == (library, sys.executable)
    assert shlex.split(told["command"])[-1] == requirement and told["command"] in str(caught.value)
    assert f"No module named '{library}'" in told["error"]


def test_every_library_that_is_missing_is_found_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "jmespath", None)
    monkeypatch.setitem(sys.modules, "cryptography.x509", None)
    found = prerequisites.absent(["urllib3", "jmespath", "cryptography"])
    assert [one.details["missing"]["library"] for one in found] == ["jmespath", "cryptography"]


def test_pip_installs_in_the_python_that_runs_modules(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/srv/my python/bin/python")
    monkeypatch.setattr(prerequisites, "_belongs_to_the_system", lambda: False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    pip = ["/srv/my python/bin/python", "-m", "pip", "install", "urllib3>=1.26.5,<3", "pyyaml>=5.1"]
    assert shlex.split(prerequisites.installing(["urllib3", "yaml"])) == pip
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    first = ["/srv/my python/bin/python", "-m", "ensurepip", "&&"]
    assert shlex.split(prerequisites.installing(["urllib3", "yaml"])) == first + pip


def managers(monkeypatch, *names):
    exists = os.path.exists
    monkeypatch.setattr(
        os.path,
        "exists",
        lambda path: path.rpartition("/")[2] in names if path.startswith("/usr/bin/") else exists(path),
    )


def test_a_python_of_the_system_gets_its_packages(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1042)
    monkeypatch.setattr(prerequisites, "_belongs_to_the_system", lambda: True)
    managers(monkeypatch, "apt-get", "dnf")
    wanted = "sudo apt-get install -y python3-urllib3 python3-psycopg2"
    assert prerequisites.installing(["urllib3", "psycopg2"]) == wanted
    managers(monkeypatch, "dnf")
    assert "-m pip install" in prerequisites.installing(["urllib3"])


@pytest.mark.parametrize(
    ("manager", "version", "command"),
    [
        ("apt-get", "15", "apt-get install -y postgresql-client-15"),
        ("apt-get", "", "apt-get install -y postgresql-client"),
        ("dnf", "16", "dnf install -y @postgresql:16/client"),
        ("dnf", "", "dnf install -y postgresql"),
        ("none", "16", ""),
    ],
)
def test_the_client_of_the_servers_version_is_installed(monkeypatch, manager, version, command):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    managers(monkeypatch, manager)
    assert prerequisites.postgresql_client(version) == command


@pytest.fixture
def nobody(monkeypatch):
    """The user that root is not."""
    monkeypatch.setattr(os, "geteuid", lambda: 1042)
    monkeypatch.setattr(
        os, "access", lambda path, mode: bool(os.stat(path).st_mode & 0o111) if mode == os.X_OK else True
    )


def test_what_is_wrong_with_a_program_is_said(tmp_path, nobody, monkeypatch):
    monkeypatch.setenv("PATH", "/srv/bin")
    assert prerequisites.program("monqctl") == (
        "not in PATH, /srv/bin",
        "sudo install -m 0755 monqctl /usr/local/bin/monqctl",
    )
    path = tmp_path / "monqctl"
    assert prerequisites.program(str(path)) == ("no such file", f"install -D -m 0755 monqctl {path}")
    path.write_text("")
    problem, command = prerequisites.program(str(path))
    assert problem.endswith(" may not execute it") and command == f"sudo chmod a+rx {path}"
    assert prerequisites.program(str(tmp_path)) == ("not a file", "")
    path.chmod(0o755)
    assert prerequisites.program(str(path)) == ("", "")


def test_a_file_of_secrets_is_put_there_or_given_to_the_user(tmp_path, nobody, monkeypatch):
    path = tmp_path / ".kube" / "config"
    assert prerequisites.kubeconfig(str(path)) == f"install -D -m 0600 kubeconfig {path}"
    path.parent.mkdir()
    path.write_text("")
    me = prerequisites.user()
    monkeypatch.setenv("HOME", "/home/operator")
    copied = f"sudo install -D -m 0600 -o {me} {path} /home/operator/.kube/config"
    assert prerequisites.kubeconfig(str(path)) == copied
    monkeypatch.setenv("HOME", str(tmp_path))
    assert prerequisites.kubeconfig(str(path)) == f"sudo chown {me} {path}"
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    path.unlink()
    assert prerequisites.kubeconfig(str(path)) == f"sudo install -D -m 0600 kubeconfig {path}"
    assert prerequisites.folder("/srv/b c") == f"sudo install -d -m 0700 -o {prerequisites.user()} '/srv/b c'"


def test_a_file_of_secrets_that_its_owner_may_not_read_is_no_question_of_owners(tmp_path):
    path = tmp_path / "config"
    path.touch(mode=0)
    assert prerequisites.kubeconfig(str(path)) == f"chmod u+r {path}"


def test_a_user_without_an_entry_is_its_number(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 648123)
    assert prerequisites.user() == "648123"
