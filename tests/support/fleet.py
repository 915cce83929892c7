"""Several installations as the hosts of one inventory."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import time
from pathlib import Path

from .harness import Run, descendants


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

    @staticmethod
    def rows(text):
        """The last table: {host: the rest of its row}."""
        lines = text[text.rindex("installations of this run") :].splitlines()[2:]
        rows = itertools.takewhile(lambda line: re.match(r"  (?!next,)\S", line), lines)
        return {line.split()[0]: " ".join(line.split()[1:]) for line in rows}


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
