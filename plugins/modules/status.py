#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Shows the state of the upgrade on one screen
version_added: 1.1.0
description:
  - Runs on the controller. Shows whether Monq is up, what is done, what is running, open questions with their answers,
    the holder of the lock, what to type next, and where the files are.
extends_documentation_fragment:
  - monq.platform.attributes.reads
options:
  ledger:
    description: What M(monq.platform.ledger_info) returned.
    type: dict
    required: true
  environment:
    description: Name of the environment, as the confirmations repeat it.
    type: str
    required: true
  release:
    description: Version of the release.
    type: str
    required: true
  all:
    description: Whether to list every step above it, as C(-v) does.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the state
  monq.platform.status:
    ledger: "{{ __ledger }}"
    environment: production
    release: 6.0.0
"""

RETURN = r"""
installation:
  description: The row of this installation in the table of all, with C(verdict), C(at), C(outage) and C(platform).
  returned: always
  type: dict
  sample: {"verdict": "failed", "at": "upgrade.routing.cut", "outage": null, "platform": "up"}
text:
  description: The text that was shown.
  returned: always
  type: str
  sample: "production: Monq is up. The old routes have not been touched."
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        argument_spec={
            "ledger": {"type": "dict", "required": True},
            "environment": {"type": "str", "required": True},
            "release": {"type": "str", "required": True},
            "all": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    # The action plugin of this name does the work on the controller.
    module.fail_json(msg="monq.platform.status runs on the controller: its action plugin was not found")


if __name__ == "__main__":
    main()
