"""A bastion: an sshd of the tests' own, for another user with another home, on a machine that it can hardly write to.

The sshd runs in a user and mount namespace, which needs no rights and changes nothing on this machine. There
/etc/passwd knows the user "operator", /home, /srv and /tmp are folders of the test, and everything else is read-only
but for what the simulated monqctl writes: a write anywhere else fails in the kernel. An sshd that is not root can log
in only its own user, which is all that is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import yaml

from . import namespaces
from .harness import ROOT, descendants

USER, UID = "operator", "1042"
HOME = "/home/operator"
BACKUP, PYTHON, PROGRAMS, MONQCTL = "/srv/backup", "/srv/python/bin/python", "/srv/bin", "/srv/monq/monqctl"
KUBECONFIG, MONQCTL_HOME = f"{HOME}/.kube/config", f"{HOME}/monqctl"
# What an operator may write there; the folders of the simulated monqctl come on top, under their own paths.
DECLARED = (BACKUP, MONQCTL_HOME, "/tmp")
CLOSED = "/srv/no"  # an administrator may make something for the operator there
LIBRARIES = ("urllib3", "yaml", "_yaml", "psycopg2", "psycopg2_binary.libs", "jmespath", "cryptography", "cffi")
# Everything that sshd, Ansible's SSH connection and the sandbox call by name, and no more.
COMMANDS = ("sh", "cat", "dirname", "echo", "env", "id", "mkdir", "rm", "sleep", "tail", "touch", "chmod", "test")
KEPT = (str(ROOT), sys.prefix, sys.base_prefix)  # reachable there even if they are in /tmp or /home
SSHD, MOUNTS = "/usr/sbin/sshd", Path(__file__).with_name("bastion_mounts.py")
SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {home}/.ssh/authorized_keys
StrictModes yes
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
X11Forwarding no
AllowTcpForwarding no
PrintMotd no
SetEnv PATH={programs}
"""


def possible():
    """Whether this machine allows such namespaces and has an sshd."""
    return os.path.exists(SSHD) and namespaces.possible("--user", "--map-root-user", "--mount")


