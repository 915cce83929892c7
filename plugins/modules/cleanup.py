#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: cleanup
short_description: Lists what an upgrade has left, and removes it on request
version_added: 1.1.0
description:
  - Lists snapshots, support bundles, dumps, scratch databases of killed runs, databases that a rollback set aside, and
    reports, with their sizes and ages.
  - Removes them only if O(confirm) equals O(environment), under the lock, and not while an upgrade or a rollback is
    unfinished or another run holds the lock.
  - Ledgers, manifests, summaries and results that were not delivered are never removed.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.postgresql.server
  - monq.platform.postgresql.databases
options:
  environment:
    description: Name of the environment.
    type: str
    required: true
  confirm:
    description: The name of the environment, to remove. Empty only lists.
    type: str
    default: ''
  also:
    description:
      - Kinds to remove besides support bundles, scratch databases and the snapshots of generations that were rolled
        back. C(snapshots) (without them there is no rollback any more), C(dumps), C(databases), C(reports).
    type: list
    elements: str
    default: []
  scratch_postgresql:
    description: The server of scratch databases. What is not given is that of O(postgresql).
    type: dict
    suboptions:
      host:
        description: Host.
        type: str
      port:
        description: Port.
        type: int
      user:
        description: Role.
        type: str
      password:
        description: Its password.
        type: str
      sslmode:
        description: libpq's sslmode.
        type: str
        choices: [disable, allow, prefer, require, verify-ca, verify-full]
"""

EXAMPLES = r"""
- name: See what the upgrade has left
  monq.platform.cleanup:
    environment: production
    databases: "{{ _monq_databases }}"
    postgresql: "{{ _monq_postgresql }}"
"""

RETURN = r"""
items:
  description: What there is. C(action) is C(remove) or C(keep), and after the removal C(removed).
  returned: always
  type: list
  elements: dict
  sample:
    - kind: bundles
      name: /var/backups/monq/production/6.0.0/1/support-20260301T101500.000Z.tar.gz
      bytes: 183211
      made: 1772360100
      generation: 1
      rollback: false
      action: remove
      why: ""
refused:
  description: Why nothing may be removed now. Empty if it may.
  returned: always
  type: list
  elements: str
  sample: []
text:
  description: The list for the operator.
  returned: always
  type: str
  sample: "support bundles: 1, 178.9 KiB"
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import RUN
from ..module_utils.cleanup.removal import perform
from ..module_utils.errors import MonqError
from ..module_utils.postgres.client import ARGUMENTS
from ..module_utils.session import Session

OPTIONS = {
    "environment": {"type": "str", "required": True},
    "confirm": {"type": "str", "default": ""},
    "also": {"type": "list", "elements": "str", "default": []},
    **{name: ARGUMENTS[name] for name in ("databases", "postgresql", "scratch_postgresql")},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **OPTIONS}, supports_check_mode=True)
    try:
        module.exit_json(**perform(Session.open(params=module.params, check_mode=module.check_mode)))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
