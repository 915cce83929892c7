"""Runs in a new user and mount namespace: mounts what tests/support/bastion.py says, makes everything else read-only,
and becomes the command."""

from __future__ import annotations

import ctypes
import json
import os
import sys

BIND, RECURSIVE, READ_ONLY, AT_RECURSIVE, MOUNT_SETATTR = 4096, 16384, 1, 0x8000, 442


def become(given):
    libc = ctypes.CDLL(None, use_errno=True)

    def checked(status):
        if status:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def bind(source, target):
        checked(libc.mount(source.encode(), target.encode(), None, BIND | RECURSIVE, None))

    def attribute(path, add, remove, flags):
        values = (ctypes.c_uint64 * 4)(add, remove, 0, 0)
        checked(libc.syscall(MOUNT_SETATTR, -100, path.encode(), flags, values, ctypes.sizeof(values)))

    # What one of the mounts would hide stays reachable by its descriptor.
    covered = tuple(target + "/" for _source, target in given["mounts"])
    kept = {path: os.open(path, os.O_PATH) for path in given["kept"] if path.startswith(covered)}
    for source, target in [*given["mounts"], *given["files"], given["home"]]:
        bind(source, target)
    for path, descriptor in kept.items():
        os.makedirs(path, exist_ok=True)
        bind(f"/proc/self/fd/{descriptor}", path)
    for path in given["written"]:
        bind(path, path)
    attribute("/", READ_ONLY, 0, AT_RECURSIVE)
    for path in [*given["written"], "/proc"]:  # the id maps of a namespace are written there
        attribute(path, 0, READ_ONLY, 0)
    os.execvp(given["command"][0], given["command"])


if __name__ == "__main__":
    become(json.loads(sys.argv[1]))
