#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: microservices
short_description: Replaces the microservices of a module and waits for their rollout
version_added: 1.0.0
description:
  - Executes all steps of a module from Replace to its rollout in one process, with one connection, in the plan's order.
    These are Replace, the counts in Kubernetes, the registry's token if Replace may have dropped it, the counts in the
    registry, and the rollout.
  - If the plan's C(rollout_gate) is C(end), the rollout is left to M(monq.platform.rollout_wait).
  - See M(monq.platform.replica_restore), M(monq.platform.registry_token) and M(monq.platform.rollout_wait) for each
    part.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
options:
  module:
    description: The module.
    type: str
    required: true
  timeout:
    description: Maximum wait for a rollout, in seconds.
    type: int
    default: 900
"""

EXAMPLES = r"""
- name: Replace the microservices of pl
  monq.platform.microservices:
    module: pl
"""

RETURN = r"""
output:
  description: The last 50 lines that monqctl printed during Replace.
  returned: always
  type: str
  sample: deployment pl-i18n-service created.
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
ready:
  description: Number of Deployments that are rolled out.
  returned: always
  type: int
  sample: 20
exempt:
  description: Deployments that were not waited for, and why.
  returned: always
  type: dict
  sample: {"pl-reports-service": "was unhealthy before the outage"}
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["upgrade.pl.microservices.replace"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.microservices import Microservices
from ..module_utils.upgrade.rollouts import NOT_WAITED_FOR

OPTIONS = {"module": {"type": "str", "required": True}, "timeout": {"type": "int", "default": 900}}


def main():
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        report = Microservices(session, given["module"], given["timeout"]).execute()
        for name, reason in report["exempt"].items():
            module.warn(NOT_WAITED_FOR.format(name, reason))
        module.exit_json(**report, **session.result(module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
