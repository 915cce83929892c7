#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: notify
short_description: Tells people who are not at the terminal
version_added: 1.1.0
description:
  - Sends one event of a run to webhooks with M(ansible.builtin.uri), five seconds each. Delegate it to C(localhost).
  - Never fails a run. What could not be delivered is a warning, which shows no URL. Sends nothing in check mode.
  - With O(event=checked), only O(targets) is checked, and the task fails if it cannot be used.
extends_documentation_fragment:
  - monq.platform.attributes.reads
options:
  event:
    description: What has happened.
    type: str
    choices:
      - checked
      - announced
      - outage_begins
      - failed
      - question_asked
      - outage_over
      - verified
      - rollback_begins
      - rolled_back
    default: checked
  targets:
    description: Whom to tell; C(monq_notify).
    type: list
    elements: raw
    default: []
  host:
    description: Name of the installation.
    type: str
    default: ''
  environment:
    description: Name of the environment.
    type: str
    default: ''
  release:
    description: The release's data.
    type: dict
    default: {}
  window:
    description: C(monq_outage_window).
    type: str
    default: ''
  budget:
    description: C(monq_outage_budget), in seconds.
    type: int
    default: 0
  ledger:
    description: What M(monq.platform.ledger_info) returned.
    type: dict
    default: {}
  failure:
    description: C(task) and C(message) of a failure. Only the first line is sent.
    type: dict
    default: {}
  seen:
    description: What M(monq.platform.outage_watch) saw.
    type: dict
    default: {}
  secrets:
    description: What no message may show. No task that has it may be logged.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Tell that the outage begins
  monq.platform.notify:
    event: outage_begins
    targets: "{{ monq_notify }}"
    host: "{{ inventory_hostname }}"
    environment: "{{ monq_environment }}"
    release: "{{ _monq_release }}"
  delegate_to: localhost
  no_log: true
"""

RETURN = r"""
sent:
  description: The entries that were told.
  returned: always
  type: list
  elements: str
  sample: ["monq_notify[1]"]
problems:
  description: What could not be delivered, and why.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

DICT = {"type": "dict", "default": {}}
TEXT = {"type": "str", "default": ""}
EVENTS = [
    *("checked", "announced", "outage_begins", "failed", "question_asked", "outage_over", "verified"),
    *("rollback_begins", "rolled_back"),
]
SPEC = {
    "event": {"type": "str", "default": "checked", "choices": EVENTS},
    "targets": {"type": "list", "elements": "raw", "default": [], "no_log": True},
    "host": TEXT,
    "environment": TEXT,
    "release": DICT,
    "window": TEXT,
    "budget": {"type": "int", "default": 0},
    "ledger": DICT,
    "failure": DICT,
    "seen": DICT,
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    # The action plugin of this name does the work on the controller.
    module.fail_json(msg="monq.platform.notify runs on the controller: its action plugin was not found")


if __name__ == "__main__":
    main()
