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
  - Reads the upgrade's ledger, its snapshots, the dumps of the databases that are named, and what stands now. Changes
    nothing.
  - What forbids the rollback comes as findings, all at once; a missing or altered dump or snapshot is among them.
extends_documentation_fragment:
  - monq.platform.attributes.reads
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.rollback
  - monq.platform.domains
  - monq.platform.rollback.confirmations
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

from ..module_utils.arguments import DOMAINS, MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.rollback.checks import overview
from ..module_utils.rollback.restore import Rollback
from ..module_utils.rollback.run import CONFIRMATIONS, DATABASES, open_session


def main():
    spec = {**RUN, **MONQCTL, **DATABASES, **DOMAINS, **CONFIRMATIONS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        session = open_session(params=module.params, check_mode=module.check_mode)
        module.exit_json(changed=False, **overview(Rollback(session), module.check_mode))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
