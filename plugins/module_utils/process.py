# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
import time
from collections import namedtuple

from .errors import CommandError
from .terminal import Kept

Result = namedtuple("Result", "rc stdout stderr timed_out")

POLL = 0.1
DRAIN = 1.0  # seconds without output from what outlives the program, after which it is not waited for
_PDEATHSIG = 1
# In every child's environment: lets a resumed run find processes that outlived their run.
ATTEMPT = "MONQ_PLATFORM_ATTEMPT"
_LIBC = ctypes.CDLL(None)  # loaded here and not between fork and exec, as the lease's thread may hold a lock


def _die_with(parent):
    # A monqctl that outlives its run would keep changing things unobserved.
    with contextlib.suppress(OSError, AttributeError):
        _LIBC.prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # died between fork and prctl: no signal will arrive
        os._exit(1)


def run(argv, env=None, timeout=3600, stdout=None, watch=None):
    """Runs argv without a shell and without stdin. Raises CommandError if the program cannot be started.

    watch: called while it runs, at least every POLL seconds, with its pid, the stream and what it has just printed, or
    nothing.
    """
    full = dict(os.environ)
    full.update(env or {})
    parent = os.getpid()
    try:
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=full,
            start_new_session=True,
            preexec_fn=lambda: _die_with(parent),  # pylint: disable=subprocess-popen-preexec-fn
        )
    except OSError as exc:
        error = CommandError(
            "the program cannot be started",
            argv[0],
            "an executable file",
            exc.strerror or str(exc),
            "install it, or correct its path in the inventory",
        )
        error.not_started = True
        raise error from exc
    kept = {stream: Kept() for stream in (process.stdout, process.stderr) if stream}
    timed_out = not _collect(process, kept, timeout, watch)
    if timed_out:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for pid in bearing(full.get(ATTEMPT)):  # processes that left the group still carry the mark
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        _collect(process, kept, DRAIN)
        process.wait()
    out, err = (kept[stream].text() if stream else "" for stream in (process.stdout, process.stderr))
    for stream in kept:
        stream.close()
    return Result(process.returncode, out, err, timed_out)


def _collect(process, kept, timeout, watch=None):
    """Reads until the program has ended and its output too, or nobody has written for a while; returns False after the
    timeout. A child that inherited its output, such as a daemon, may hold that open for ever."""
    end, quiet = time.monotonic() + timeout, 0.0
    with selectors.DefaultSelector() as selector:
        for stream in kept:
            if not stream.closed:
                selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            ended = process.poll() is not None
            ready = selector.select(max(0.0, min(POLL, end - time.monotonic())))
            for key, _events in ready:
                data = os.read(key.fd, 65536)
                kept[key.fileobj].add(data)
                _show(watch, process.pid, key.fd, data)
                if not data:
                    selector.unregister(key.fileobj)
            _show(watch, process.pid, None, b"")
            quiet = 0.0 if ready or not ended else quiet + POLL
            if ended and quiet >= DRAIN:
                return True
            if not ended and time.monotonic() >= end:
                return False
    try:
        process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _show(watch, *seen):
    if watch:
        with contextlib.suppress(Exception):  # a look at a program must not fail it
            watch(*seen)


@contextlib.contextmanager
def marked(attempt):
    """Marks children started meanwhile, and their children, with the attempt's ID in their environment."""
    os.environ[ATTEMPT] = attempt
    try:
        yield
    finally:
        del os.environ[ATTEMPT]


def bearing(attempt):
    """The live processes of this machine that were started for an attempt, except those that we may not inspect."""
    mark, found = f"{ATTEMPT}={attempt}".encode(), []
    for name in os.listdir("/proc") if attempt else []:
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as environment:
                if mark in environment.read().split(b"\0"):
                    found.append(int(name))
    return sorted(found)


def here():
    """Identifies this machine, boot and process namespace, within which a pid is unique. Host names may repeat."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
        parts.append(boot.read().strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def start_time(pid):
    """The kernel's start time of a process in ticks, or None if it is not running: detects a reused pid."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[19])
    except (OSError, ValueError, IndexError):
        return None
