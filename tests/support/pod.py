"""A job as AWX runs it: ansible-runner in a container whose user is any number, without an entry in passwd, and whose
home is empty and not writable. The container is a user namespace: nothing else of it matters to Ansible."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import yaml

from . import awx_kit, namespaces
from .harness import ROOT, Run

USER = "648123"


def environment(folder):
    """The environment of the execution environment that is shipped, with its /tmp in a folder."""
    steps = yaml.safe_load((ROOT / "execution-environment.yml").read_text())["additional_build_steps"]["append_final"]
    words = [word for step in steps if step.startswith("ENV ") for word in step.split()[1:]]
    return {
        name: value.replace("/tmp", str(folder)) for name, _equals, value in (word.partition("=") for word in words)
    }


def run(installation, stage, variables, *words, name="", secrets=None):
    """Runs the project's playbook of that name; returns its Run, with what it leaves to later nodes as artifacts. name:
    the pod's, if it is not the stage's. secrets: its credentials, {type: {field: value}}."""
    private = installation.work / f"pod-{name or stage}"
    for name in ("project", "env", "home", "tmp"):
        (private / name).mkdir(parents=True)
    (private / "inventory").symlink_to(installation.inventory)
    playbook = [{"name": stage, "ansible.builtin.import_playbook": f"monq.platform.{stage}"}]
    (private / "project" / f"{stage}.yml").write_text(yaml.safe_dump(playbook))
    environ, more = awx_kit.injected(secrets or {}, private / "env")
    (private / "env" / "envvars").write_text(json.dumps(environ))
    (private / "env" / "extravars").write_text(json.dumps({**variables, **more}))
    (private / "home").chmod(0o555)
    binaries = Path(sys.executable).parent
    env = {
        "HOME": str(private / "home"),
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "SANDBOX_DIR": str(installation.sandbox.dir),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        **environment(private / "tmp"),
    }
    argv = [
        *as_another_user(),
        str(binaries / "ansible-runner"),
        "run",
        str(private),
        "-p",
        f"{stage}.yml",
        "-i",
        "job",
    ]
    argv += [f"--cmdline={' '.join(words)}"] if words else []
    began = time.monotonic()
    done = subprocess.run(
        argv,
        cwd="/",
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    found = Run(done.returncode, done.stdout, time.monotonic() - began)
    found.artifacts = {}
    for path in (private / "artifacts" / "job" / "job_events").glob("*.json"):
        event = json.loads(path.read_text())
        if event["event"] == "playbook_on_stats":
            found.artifacts = event["event_data"].get("artifact_data") or {}
    assert list((private / "home").iterdir()) == []
    return found


def as_another_user():
    """The words before a command. Without user namespaces, in a chroot for instance, there are none: all but the user's
    number and rights is as in a pod then, which a test of its own shows as skipped."""
    mapped = ("--user", f"--map-user={USER}", f"--map-group={USER}")
    return ["unshare", *mapped] if namespaces.possible(*mapped) else []


def passwd_entries():
    return re.findall(rf"^[^:]*:[^:]*:{USER}:", Path("/etc/passwd").read_text(), re.M)
