# GNU General Public License v3.0+
"""Long-running processes of the sandbox: started in the background, identified by pid and start time, stopped and
waited for."""

import contextlib
import os
import signal
import subprocess
import time

from files import read_json, write_json


def started_at(pid):
    """Returns the process's start time in clock ticks, or None. Together with the pid, it distinguishes a process from
    a later one with the same pid."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


class Processes:
    def __init__(self, directory):
        self.dir = directory
        os.makedirs(directory, mode=0o700, exist_ok=True)

    def _record(self, name):
        return os.path.join(self.dir, name + ".json")

    def names(self):
        return sorted(name[:-5] for name in os.listdir(self.dir) if name.endswith(".json"))

    def pid(self, name):
        seen = read_json(self._record(name))
        return seen["pid"] if seen and started_at(seen["pid"]) == seen["started"] else None

    def start(self, name, argv, log, user=None, env=None, cwd="/"):
        group = {"user": user, "group": user, "extra_groups": []} if user else {}
        with open(log, "ab") as out:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd=cwd,
                env=env,
                **group,
            )
        write_json(self._record(name), {"pid": child.pid, "started": started_at(child.pid), "argv0": argv[0]})
        return child

    def stop(self, name, sign=signal.SIGTERM, patience=10):
        pid = self.pid(name)
        deadline = time.monotonic() + patience
        while pid and self.pid(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            while self.pid(name) and time.monotonic() < deadline:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                time.sleep(0.02)
            sign, deadline = signal.SIGKILL, time.monotonic() + 5
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._record(name))


def wait_for(what, check, seconds, child=None, log=None):
    """Polls until check() is true. If the child has exited, raises at once, with the end of its log."""
    deadline = time.monotonic() + seconds
    while not check():
        dead = child is not None and child.poll() is not None
        if dead or time.monotonic() > deadline:
            tail = ""
            if log and os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as file:
                    tail = "\n" + "".join(file.readlines()[-15:])
            state = "ended" if dead else f"not ready after {seconds} s"
            raise SystemExit(f"{what}: {state}{'; ' + log + ' ends:' if log else ''}{tail}")
        time.sleep(0.05)
