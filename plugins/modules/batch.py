#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: batch
short_description: Decides whether the next batch of installations may begin
version_added: 1.1.0
description:
  - Ansible begins the next batch of C(serial) unless every host of the batch before has failed. For a canary that is
    wrong. With this module, a batch begins only if no more than O(allowed) installations of the batches before it have
    not come to their end, for whatever reason, failures in earlier plays included.
  - Never fails for that, as Ansible ends the whole run if all hosts of a batch fail, and would no longer verify those
    that were upgraded. The play ends for the host where RV(begins) is false.
  - Fails if Ansible has made other batches than O(serial) says, as it does for a variable that is set in the inventory.
  - Runs on the controller.
extends_documentation_fragment:
  - monq.platform.attributes.reads
options:
  serial:
    description: The value of C(serial) of the play.
    type: raw
    required: true
  allowed:
    description: How many installations of the batches before may have failed.
    type: int
    default: 0
  fact:
    description: The fact that an installation has once it has come to its end.
    type: str
    default: __monq_batch_ended
"""

EXAMPLES = r"""
- name: Begin only after a batch without failures
  monq.platform.batch:
    serial: "{{ monq_serial | default('100%', true) }}"
  register: __monq_batch

- name: Leave the installation as it is
  ansible.builtin.meta: end_host
  when: not __monq_batch.begins
"""

RETURN = r"""
begins:
  description: Whether this installation may begin.
  returned: always
  type: bool
  sample: true
hosts:
  description: All installations of the run, in the order of their batches.
  returned: success
  type: list
  elements: str
  sample: [staging, east]
not_ended:
  description: The installations of the batches before that have not come to their end.
  returned: success
  type: list
  elements: str
  sample: [staging]
"""

from ansible.module_utils.basic import AnsibleModule

SPEC = {
    "serial": {"type": "raw", "required": True},
    "allowed": {"type": "int", "default": 0},
    "fact": {"type": "str", "default": "__monq_batch_ended"},
}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    # The action plugin of this name does the work on the controller.
    module.fail_json(msg="monq.platform.batch runs on the controller: its action plugin was not found")


if __name__ == "__main__":
    main()
