"""The action that lets a batch begin."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.action import batch

HOSTS = ["a", "b", "c", "d"]
ENDED = {"__monq_batch_ended": True}


@pytest.fixture
def ask(monkeypatch):
    shown = []

    def run(host, serial, ended=(), allowed=0, together=()):
        args = {"serial": serial, "allowed": allowed, "fact": "__monq_batch_ended"}
        monkeypatch.setattr(batch.ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
        monkeypatch.setattr(batch.ActionModule, "validate_argument_spec", lambda self, spec: (None, args))
        monkeypatch.setattr(batch, "show", lambda text, color=None: shown.append(text))
        hostvars = {name: ENDED if name in ended else {} for name in HOSTS}
        variables = {"inventory_hostname": host, "ansible_play_hosts_all": HOSTS, "hostvars": hostvars}
        variables["ansible_play_batch"] = list(together) or [host]
        return batch.ActionModule.__new__(batch.ActionModule).run(task_vars=variables), shown

    return run


@pytest.mark.parametrize(
    ("host", "serial", "ended", "allowed", "begins"),
    [
        ("a", [1, "100%"], (), 0, True),
        ("b", [1, "100%"], ("a",), 0, True),
        ("b", [1, "100%"], (), 0, False),
        ("b", [1, "100%"], ("c", "d"), 0, False),
        ("d", 1, ("a", "c"), 0, False),
        ("d", 1, ("a", "c"), 1, True),
        ("d", 1, ("a",), 1, False),
        ("d", "100%", (), 0, True),
        ("d", 2, ("a", "b"), 0, True),
    ],
)
def test_a_batch_begins_after_batches_without_failures(ask, host, serial, ended, allowed, begins):
    result, shown = ask(host, serial, ended, allowed)
    assert result["begins"] is begins and not result.get("failed")
    assert bool(shown) is not begins
    if not begins:
        assert f"{host}: NOT BEGUN" in shown[0] and all(name in shown[0] for name in result["not_ended"])


def test_batches_that_ansible_did_not_make_are_refused(ask):
    """monq_serial in the inventory: Ansible does not read it there, and all of them would begin at once."""
    result, _shown = ask("a", 1, together=HOSTS)
    assert result["failed"] and "a, b, c, d" in result["msg"] and "given with -e" in result["msg"]
    assert ask("a", "[1, 2]")[0]["failed"], "a text that is no list"
