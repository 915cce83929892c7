#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Shows a text to the operator, and fails on request
version_added: 1.0.0
description:
  - Runs on the controller. Prints the text as it is, line by line, without the JSON of a result.
extends_documentation_fragment:
  - monq.platform.attributes.reads
options:
  text:
    description: The text to show.
    type: str
    required: true
  failed:
    description: Whether the task fails, with the text as its message.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the plan
  monq.platform.report:
    text: "{{ __ledger | monq.platform.plan_text }}"
"""

RETURN = r"""
text:
  description: The text that was shown.
  returned: always
  type: str
  sample: 61 steps, 0 done
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        argument_spec={"text": {"type": "str", "required": True}, "failed": {"type": "bool", "default": False}},
        supports_check_mode=True,
    )
    # The action plugin of this name does the work on the controller.
    module.fail_json(msg="monq.platform.report runs on the controller: its action plugin was not found")


if __name__ == "__main__":
    main()
