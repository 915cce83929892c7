"""Runs a command and writes what it used, with all that it started, to a file: [--forks] FILE COMMAND…

A process of its own, and a small one: the kernel counts the memory of whoever starts a command as that command's. With
--forks it also looks, each second, how much memory each child of the command holds together with all that it started:
its share of what is shared (PSS)."""

import contextlib
import json
import os
import re
import sys
import time
from pathlib import Path


def parents():
    """{pid: pid of its parent}"""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it may have ended
            found[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
    return found


def held(pid):
    """MiB"""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(kib) for kib in re.findall(r"^Pss: +(\d+) kB", text, re.M)) / 1024


def largest_fork(root):
    """MiB of the largest child of this process, with its descendants."""
    known, sums = parents(), {}
    for pid in known:
        chain = [pid]
        while known.get(chain[-1]) not in (None, 0, root):
            chain.append(known[chain[-1]])
        if known.get(chain[-1]) == root:
            sums[chain[-1]] = sums.get(chain[-1], 0) + held(pid)
    return max(sums.values(), default=0)


def main(path, argv, forks):
    began, largest = time.monotonic(), 0
    pid = os.posix_spawnp(argv[0], argv, os.environ)
    while True:
        ended, status, used = os.wait4(pid, os.WNOHANG if forks else 0)
        if ended:
            break
        largest = max(largest, largest_fork(pid))
        time.sleep(1)
    result = {
        "wall": time.monotonic() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss / 1024,
        "fork": largest,
    }
    with open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps(result))
    return os.waitstatus_to_exitcode(status)


words = sys.argv[1:]
wants = words[0] == "--forks"
target, *command = words[1:] if wants else words
sys.exit(main(target, command, wants))
