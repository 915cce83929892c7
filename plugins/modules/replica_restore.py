#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: replica_restore
short_description: Restores replica counts after Replace
version_added: 1.0.0
description:
  - Restores the counts of the snapshot C(cut), including 0, separately for each store. Kubernetes comes first, so that
    pods start; then the registry; then Kubernetes is checked again, because the registry may apply its new counts
    there.
  - Services with a saved count of 0 are scaled down before all others.
  - In Kubernetes, a Deployment with an HPA is left to the HPA, unless either count is 0. Services that the release
    added or removed are reported.
  - M(monq.platform.microservices) does the same right after Replace.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
options:
  module:
    description: The module whose Replace has just run. It determines the steps; differing counts are restored for all
      services.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Restore the counts after Replace of pl
  monq.platform.replica_restore:
    module: pl
"""

RETURN = r"""
registry:
  description: Counts changed in the registry.
  returned: always
  type: list
  elements: dict
  sample: [{"name": "pl-i18n-service", "seen": 1, "wanted": 2}]
kubernetes:
  description: Counts changed in Kubernetes.
  returned: always
  type: list
  elements: dict
  sample: [{"name": "pl-i18n-service", "seen": 1, "wanted": 2}]
appeared:
  description: Deployments that are not in the snapshot.
  returned: always
  type: list
  elements: str
  sample: [pl-routing-service]
vanished:
  description: Services of the snapshot that no longer exist.
  returned: always
  type: list
  elements: str
  sample: []
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["upgrade.pl.replicas.kubernetes"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.counts import CountRestore


def main():
    options = {"module": {"type": "str", "required": True}}
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **options}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        counts = CountRestore(session)
        for step in session.run.below(f"upgrade.{given['module']}.replicas"):
            counts.execute(step.key)
        module.exit_json(**counts.report, **session.run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
