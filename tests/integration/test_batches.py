"""Batches of several hosts, in a playbook of plain tasks around the collection's own: what Ansible makes of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.fleet import Fleet, kill, processes
from support.harness import ROOT

PLAYBOOK = """
- hosts: monq
  gather_facts: false
  strategy: host_pinned
  tasks:
    - ansible.builtin.assert: {that: inventory_hostname not in early}
- hosts: monq
  gather_facts: false
  strategy: host_pinned
  serial: "{{ monq_serial | default('100%', true) }}"
  tasks:
    - ansible.builtin.import_tasks: ROOT/roles/monq/tasks/batch.yml
    - ansible.builtin.debug: {msg: "BEGUN {{ inventory_hostname }}"}
    - ansible.builtin.command: sleep {{ naps }}
      when: naps is defined
    - ansible.builtin.assert: {that: inventory_hostname not in late}
    - ansible.builtin.import_tasks: ROOT/playbooks/tasks/ended.yml
- hosts: monq
  gather_facts: false
  strategy: host_pinned
  tasks:
    - ansible.builtin.meta: end_host
      when: not (__monq_batch | default({})).begins | default(true)
    - ansible.builtin.debug: {msg: "VERIFIED {{ inventory_hostname }}"}
"""


@pytest.fixture
def start(tmp_path):
    (tmp_path / "callback_plugins").symlink_to(ROOT / "playbooks" / "callback_plugins")
    (tmp_path / "site.yml").write_text(PLAYBOOK.replace("ROOT", str(ROOT)))
    host = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}

    def run(serial, early="", late="", inventory=None, **more):
        variables = {**host, "_monq_serial_failures": more.pop("allowed", 0), **(inventory or {})}
        hosts = {"monq": {"hosts": {name: variables for name in "abcd"}}}
        (tmp_path / "hosts.json").write_text(json.dumps(hosts))
        given = {"early": list(early), "late": list(late), **({"monq_serial": serial} if serial else {}), **more}
        argv = [Path(sys.executable).parent / "ansible-playbook", "-i", tmp_path / "hosts.json", tmp_path / "site.yml"]
        argv += ["-e", json.dumps(given), "--forks", "4"]
        with open(tmp_path / "log", "wb") as log:
            return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    return run


def named(text, word):
    return "".join(name for name in "abcd" if f"{word} {name}" in text)


@pytest.mark.parametrize(
    ("serial", "given", "begun", "verified", "refused"),
    [
        ([2, "100%"], {"late": "a"}, "ab", "b", "cd"),  # b is no part of it and ends
        ([2, "100%"], {"early": "a"}, "b", "b", "cd"),  # the canary has failed in an earlier play
        ([1, "100%"], {"early": "a"}, "", "", "bcd"),  # its batch is empty, which Ansible takes for none that fails
        ([1, "100%"], {"late": "a"}, "a", "", ""),  # all of a batch: Ansible itself ends the run
        ([2, "100%"], {"late": "a", "allowed": 1}, "abcd", "bcd", ""),
    ],
)
def test_no_batch_begins_after_one_with_a_failure(start, tmp_path, serial, given, begun, verified, refused):
    rc = start(serial, **given).wait(timeout=120)
    text = (tmp_path / "log").read_text()
    assert (named(text, "BEGUN"), named(text, "VERIFIED")) == (begun, verified), text
    assert "".join(name for name in "abcd" if f"{name}: NOT BEGUN" in text) == refused, text
    assert rc == 2, text
    rows = {name: row.rpartition(" - ")[0] for name, row in Fleet.rows(text).items()}
    late = set("abcd") - set(begun) - set(given.get("early", ""))
    assert {name for name, row in rows.items() if row == "not begun"} == late, "the table, canary or not"


def test_a_serial_in_the_inventory_is_refused(start, tmp_path):
    """Ansible does not read it there: all would begin at once."""
    rc = start(None, inventory={"monq_serial": 1}).wait(timeout=120)
    text = (tmp_path / "log").read_text()
    assert rc == 2 and "Ansible reads it from no inventory" in text and named(text, "BEGUN") == "", text


def test_a_killed_process_of_ansible_is_noticed(start, tmp_path):
    """Ansible would wait for it forever. The others end, and the run is ended."""
    run = start(None, naps=8)
    deadline = time.monotonic() + 60
    while not (chain := processes(run.pid, "sleep 8")):
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.1)
    time.sleep(1.5)
    kill(chain[0])
    try:
        rc = run.wait(timeout=120)
    finally:
        run.kill()  # else it would wait forever, beside other tests
    text = (tmp_path / "log").read_text()
    assert rc not in (0, 2) and text.count("was killed") >= 1 and "Nothing else is running" in text, text
