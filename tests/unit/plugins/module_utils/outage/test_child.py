"""The process that outlives its module: real forks."""

from __future__ import annotations

import os
import time

from ansible_collections.monq.platform.plugins.module_utils.outage import child, record
from support.recorder import until

LOCK = "abc"


def watching(tmp_path, forever=True):
    def work(ready):
        kept = record.Record(record.path_of(tmp_path, LOCK), child.heading())
        kept.saw("ok", time.time())
        ready()
        while forever and not os.path.exists(record.stop_file(tmp_path, LOCK)):
            time.sleep(0.02)

    return work


def heading(tmp_path):
    return record.read(record.path_of(tmp_path, LOCK))["heading"]


def test_it_lives_in_a_session_of_its_own_until_it_is_stopped(tmp_path, capfd):
    assert child.start(watching(tmp_path)) == ""
    found = heading(tmp_path)
    assert child.is_alive(found) and os.getsid(found["pid"]) != os.getsid(0)
    assert os.readlink(f"/proc/{found['pid']}/fd/1") == os.devnull, "nobody waits for its output"
    assert child.stop(tmp_path, LOCK)
    assert not child.is_alive(found)
    assert not os.path.exists(record.stop_file(tmp_path, LOCK))
    assert capfd.readouterr() == ("", "")


def test_what_the_module_removes_at_its_end_is_left_alone(tmp_path):
    import atexit

    mark = tmp_path / "mark"
    atexit.register(mark.write_text, "removed")
    try:
        assert child.start(watching(tmp_path, forever=False)) == ""
        until(lambda: not child.is_alive(heading(tmp_path)))
    finally:
        atexit.unregister(mark.write_text)
    assert not mark.exists()


def test_one_that_cannot_begin_says_why(tmp_path):
    def work(_ready):
        raise OSError("no room")

    assert child.start(work) == "OSError: no room"
    assert child.start(lambda ready: None) == "it ended at once"


def test_one_that_says_nothing_is_not_waited_for(tmp_path):
    assert child.start(lambda ready: time.sleep(2), patience=0.1).startswith("it said nothing")


def test_another_process_with_its_pid_is_not_taken_for_it(tmp_path):
    found = child.heading()
    assert child.is_alive(found)
    assert not child.is_alive({**found, "started": found["started"] + 1})
    assert not child.is_alive({**found, "host": "another"}) and not child.is_alive({})
    assert child.stop(tmp_path, "none"), "nothing to stop"
