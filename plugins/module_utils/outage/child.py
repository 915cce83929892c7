# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the process that watches the outage. It is forked: what it needs is loaded, so that it may outlive
the files of its module."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import time

from .. import process
from . import record

READY = 20.0  # seconds for the first look at Monq and at the Lease


def start(work, patience=READY):
    """Runs work(ready) in a process of its own session, and returns the text that it passed to ready(): an empty one,
    or why it does not run. The process ends when work returns."""
    reading, writing = os.pipe()
    first = os.fork()
    if first == 0:
        _child(work, reading, writing)
    os.close(writing)
    os.waitpid(first, 0)
    try:
        return _heard(reading, patience)
    finally:
        os.close(reading)


def _heard(reading, patience):
    end, data = time.monotonic() + patience, b""
    while b"\n" not in data:
        left = end - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return f"it said nothing within {patience:.0f} s"
        piece = os.read(reading, 4096)
        if not piece:
            return "it ended at once"
        data += piece
    return data.partition(b"\n")[0].decode("utf-8", "replace")


def _child(work, reading, writing):
    """Never returns."""
    code = 1
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.chdir("/")
        os.close(reading)
        empty = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):  # whoever waits for the module's output must not wait for this process
            os.dup2(empty, number)
        atexit._clear()  # what the module removes at its end is not ours to remove
        os.environ.pop(process.ATTEMPT, None)
        _work(work, writing)
        code = 0
    finally:
        with contextlib.suppress(BaseException):
            atexit._run_exitfuncs()
        os._exit(code)


def _work(work, writing):
    told = []

    def ready(problem=""):
        if not told:
            told.append(problem)
            with contextlib.suppress(OSError):
                os.write(writing, " ".join(problem.split()).encode() + b"\n")
                os.close(writing)

    try:
        work(ready)
    except BaseException as exc:  # pylint: disable=broad-exception-caught
        ready(str(getattr(exc, "what", "")) or f"{type(exc).__name__}: {exc}")


def heading():
    """What identifies this process, for its record."""
    return {"format": 1, "pid": os.getpid(), "started": process.start_time(os.getpid()), "host": process.here()}


def is_alive(heading):
    """Whether the process that wrote this heading runs on this machine."""
    started, pid = heading.get("started"), heading.get("pid")
    if not started or heading.get("host") != process.here() or process.start_time(pid) != started:
        return False
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"  # in a container nobody may collect what has ended
    return False


def stop(folder, lock_id, settle=0.0, patience=5.0):
    """Tells the process of that lock to end, and waits for it. settle: seconds that it may go on for, until Monq
    answers. Returns whether it has ended."""
    path = record.stop_file(folder, lock_id)
    found = record.read(record.path_of(folder, lock_id))["heading"]
    if not is_alive(found):
        return True
    with open(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
        file.write(str(settle))
    end = time.monotonic() + settle + patience
    while is_alive(found) and time.monotonic() < end:
        time.sleep(0.1)
    ended = not is_alive(found)
    if ended:
        with contextlib.suppress(OSError):
            os.unlink(path)
    return ended
