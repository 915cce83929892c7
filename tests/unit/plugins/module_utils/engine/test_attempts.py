"""Which processes on this machine still work on an attempt."""

from __future__ import annotations

import os
import socket

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.engine.attempts import alive

HERE = socket.gethostname()
OWN = {
    "state": "intent",
    "host": HERE,
    "pid": os.getpid(),
    "pid_start": process.start_time(os.getpid()),
    "attempt": "a",
}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, [os.getpid()]),
        ({"host": "elsewhere"}, []),
        ({"state": "done"}, []),
        ({"state": "accepted"}, []),
        ({"state": "failed"}, []),
        ({"pid_start": 1}, []),  # another process has its number now
        ({"pid_start": None}, []),
        ({"state": None}, []),
    ],
)
def test_the_process_that_wrote_an_intent_is_at_work_as_long_as_it_lives(changed, found):
    assert alive({**OWN, **changed}) == found


def test_nothing_is_at_work_on_a_step_without_an_entry():
    assert alive({}) == []
