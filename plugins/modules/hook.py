#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: hook
short_description: Checks the task files of the site, and tells how long they took
version_added: 1.1.0
description:
  - Runs on the controller. With O(state=checked), every file in O(hooks) must exist and hold tasks that Ansible can
    load; the task fails otherwise. They are kept as the fact C(__monq_hook_files).
  - The other states measure and show what C(include_tasks) has run in between. A failed hook is shown as a warning.
extends_documentation_fragment:
  - monq.platform.attributes.reads
options:
  state:
    description: What is told.
    type: str
    choices: [checked, begun, ended, failed]
    required: true
  hooks:
    description: C(monq_hooks). C(before_cut), C(after_outage) and C(on_failure), each a path or a list of paths.
    type: dict
    default: {}
  name:
    description: The hook.
    type: str
    default: ''
  files:
    description: Its files.
    type: list
    elements: str
    default: []
  begun:
    description: What O(state=begun) has returned, in seconds since 1970.
    type: float
    default: 0.0
  task:
    description: Name of the task that failed.
    type: str
    default: ''
  result:
    description: Result of the task that failed.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Check the hooks of the site
  monq.platform.hook:
    state: checked
    hooks:
      before_cut: /srv/monq/maintenance_page_on.yml
"""

RETURN = r"""
at:
  description: When it began, in seconds since 1970.
  returned: with O(state=begun)
  type: float
  sample: 1772409600.5
seconds:
  description: How long the hook took.
  returned: with O(state=ended) and O(state=failed)
  type: float
  sample: 3.2
"""

from ansible.module_utils.basic import AnsibleModule

SPEC = {
    "state": {"type": "str", "choices": ["checked", "begun", "ended", "failed"], "required": True},
    "hooks": {"type": "dict", "default": {}},
    "name": {"type": "str", "default": ""},
    "files": {"type": "list", "elements": "str", "default": []},
    "begun": {"type": "float", "default": 0.0},
    "task": {"type": "str", "default": ""},
    "result": {"type": "dict", "default": {}},
}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    # The action plugin of this name does the work on the controller.
    module.fail_json(msg="monq.platform.hook runs on the controller: its action plugin was not found")


if __name__ == "__main__":
    main()
