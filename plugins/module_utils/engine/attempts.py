# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket

from .. import process
from . import steps


def alive(entry):
    """The processes on this machine that work on an attempt: the one that wrote the intent, and those started for
    it."""
    if entry.get("state") in (None, *steps.DONE) or entry.get("host") != socket.gethostname():
        return []
    found = process.bearing(entry.get("attempt"))
    start = entry.get("pid_start")
    own = entry.get("state") == "intent" and start is not None and process.start_time(entry.get("pid")) == start
    return ([entry["pid"]] if own else []) + found
