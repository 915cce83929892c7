#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: failure
short_description: Reports what failed, the current state and the next command, and fails
version_added: 1.0.0
description:
  - Shows the final text of a failing run. Runs on the controller, in a C(rescue), and always fails, so that the play
    fails.
  - The next command is the one that was given. Of inline extra variables, only C(monq_confirm_outage) is shown with its
    value, as the others may be secrets.
extends_documentation_fragment:
  - monq.platform.attributes.reads
options:
  task:
    description: Name of the task that failed.
    type: str
    required: true
  result:
    description: The result of that task.
    type: dict
    required: true
  ledger:
    description: What M(monq.platform.ledger_info) returned.
    type: dict
    default: {}
  bundle:
    description: What M(monq.platform.support_bundle) returned.
    type: dict
    default: {}
"""

EXAMPLES = r"""
# In a rescue, where Ansible knows what failed.
- name: Report what failed, the current state and the next command
  monq.platform.failure:
    task: "{{ ansible_failed_task.name }}"
    result: "{{ ansible_failed_result }}"
"""

RETURN = r"""
installation:
  description: The row of this installation in the table of all, with C(verdict), C(at), C(outage) and C(platform).
  returned: always
  type: dict
  sample: {"verdict": "failed", "at": "upgrade.routing.cut", "outage": null, "platform": "up"}
msg:
  description: The failure and the next command in one line; the full text is printed line by line.
  returned: always
  type: str
  sample: "FAILED on production: Run the SQL of pl"
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        argument_spec={
            "task": {"type": "str", "required": True},
            "result": {"type": "dict", "required": True},
            "ledger": {"type": "dict", "default": {}},
            "bundle": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    # The action plugin of this name does the work on the controller.
    module.fail_json(msg="monq.platform.failure runs on the controller: its action plugin was not found")


if __name__ == "__main__":
    main()
