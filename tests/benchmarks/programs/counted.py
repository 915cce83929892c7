"""Runs a command and writes what it used, with all that it started, to a file: FILE COMMAND…

A process of its own, and a small one: the kernel counts the memory of whoever starts a command as that command's."""

import json
import os
import sys
import time

path, *argv = sys.argv[1:]
began = time.monotonic()
_pid, status, used = os.wait4(os.posix_spawnp(argv[0], argv, os.environ), 0)
result = {
    "wall": time.monotonic() - began,
    "cpu": used.ru_utime + used.ru_stime,
    "memory": used.ru_maxrss / 1024,
}
with open(path, "w", encoding="utf-8") as out:
    out.write(json.dumps(result))
sys.exit(os.waitstatus_to_exitcode(status))
