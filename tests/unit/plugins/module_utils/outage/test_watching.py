"""The watch of one run, with a real process beside it and servers of the tests' own."""

from __future__ import annotations

import json
import time

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError
from ansible_collections.monq.platform.plugins.module_utils.outage import child, record, watcher
from ansible_collections.monq.platform.plugins.module_utils.outage.watching import Watching, settings
from ansible_collections.monq.platform.plugins.module_utils.report import facts
from ansible_collections.monq.platform.plugins.modules import outage_watch
from fake_session import opened
from support.recorder import Alertmanager, Recorder, until

MATCHERS = [{"name": "service", "value": "monq"}]


def session(cluster, tmp_path, url="", silence=None, check_mode=False, state="started", **given):
    first = opened(cluster, home=tmp_path)
    lock_id = given.pop("lock_id", None) or first.lease.acquire("me")
    text = json.dumps(silence) if silence else ""
    return opened(
        cluster,
        check_mode=check_mode,
        home=tmp_path,
        lock_id=lock_id,
        url=url,
        expect={},
        silence=text,
        settle=0,
        state=state,
        **{"purpose": "upgrade", **given},
    )


def pid(opened_session):
    path = record.path_of(opened_session.folder, opened_session.params["lock_id"])
    return record.read(path)["heading"].get("pid")


def test_what_is_seen_is_in_the_file_the_result_and_the_cluster(cluster, tmp_path):
    with Recorder() as monq, Alertmanager() as alerts:
        silence = {"url": alerts.url, "matchers": MATCHERS}
        one = session(cluster, tmp_path, monq.url, silence)
        watching = Watching(one, lambda: cluster)
        found = watching.start()
        assert found["running"] and found["silenced"] and found["problems"] == []
        assert Watching(one, lambda: cluster).start()["running"] and pid(one) == pid(one), "one is enough"
        asked = len(monq.requests)
        monq.status = 404
        until(lambda: len(monq.requests) > asked + 1)
        monq.status = 200
        until(lambda: _states(one) == ["ok", "not_found", "ok"])
        assert len(alerts.active()) == 1 and "5.9.3 to 6.0.0" in alerts.active()[0]["comment"]
        watching = Watching(one, lambda: cluster)
        found = outage_watch.stopped(watching, one)
        assert (found["running"], found["seen"]["state"], found["silenced"]) == (False, "ended", True)
        assert "changes" not in found["seen"]
    recorded = facts.read(cluster, "production", "6.0.0")
    spans = record.spans(one.folder)
    assert recorded["watched"] == spans
    assert facts.watched(recorded, {}) == facts.watched({}, spans)
    assert [row["state"] for row in facts.watched(recorded, {})["changes"]] == [
        "ok",
        "not_found",
        "ok",
        "not_observed",
    ]


def _states(opened_session):
    [one] = list(record.spans(opened_session.folder).values())
    return [row["state"] for row in one["changes"]]


def test_a_page_that_does_not_answer_before_the_outage_is_a_warning(cluster, tmp_path):
    with Recorder(404) as monq:
        one = session(cluster, tmp_path, monq.url)
        found = Watching(one, lambda: cluster).start()
        assert found["running"] and "not_found" in found["problems"][0] and "monq_probe_expect" in found["problems"][0]
        Watching(one).stop()


def test_before_a_rollback_monq_may_be_down_and_the_silence_says_what_is_done(cluster, tmp_path):
    with Recorder(404) as monq, Alertmanager() as alerts:
        silence = {"url": alerts.url, "matchers": MATCHERS}
        one = session(cluster, tmp_path, monq.url, silence, purpose="rollback")
        found = Watching(one, lambda: cluster).start()
        assert found["running"] and found["problems"] == [] and found["seen"]["state"] == "running"
        assert "rolled back from 6.0.0 to 5.9.3" in alerts.active()[0]["comment"]
        Watching(one).stop()


@pytest.mark.parametrize("alerts", [Alertmanager(status=500), Alertmanager(hang=30)])
def test_an_alertmanager_that_fails_is_a_warning(cluster, tmp_path, alerts):
    with alerts:
        one = session(cluster, tmp_path, silence={"url": alerts.url, "matchers": MATCHERS})
        watching = Watching(one, lambda: cluster)
        watching._silence._timeout = 0.2
        found = watching.start()
        assert not found["silenced"] and "monq_silence" in found["problems"][0]
        assert alerts.url not in str(found)
        watching.stop()


def test_a_folder_that_cannot_be_written_is_a_warning(cluster, tmp_path):
    one = session(cluster, tmp_path / "file" / "x", "http://127.0.0.1:9/")
    (tmp_path / "file").write_text("no folder")
    found = Watching(one, lambda: cluster).start()
    assert not found["running"] and found["problems"][0].startswith("the outage is not watched")


def test_without_the_lock_nothing_is_left_running(cluster, tmp_path):
    one = session(cluster, tmp_path, "http://127.0.0.1:9/")
    one.lease.release(one.params["lock_id"])
    found = Watching(one, lambda: cluster).start()
    assert not found["running"] and "does not hold the lock" in found["problems"][0]
    until(lambda: not child.is_alive(record.read(record.path_of(one.folder, one.params["lock_id"]))["heading"]))


def test_check_mode_asks_nobody(cluster, tmp_path):
    with Recorder() as monq, Alertmanager() as alerts:
        silence = {"url": alerts.url, "matchers": MATCHERS}
        one = session(cluster, tmp_path, monq.url, silence, check_mode=True)
        assert not Watching(one).start()["running"]
        outage_watch.stopped(Watching(one), one)
        assert monq.requests == [] and alerts.requests == [] and list(tmp_path.iterdir()) == []


def test_the_silence_of_a_dead_run_lapses_in_a_real_process(cluster, tmp_path, monkeypatch):
    """The new process has a cluster of its own, in which nobody renews the lock: as after SIGKILL of the run."""
    monkeypatch.setattr(watcher, "LOOK", 0.05)
    monkeypatch.setattr(watcher, "PROLONG", 0.1)
    monkeypatch.setattr("ansible_collections.monq.platform.plugins.module_utils.outage.silence.LENGTH", 1)
    with Recorder() as monq, Alertmanager() as alerts:
        one = session(cluster, tmp_path, monq.url, {"url": alerts.url, "matchers": MATCHERS}, lock_duration=1)
        Watching(one, lambda: cluster).start()
        until(lambda: alerts.silences and not alerts.active())
        asked = len(monq.requests)
        until(lambda: len(monq.requests) > asked)
        time.sleep(0.3)
        assert not alerts.active(), "and nobody prolongs it again"
        Watching(one).stop()


def test_what_cannot_be_used_is_refused():
    with pytest.raises(InputError, match="monq_silence"):
        settings("", {}, "[]")
    with pytest.raises(InputError, match="monq_probe_url"):
        settings("ftp://x", {}, "")
    assert settings("", {}, "") == (None, None)
