"""Which processes of this machine still work on an attempt."""

from __future__ import annotations

import os
import socket

from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.engine.attempts import alive


def test_its_own_process_and_those_started_for_it(monkeypatch):
    monkeypatch.setattr(process, "bearing", lambda attempt: [4711] if attempt == "a1" else [])
    own = {"attempt": "a1", "host": socket.gethostname(), "pid": os.getpid()}
    own["pid_start"] = process.start_time(os.getpid())
    assert alive({**own, "state": "intent"}) == [os.getpid(), 4711]
    assert alive({**own, "state": "unknown"}) == [4711]
    assert alive({**own, "state": "done"}) == alive({}) == alive({**own, "state": "intent", "host": "elsewhere"}) == []
