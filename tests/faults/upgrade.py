"""One installation whose upgrade is disturbed again and again, and repeated with the same command until it finishes;
and the operator who makes the decisions that it asks for."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, namedtuple
from pathlib import Path

from ansible_collections.monq.platform.plugins.module_utils.engine import steps as step_list
from support.api_proxy import Proxy
from support.comparison import differences, state
from support.harness import ROOT, Installation, descendants

from . import points
from .hook import Hook

LOCK = 3  # seconds to wait until the lock of a killed holder is taken over
HANGS = 20  # seconds until monqctl is killed
REFUSED = ("another run holds the lock", "an earlier run is still working on this step")
ANSWER = re.compile(r'-e \'(\{"monq_resolve": .*?\}\}\})\'')

# After a crash, PostgreSQL continues a sequence up to 32 numbers later, because it logs sequences ahead.
SEQUENCE = re.compile(r"(setval\('[^']+', )\d+, (?:true|false)")

Row = namedtuple("Row", "modules step step_class place kind where result runs seconds cpu")


class Broken(AssertionError):
    """An upgrade did not survive a fault. The message ends with the command that reproduces it."""


def release():
    import yaml

    return yaml.safe_load((ROOT / "roles/monq/vars/main/release.yml").read_text(encoding="utf-8"))["_monq_release"]


def plan(modules):
    return step_list.plan(release(), list(modules))


class Upgrade(Installation):
    """An installation behind a proxy, with a short lock, a wrapper around pg_dump on the PATH and, if the kernel
    permits it, a small disk for its backups."""

    def __init__(self, sandbox, name):
        super().__init__(sandbox, name)
        self.proxy = Proxy(sandbox.facts["kubeconfig"])
        self.answers = Counter()  # attempt -> answers given
        self.asked = Counter()  # step -> how often the run asked
        self.sealed = {}
        self._restarting, self._down = None, False
        self._disk = False
        path = self.inventory / "hosts.json"
        hosts = json.loads(path.read_text())
        hosts["monq"]["hosts"][name].update(
            monq_kubeconfig=self.proxy.kubeconfig(self.work / "kubeconfig"),
            monq_lock_duration=LOCK,
            monq_monqctl_timeout=HANGS,
            monq_effect_timeout=5,
            monq_ingress_reload_pause=0,
        )
        path.write_text(json.dumps(hosts))
        self.plan = plan(self.facts["modules"])
        self.armed_dump = self.work / "armed-dump"
        self._stand_in()

    def close(self):
        self.proxy.close()
        if self._disk:
            subprocess.run(["umount", str(self.backup)], check=False, capture_output=True)
        super().close()

    # ---- what strikes in the middle of calls

    def _stand_in(self):
        """Writes a wrapper around pg_dump that changes nothing, except for the one armed dump: it is struck when half
        of it is written."""
        folder, real = self.work / "bin", shutil.which("pg_dump")
        folder.mkdir()
        ask = self.proxy.point()[2]
        (folder / "pg_dump").write_text(
            f"""#!/bin/bash