class Bastion:
    """folder: for everything that lies there; it must not be in /tmp, which is another one there."""

    def __init__(self, installation, folder):
        self.installation, self.folder = installation, Path(folder)
        for path in (*DECLARED, f"{HOME}/.ssh", f"{HOME}/.kube", PROGRAMS, "/srv/monq"):
            self.real(path).mkdir(parents=True, exist_ok=True, mode=0o700)
        self.real("/tmp").chmod(0o1777)
        self.real(CLOSED).mkdir(mode=0o555)
        self._programs()
        self._python()
        shutil.copy(installation.sandbox.facts["kubeconfig"], self.real(KUBECONFIG))
        self.real(MONQCTL).symlink_to(installation.facts["monqctl"])
        self._keys()
        self._process, self.port = None, _free_port()
        self._start()

    def real(self, path):
        """Where a path of the bastion lies outside it."""
        return self.folder / path.lstrip("/")

    def variables(self):
        """The inventory's variables of a host behind this bastion."""
        options = {
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": self.folder / "known_hosts",
            "GlobalKnownHostsFile": "none",
            "IdentitiesOnly": "yes",
        }
        words = ["-F", "none", *(word for item in options.items() for word in ("-o", "{}={}".format(*item)))]
        return {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": USER,
            "ansible_ssh_private_key_file": str(self.folder / "user_key"),
            "ansible_ssh_common_args": shlex.join(words),
            "ansible_python_interpreter": PYTHON,
            "monq_kubeconfig": KUBECONFIG,
            "monq_monqctl_path": MONQCTL,
            "monq_monqctl_home": MONQCTL_HOME,
            "monq_backup_dir": BACKUP,
        }

    def left(self):
        """What lies in the home and in /tmp beyond what was put there."""
        put = (".ssh", ".kube", "monqctl", *self._reached())
        found = [path for folder in (HOME, "/tmp") for path in self.real(folder).iterdir() if path.name not in put]
        return [str(path) for path in found]

    def run(self, command):
        """Runs a command there, as Ansible would; returns (status, output)."""
        given = self.variables()
        argv = ["ssh", "-p", str(self.port), "-i", given["ansible_ssh_private_key_file"]]
        argv += [*shlex.split(given["ansible_ssh_common_args"]), f"{USER}@127.0.0.1", command]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def administer(self, command, **put):
        """Types a command there, as an operator who may use sudo; returns (status, output). put: files in the folder
        where it is typed. One user of this machine is all that there is: "operator" is root's number then."""
        here = self.real("/srv/put")
        here.mkdir(exist_ok=True)
        for name, path in put.items():
            shutil.copy(path, here / name)
        programs = self.folder / "administrator"
        programs.mkdir(exist_ok=True)
        (programs / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
        (programs / "sudo").chmod(0o755)
        (self.folder / "passwd-administrator").write_text(f"root:x:0:0::/root:/bin/sh\n{USER}:x:0:0::{HOME}:/bin/sh\n")
        words = shlex.join(["env", f"PATH={programs}:/usr/bin:/bin", "sh", "-c", f"cd /srv/put && {command}"])
        given = self._namespace("passwd-administrator", ["/home", "/srv", "/tmp"], ["sh", "-c", f"exec {words}"])
        done = subprocess.run(
            self._in(given), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    def close(self):
        if self._process:
            for pid in [*descendants(self._process.pid), self._process.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            self._process.wait()
        self.real(CLOSED).chmod(0o755)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what lies there

    def _programs(self):
        for name in COMMANDS:
            self.real(f"{PROGRAMS}/{name}").symlink_to(shutil.which(name))
        newest = max(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"), key=lambda path: int(path.parts[-3]))
        self.postgresql = newest.parts[-3]
        for name in ("pg_dump", "pg_restore", "psql"):  # psql is the simulated monqctl's
            self.real(f"{PROGRAMS}/{name}").symlink_to(newest.parent / name)

    def _python(self):
        """A bare venv with links to the libraries that the docs name: no Ansible in it, and no pip."""
        target = self.real(PYTHON).parents[1]
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(target)], check=True)
        libraries = next(target.glob("lib/python3*/site-packages"))
        for path in Path(yaml.__file__).parents[1].iterdir():
            if path.name in LIBRARIES or path.name.startswith("_cffi_backend"):
                (libraries / path.name).symlink_to(path)

    def other_python(self, name, without=(), **environment):
        """The path, there, of another Python: without some libraries, or with another environment."""
        target = self.real(f"/srv/{name}")
        shutil.copytree(self.real(PYTHON).parents[1], target, symlinks=True)
        for library in without:
            next(target.glob(f"lib/python3*/site-packages/{library}")).unlink()
        if environment:
            words = shlex.join(f"{key}={value}" for key, value in environment.items())
            wrapper = target / "python"
            wrapper.write_text(f'#!/bin/sh\nexec env {words} "$(dirname "$0")/bin/python" "$@"\n')
            wrapper.chmod(0o755)
        return f"/srv/{name}/{'' if environment else 'bin/'}python"

    def other_programs(self, name, without=(), **instead):
        """A folder of programs, there: without some, or with other ones (as scripts)."""
        target = self.real(f"/srv/{name}")
        shutil.copytree(self.real(PROGRAMS), target, symlinks=True)
        for program in [*without, *instead]:
            (target / program).unlink()
        for program, script in instead.items():
            (target / program).write_text(f"#!/bin/sh\n{script}\n")
            (target / program).chmod(0o755)
        return f"/srv/{name}"

    def _keys(self):
        for name in ("host_key", "user_key"):
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(self.folder / name)]
            subprocess.run(argv, check=True)
        shutil.copy(self.folder / "user_key.pub", self.real(f"{HOME}/.ssh/authorized_keys"))

    def _start(self):
        known = (self.folder / "host_key.pub").read_text()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {known}")
        text = SERVER.format(port=self.port, folder=self.folder, home=HOME, programs=PROGRAMS)
        (self.folder / "sshd_config").write_text(text)
        (self.folder / "passwd").write_text(f"root:x:0:0::/root:/bin/sh\n{USER}:x:{UID}:{UID}::{HOME}:/bin/sh\n")
        (self.folder / "group").write_text(f"root:x:0:\n{USER}:x:{UID}:\n")
        sshd = ["unshare", "--user", f"--map-user={UID}", f"--map-group={UID}"]
        sshd += [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        argv = self._in(self._namespace("passwd", [*DECLARED, CLOSED], sshd))
        with (self.folder / "sshd.log").open("w") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.folder / "sshd.log").read_text())
            time.sleep(0.05)

    def _namespace(self, passwd, written, command):
        """What tests/support/bastion_mounts.py is given."""
        sandbox = self.installation.sandbox.dir
        return {
            "mounts": [[str(self.real(path)), path] for path in ("/home", "/srv", "/tmp")],
            "files": [[str(self.folder / passwd), "/etc/passwd"], [str(self.folder / "group"), "/etc/group"]],
            "kept": [*KEPT, str(sandbox)],
            "written": [*written, str(sandbox / "installations" / self.installation.name), str(sandbox / "cache")],
            "home": [self.installation.facts["monqctl_home"], MONQCTL_HOME],
            "command": command,
        }

    @staticmethod
    def _in(given):
        return ["unshare", "--user", "--map-root-user", "--mount", sys.executable, str(MOUNTS), json.dumps(given)]

    @staticmethod
    def _reached():
        """Names in /tmp that are there only to reach the tests' own tree and Python."""
        return {path.parts[2] for path in map(Path, KEPT) if path.parts[1] == "tmp"}


def _free_port():
    """One that no outgoing connection is given meanwhile."""
    while True:
        port = random.randint(20000, 31999)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def _answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
