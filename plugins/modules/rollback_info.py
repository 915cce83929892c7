#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback_info
short_description: Tells what a rollback would put back and what stays
version_added: 1.0.0
description:
  - Reads the upgrade's ledger, its sealed snapshots, the dumps of the databases that are named, and what stands now. Changes nothing.
  - What forbids the rollback comes as findings, all at once; a missing or altered dump or snapshot is among them.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.rollback
  - monq.platform.rollback.routes
  - monq.platform.rollback.words
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
- name: See what would be put back and what stays
  monq.platform.rollback_info:
    domain: monq.domain.com
    environment: production
    confirm: production
  register: __rollback_overview
"""

RETURN = r"""
needed:
  description: Whether there is anything to take back.
  returned: always
  type: bool
  sample: true
attempt:
  description: Number of the attempt that is taken back.
  returned: always
  type: int
  sample: 1
begun:
  description: Whether a rollback of it has begun and has not ended.
  returned: always
  type: bool
  sample: false
platform:
  description: Whether the platform can be reached, in words.
  returned: always
  type: str
  sample: up
steps:
  description: The steps of the rollback, with their states.
  returned: always
  type: list
  elements: dict
  sample: [{"key": "rollback.routing.remove", "state": "to do", "title": "remove the new routes"}]
put_back:
  description: What differs from the snapshot C(original) now.
  returned: always
  type: list
  elements: str
  sample: ["Ingress frontend-box: create (old route)"]
irreversible:
  description: Steps of the upgrade that were begun and cannot be taken back.
  returned: always
  type: list
  elements: dict
  sample: [{"key": "prepare.registry.update", "title": "update the registry to 3.2.0"}]
counts:
  description: Counts that were changed between the two snapshots.
  returned: always
  type: list
  elements: str
  sample: []
findings:
  description: What was found. Findings of severity C(stop) forbid the rollback.
  returned: always
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CLUSTER, MONQCTL, RUN, cluster, monqctl
from ..module_utils.errors import MonqError
from ..module_utils.rollback.checks import overview
from ..module_utils.rollback.restore import Rollback
from ..module_utils.rollback.run import DATABASES, ROUTES, WORDS, rollback_run


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **MONQCTL, **DATABASES, **ROUTES, **WORDS}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        run = rollback_run(given, module.check_mode, connection)
        rollback = Rollback(connection, run, given, monqctl(given, run))
        module.exit_json(changed=False, **overview(run, rollback, given, module.check_mode))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
