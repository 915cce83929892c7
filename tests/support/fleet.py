"""Several installations as the hosts of one inventory."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from .harness import Run, descendants, environment

REPLACE = ["release", "update", "microservices", "--module=pl"]
SQL = ["release", "update", "db", "pgsql", "--microservice=pl-i18n-service"]
LEASE = ("lease", "monq-upgrade")


class Fleet:
    """Installations of one sandbox, upgraded by one command."""

    def __init__(self, installations, work):
        self.installations = {one.name: one for one in installations}
        self.inventory = Path(work) / "fleet"
        self.inventory.mkdir(exist_ok=True)
        self.backup = installations[0].sandbox.dir / "backup-fleet"
        hosts = {}
        for name, one in self.installations.items():
            hosts.update(json.loads((one.inventory / "hosts.json").read_text())["monq"]["hosts"])
            # One confirmation for all: that of a provider is the name of the environment that all of them share.
            hosts[name]["monq_environment"] = "fleet"
            hosts[name]["monq_backup_dir"] = str(self.backup)
        (self.inventory / "hosts.json").write_text(json.dumps({"monq": {"hosts": hosts}}))

    def __getitem__(self, name):
        return self.installations[name]

    def start(self, playbook, *words, extra=None, **options):
        first = next(iter(self.installations.values()))
        values = {"monq_confirm_outage": "fleet", **(extra or {})}
        return first.start(playbook, "-i", str(self.inventory), *words, confirm=False, extra=values, **options)

    def end(self, process, began):
        rc = process.wait(timeout=1800)
        return Run(rc, Path(process.log).read_text(), time.monotonic() - began)

    def play(self, playbook, *words, **options):
        began = time.monotonic()
        return self.end(self.start(playbook, *words, **options), began)

    def slices(self, count, forks, work):
        """The site playbook by that many ansible-runner processes at once, each with its part of the inventory, as
        AWX's job slices are; returns [(status, output)]."""
        work.mkdir()
        playbook = work / "site.yml"
        playbook.write_text("- ansible.builtin.import_playbook: monq.platform.site\n")
        binaries, jobs = Path(sys.executable).parent, []
        for number in range(count):
            folder = work / f"slice-{number}"
            (folder / "env").mkdir(parents=True)
            (folder / "inventory").symlink_to(self.inventory)
            (folder / "env" / "extravars").write_text(json.dumps({"monq_confirm_outage": "fleet"}))
            part = ",".join(list(self.installations)[number::count])
            argv = [binaries / "ansible-runner", "run", folder, "-p", playbook, "-i", "slice", "-q"]
            argv += [f"--cmdline=--forks {forks} --limit {part}"]
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            jobs.append(
                (subprocess.Popen(list(map(str, argv)), env=environment(), **quiet), folder / "artifacts/slice/stdout")
            )
        return [(job.wait(), shown.read_text() if shown.exists() else "") for job, shown in jobs]

    def disturbed(self, fails, locked, dead, *words, **options):
        """Upgrades all: the SQL of one fails, one is locked by a colleague, and the module of one is killed."""
        self[fails].faults({"match": SQL, "kind": "fail"})
        self[dead].faults({"match": REPLACE, "kind": "hang"})
        holder = Holder(self[locked])
        began, killed = time.monotonic(), None
        run = self.start("site", *words, **options)
        while run.poll() is None:
            chain = [] if killed else processes(run.pid, f"{dead}/bin/monqctl {' '.join(REPLACE[:3])}")
            if chain:
                killed = chain[-2]  # the module, which called monqctl
                kill(killed)
            time.sleep(0.2)
        done = self.end(run, began)
        holder.leave()
        for name in (fails, dead):
            self[name].faults()
        assert killed, done.text[-4000:]
        return done

    @staticmethod
    def rows(text):
        """The last table: {host: the rest of its row}."""
        lines = text[text.rindex("installations of this run") :].splitlines()[2:]
        rows = itertools.takewhile(lambda line: re.match(r"  (?!next,)\S", line), lines)
        return {line.split()[0]: " ".join(line.split()[1:]) for line in rows}


class Holder(threading.Thread):
    """Another run that holds the lock of an installation and renews it."""

    def __init__(self, installation):
        super().__init__(daemon=True)
        self._at, self._over = installation, threading.Event()
        spec = {"holderIdentity": "colleague 0123456789ab", "leaseDurationSeconds": 3600}
        notes = {"monq.platform/lock-id": "0123456789ab", "monq.platform/lock-holder": "colleague"}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec}
        body["metadata"] = {"name": LEASE[1], "annotations": notes}
        path = installation.work / "lease.json"
        path.write_text(json.dumps(body))
        self._kubectl("delete", *LEASE, "--ignore-not-found")
        self._kubectl("create", "-f", str(path))
        self.start()

    def _kubectl(self, *words):
        self._at.kubectl(*words, user="sandbox-admin")

    def run(self):
        while not self._over.wait(1):
            self._kubectl("annotate", "--overwrite", *LEASE, f"test/beat={time.time()}")

    def leave(self):
        self._over.set()
        self.join()
        self._kubectl("delete", *LEASE)


def processes(root, word):
    """The chain of processes from a child of root down to the first whose command line holds the word; empty where
    there is none."""
    for pid in descendants(root):
        if word in _line(pid):
            chain = [pid]
            while _parent(chain[0]) != root:
                chain.insert(0, _parent(chain[0]))
            return chain
    return []


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def _line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
