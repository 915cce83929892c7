#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback_info
short_description: Shows what a rollback would restore and what cannot be undone
version_added: 1.0.0
description:
  - Reads the upgrade's ledger, its snapshots, the dumps of the named databases, and the installation's current state.
    Changes nothing; writes one file beside the backup.
  - Everything that blocks the rollback is reported at once, as findings, including missing or altered dumps and
    snapshots.
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
- name: See what would be restored and what cannot be undone
  monq.platform.rollback_info:
    domain: monq.domain.com
    environment: production
    confirm: production
  register: __rollback_overview
"""

RETURN = r"""
needed:
  description: Whether there is anything to undo.
  returned: always
  type: bool
  sample: true
generation:
  description: Number of the upgrade that is rolled back.
  returned: always
  type: int
  sample: 1
begun:
  description: Whether its rollback has started and is not finished.
  returned: always
  type: bool
  sample: false
platform:
  description: Whether the platform is reachable, as text.
  returned: always
  type: str
  sample: up
outage:
  description: Whether the rollback is an outage. V(running), as the platform is down now; V(to come), as it takes the
    platform down; V(over), as the old routes are back; V(none).
  returned: always
  type: str
  sample: to come
steps:
  description: The steps of the rollback, with their states.
  returned: always
  type: list
  elements: dict
  sample: [{"key": "rollback.routing.remove", "state": "to do", "title": "remove the new routes"}]
put_back:
  description: What currently differs from the snapshot C(original).
  returned: always
  type: list
  elements: str
  sample: ["Ingress frontend-box: create (old route)"]
irreversible:
  description: Steps of the upgrade that were started and cannot be undone.
  returned: always
  type: list
  elements: dict
  sample: [{"key": "prepare.registry.update", "title": "update the registry to 3.2.0"}]
counts:
  description: Counts that changed between the two snapshots.
  returned: always
  type: list
  elements: str
  sample: []
findings:
  description: All findings. Those of severity C(stop) block the rollback.
  returned: always
  type: list
  elements: dict
  sample: []
findings_file:
  description: The path of C(findings-rollback.json), with RV(findings) for programs. Empty in check mode, without a
    backup directory, and if there is nothing to undo.
  returned: always
  type: str
  sample: /var/backups/monq/production/6.0.0/1/findings-rollback.json
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.report import findings_file
from ..module_utils.rollback.checks import overview
from ..module_utils.rollback.restore import Rollback
from ..module_utils.rollback.run import CONFIRMATIONS, DATABASES, open_session


def main():
    spec = {**RUN, **MONQCTL, **DATABASES, **DOMAINS, **CONFIRMATIONS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        session = open_session(params=module.params, check_mode=module.check_mode)
        found = overview(Rollback(session), module.check_mode)
        where = {"part": "rollback", "check_mode": module.check_mode or not found["needed"]}
        path, problems = findings_file.keep(found["findings"], module.params, found["generation"], **where)
        for problem in problems:
            module.warn(problem)
        module.exit_json(changed=False, findings_file=path, **found)
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
