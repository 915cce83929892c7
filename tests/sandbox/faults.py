# GNU General Public License v3.0+
"""Faults on request. The file is a list of

{"match": [words in order], "changing": true, "kind": "fail|hang|lie|die|exec", "when": "before|during|after",
 "skip": n, "times": n, "text": "...", "stream": "stderr|stdout", "command": [...]}
"""

import os
import sys
import time

from files import Locked, read_json, write_json
from monqctl_arguments import changing, split

TEXTS = {
    "fail": "Error: dial tcp: connect: connection refused (a fault of the sandbox)",
    "lie": 'ERROR: relation "x" does not exist',
}


def matches(match, argv):
    """Returns whether all words occur in the argv, in this order; --a=b and --a b are the same."""
    rest = iter(split(argv))
    return all(any(word == seen for seen in rest) for word in split(match))


def take(path, argv, when):
    """Returns the first fault that is due for this call, counted down atomically; None in most cases."""
    if os.path.getsize(path) < 5:
        return None
    with Locked(os.path.dirname(path)):
        faults = read_json(path, [])
        for fault in faults:
            if fault.get("when", "before") != when or fault.get("times", 1) <= 0 or not matches(fault["match"], argv):
                continue
            if fault.get("changing") and not changing(argv):
                continue
            if fault.get("skip", 0) > 0:
                fault["skip"] -= 1
                write_json(path, faults)
                continue
            fault["times"] = fault.get("times", 1) - 1
            write_json(path, faults)
            return fault
    return None


def commit(fault):
    """Carries out the fault. Returns the exit status, or None if the call continues."""
    kind = fault["kind"]
    stream = sys.stdout if fault.get("stream") == "stdout" else sys.stderr
    if kind == "exec":
        import subprocess

        subprocess.run(fault["command"], check=False, stdin=subprocess.DEVNULL)
        return None
    if kind == "hang":
        while True:
            time.sleep(3600)
    if kind == "die":
        os.kill(os.getpid(), 9)
    print(fault.get("text") or TEXTS[kind], file=stream, flush=True)
    return 1 if kind == "fail" else 0