armed={self.armed_dump}
case "$1" in --version) exec {real} "$@";; esac
[ -e "$armed" ] || exec {real} "$@"
how=$(<"$armed")
if [ "$how" = full ]; then rm -f "$armed"; exec {real} "${{@/#--file=*/--file=/dev/full}}"; fi
if [ "$how" = half ]; then
  {real} "$@" || exit
  for word in "$@"; do case "$word" in --file=*) file=${{word#--file=}};; esac; done
  truncate -s $(($(stat -c %s "$file") / 2)) "$file"
fi
( {ask} )
rm -f "$armed"
[ "$how" = half ] && exit 1
exec {real} "$@"
"""
        )
        (folder / "pg_dump").chmod(0o755)

    def small_disk(self):
        """Mounts a separate file system for the backups, which a strike can fill."""
        self.backup.mkdir(mode=0o700, exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(self.backup)],
            check=False,
            capture_output=True,
            text=True,
        )
        self._disk = done.returncode == 0

    def fill_disk(self):
        """Fills the disk. Without the right to mount, dumps are written to /dev/full instead, which also returns the
        kernel's ENOSPC."""
        if not self._disk:
            self.armed_dump.write_text("full")
            return
        disk = os.statvfs(self.backup)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        subprocess.run(
            ["mount", "-o", f"remount,size={used + 8192}", str(self.backup)], check=True, capture_output=True
        )

    def free_disk(self):
        if self._disk:
            subprocess.run(["mount", "-o", "remount,size=1g", str(self.backup)], check=True, capture_output=True)

    # ---- processes of the sandbox

    def _pid(self, process):
        path = self.sandbox.dir / "processes" / f"{process}.json"
        return json.loads(path.read_text())["pid"]

    def stop_process(self, process, sig):
        """Stops a process that this sandbox has started, by its pid; returns when it is gone."""
        pid = self._pid(process)
        self._down = True
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sig)
        while (
            Path(f"/proc/{pid}/stat").exists()
            and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        ):
            time.sleep(0.02)

    def restart_soon(self):
        """Restarts with `sandbox up` whatever has died, while the run continues."""
        env = {**os.environ, "SANDBOX_DIR": str(self.sandbox.dir)}
        argv = [str(ROOT / "tests" / "sandbox" / "sandbox"), "up"]
        self._restarting = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    @staticmethod
    def kill(process, sig=signal.SIGKILL):
        """Kills the whole process tree, parents first, until nothing is left: processes forked meanwhile are found by
        the next pass."""
        found = {process.pid}
        while found:
            for pid in sorted(found):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            more = {child for pid in found for child in descendants(pid)} - found
            if not more:
                break
            found |= more
        for pid in sorted(found):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sig)
        process.wait(timeout=60)

    # ---- runs

    def begin(self, hook=None, resolve=None):
        """Starts one run of the command."""
        self.proxy.hook = hook
        path = f"{self.work / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        process = self.start("site", extra={"monq_resolve": resolve} if resolve else None, env={"PATH": path})
        if hook:
            hook.process = process
        return process

    def run(self, hook=None, resolve=None):
        process = self.begin(hook, resolve)
        rc = process.wait(timeout=900)
        self.proxy.hook = None
        if hook:
            hook.settle()
        text = Path(process.log).read_text(errors="replace")
        self._mend()
        self._watch_seals()
        return rc, text

    def _mend(self):
        """Repairs the cause: everything runs, nothing is armed, the disk has space."""
        self.faults()
        self.armed_dump.unlink(missing_ok=True)
        self.free_disk()
        if self._restarting:
            self._restarting.wait(timeout=120)
            self._restarting = None
        if self._down:
            self._down = False
            self.sandbox("up")  # and the controllers, if they have died of it

    def _watch_seals(self):
        for secret in self.objects("secrets"):
            name = secret["metadata"]["name"]
            if name.startswith("monq-upgrade-"):
                assert self.sealed.setdefault(name, secret["data"]) == secret["data"], (
                    f"snapshot {name} was written again"
                )

    def _operator(self, text):
        """Does what an operator would do when asked: checks the database, and decides on the attempt that the error
        names."""
        choices = [json.loads(found)["monq_resolve"] for found in ANSWER.findall(text)]
        if not choices:
            return None
        ((step, first),) = choices[0].items()
        if points.step_class(step) != "SQL":
            raise Broken(f"{step}: only about SQL may a run ask\n{text[-4000:]}")
        attempt = first["attempt"]
        assert self.ledger()[step]["attempt"] == attempt, "the refusal names an attempt that the ledger does not hold"
        assert self.answers[attempt] == 0, f"{step}: attempt {attempt} is asked about twice"
        self.answers[attempt] += 1
        self.asked[step] += 1
        answer = "done" if self.applied(step) else "retry"
        return {step: {"answer": answer, "attempt": attempt}}

    def applied(self, step):
        """Returns whether the SQL of this step has run, as counted in its database."""
        argv = next(entry.argv for entry in self.plan if entry.key == step)
        module, service = (
            next(word.split("=", 1)[1] for word in argv if word.startswith(f"--{name}="))
            for name in ("module", "microservice")
        )
        file = argv[argv.index("--file") + 1]
        return self.migrations().get((module, file, service), 0) > 0

    def leftovers(self):
        """Returns whatever killed runs may have left behind and a finished upgrade must have removed: partial dumps,
        monqctl's files, scratch databases, a running monqctl."""
        found = [str(path) for path in self.backup.rglob("*.partial")]
        found += [str(path) for path in Path(self.facts["monqctl_home"]).glob(".monq-*.json")]
        service = next(iter(self.facts["databases"]))
        found += self.psql(service, "select datname from pg_database where datname like 'monq\\_scratch\\_%'").split()
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if self.facts["monqctl"] in path.read_text(errors="replace").split("\0"):
                    found.append(f"monqctl, pid {path.parent.name}")
        return found

    def go_on(self, hook=None, most=4):
        """Repeats the same command until it neither asks nor waits for an earlier process; returns (rc, text, runs,
        answers)."""
        resolve, answers = None, []
        for runs in range(1, most + 1):
            rc, text = self.run(hook, resolve)
            if hook and hook.struck:
                return rc, text, runs, answers
            resolve = self._operator(text)
            if resolve:
                answers += [given["answer"] for given in resolve.values()]
            elif rc == 0 or not any(word in text for word in REFUSED):
                return rc, text, runs, answers
        raise Broken(f"the same command was refused {most} times:\n{text[-3000:]}")

    # ---- a fault, and the end

    def strike(self, strike):
        """Injects one fault; returns its result as a Row. The next run resumes."""
        began, spent = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        hook = Hook(strike, self)
        rc, text, runs, answers = self.go_on(hook)
        if not hook.struck:
            raise Broken(
                f"{strike}: the run ended with status {rc} before the fault could "
                f"strike\n{text[-3000:]}{again(strike, self.facts['modules'])}"
            )
        if rc == 0 and strike.kind not in ("term",):
            raise Broken(
                f"{strike}: the run ended well in spite of the "
                f"fault\n{text[-2000:]}{again(strike, self.facts['modules'])}"
            )
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = now.ru_utime + now.ru_stime - spent.ru_utime - spent.ru_stime
        result = "stopped" if not answers else "answered " + ", ".join(answers) + ", stopped"
        where = hook.seen or "its call"
        return Row(
            ",".join(self.facts["modules"]),
            strike.step,
            points.step_class(strike.step),
            strike.place,
            strike.kind,
            where,
            result,
            runs,
            round(time.monotonic() - began, 1),
            round(cpu, 1),
        )

    def end(self, reference, strikes):
        """Makes the last run, and checks what must be true then."""
        modules = self.facts["modules"]
        rc, text, _runs, _answers = self.go_on()
        told = "".join(again(strike, modules) for strike in strikes[-1:])
        if rc:
            raise Broken(f"the upgrade does not end: status {rc}\n{text[-4000:]}{told}")
        seen, wanted = json.loads(json.dumps(state(self))), json.loads(json.dumps(reference["state"]))
        if any(strike.kind == "pg-restart" for strike in strikes):
            for side in (seen, wanted):
                side["databases"] = {name: SEQUENCE.sub(r"\1", text) for name, text in side["databases"].items()}
        found = differences(seen, wanted)
        if found:
            raise Broken(f"the end differs from an uninterrupted run: {found[:10]}{told}")
        counted = {"|".join(key): runs for key, runs in self.migrations().items()}
        if counted != reference["migrations"] or set(counted.values()) != {1}:
            raise Broken(f"SQL files did not run exactly once: {counted}{told}")
        left = self.leftovers()
        if left:
            raise Broken(f"something is left over: {left}{told}")
        undone = [
            step.key for step in self.plan if (self.ledger().get(step.key) or {}).get("state") not in step_list.DONE
        ]
        if undone:
            raise Broken(f"the run ended well, but the ledger does not know as done: {undone}{told}")


def again(strike, modules):
    return (
        f"\nonce more: make faults-point STEP={strike.step} PLACE={strike.place} KIND={strike.kind} "
        f"MODULES={','.join(modules)}\n"
    )
