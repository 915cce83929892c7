"""What a run has made of each installation, gathered from results."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.plugin_utils import installations

CHECKED = ("monq.platform.preflight", "Read everything", {"ledger": {"platform": "up", "outage_seconds": None}})
FACT = ("ansible.builtin.set_fact", "Remember", {"ansible_facts": {"__monq_batch_ended": True}})
FAILED = {"installation": {"verdict": "failed", "at": "a.b.c", "outage": None, "platform": "down"}}


@pytest.fixture
def rows(monkeypatch):
    monkeypatch.setattr(installations, "typed", lambda: {"playbooks": ["site.yml"], "limit": "old"})
    monkeypatch.setattr(installations, "job", lambda: "")
    made = installations.Installations()
    made.expect({"batch", "verify"})
    return made


def results(text):
    rows = [line.split() for line in text.splitlines()[2:] if line[2] != " " and not line.startswith("  next,")]
    return {host: " ".join(rest) for host, *rest in rows}


def test_each_kind_of_end(rows):
    for host in ("done", "fails", "crash", "gone", "late", "never", "half"):
        rows.take(host, *CHECKED)
    for host in ("done", "fails", "crash", "gone", "half"):
        rows.take(host, "monq.platform.batch", "Begin", {"begins": True})
    rows.take("late", "monq.platform.batch", "Begin", {"begins": False})
    rows.take("done", *FACT)
    rows.take("done", "monq.platform.verify", "Verify", {"outage_seconds": 7})
    rows.take("fails", "monq.platform.failure", "Report", FAILED, failed=True)
    rows.take("fails", "monq.platform.lock", "Release the lock", {"msg": "no"}, failed=True)
    rows.take("crash", "ansible.builtin.debug", "Task of the site", {"msg": "no"}, failed=True)
    rows.take("gone", "monq.platform.lock", "Take the lock", {"msg": "ssh: no route"}, unreachable=True)
    seen = results(rows.table())
    assert {name: seen[name] for name in ("done", "fails", "crash", "gone", "late", "never", "half")} == {
        "done": "done 7 s up",
        "fails": "failed at a.b.c - DOWN",
        "crash": "failed at Task of the site - up",
        "gone": "unreachable: ssh: no route - up",
        "late": "not begun - up",
        "never": "not begun - up",
        "half": "not finished - up",
    }
    assert list(seen) == sorted(seen), "results come in any order"
    assert "--limit crash,fails,gone,half,late,never" in rows.table() and "old" not in rows.table()


def test_one_installation_needs_no_table(rows):
    rows.take("done", *CHECKED)
    assert rows.table() == ""


def test_a_run_that_only_checks_calls_nobody_not_begun(monkeypatch):
    monkeypatch.setattr(installations, "typed", dict)
    made = installations.Installations()
    for host in "ab":
        made.take(host, *CHECKED)
    made.take("b", "monq.platform.report", "Report all findings at once", {"msg": "MONQ-001"}, failed=True)
    assert results(made.table())["a"] == "checked - up"
    assert results(made.table())["b"] == "failed at Report all findings at once - up"


def test_upgrade_alone_ends_with_upgraded(rows):
    for host in "ab":
        rows.take(host, *CHECKED)
        rows.take(host, "monq.platform.batch", "Begin", {"begins": True})
        rows.take(host, *FACT)
    assert results(rows.table())["a"] == "upgraded, not verified yet - up"


def test_a_rollback_knows_its_installations_from_the_batches(monkeypatch):
    monkeypatch.setattr(installations, "typed", lambda: {"playbooks": ["rollback.yml"]})
    monkeypatch.setattr(installations, "job", lambda: "")
    made = installations.Installations()
    made.expect({"batch", "rollback_step"})
    made.take("a", "monq.platform.batch", "Begin", {"begins": True, "hosts": ["a", "b", "c"]})
    made.take("a", *FACT)
    made.take("b", "monq.platform.batch", "Begin", {"begins": False, "hosts": ["a", "b", "c"]})
    assert results(made.table()) == {"a": "rolled back - up", "b": "not begun - -", "c": "not begun - -"}
    assert "--limit b,c" in made.table()
    made.take("c", "monq.platform.batch", "Begin", {"begins": False, "hosts": ["c", "a", "b"]})
    assert list(results(made.table())) == ["c", "a", "b"], "as in the inventory"


def test_in_awx_the_next_step_is_a_relaunch(monkeypatch):
    monkeypatch.setattr(installations, "job", lambda: "17")
    made = installations.Installations()
    made.take("a", "monq.platform.failure", "Report", FAILED, failed=True)
    made.take("b", "monq.platform.failure", "Report", FAILED, failed=True)
    assert "relaunch" in made.table() and "limit: a,b" in made.table()


def test_a_killed_process_is_a_row(rows):
    for host in "ab":
        rows.take(host, *CHECKED)
    before = results(rows.table())["b"]
    rows.kill("b", "Wait")
    rows.take("b", "monq.platform.registry_status", "Wait", {})
    assert results(rows.table())["b"] == before, "there is a result after all"
    rows.kill("b", "Verify")
    assert results(rows.table())["b"] == "its process was killed at Verify - up"
