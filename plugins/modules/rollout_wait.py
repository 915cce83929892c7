#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_wait
short_description: Waits until the Deployments of modules are rolled out
version_added: 1.0.0
description:
  - Waits until every Deployment of the modules is observed, updated and available and has no old pods left. One watch
    of Deployments and one of pods serve all modules.
  - If a pod cannot start, the wait ends within seconds, with the reason. Deployments that were unhealthy or paused in
    the snapshot C(cut) are not waited for, which causes a warning.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
options:
  modules:
    description: The modules.
    type: list
    elements: str
    required: true
    aliases: [module]
  timeout:
    description: Maximum wait for all of them, in seconds.
    type: int
    default: 900
"""

EXAMPLES = r"""
- name: Wait for the Deployments of pl
  monq.platform.rollout_wait:
    modules: [pl]
"""

RETURN = r"""
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
  sample: {"done": ["upgrade.pl.microservices.rollout"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.rollouts import NOT_WAITED_FOR, RolloutGate

OPTIONS = {
    "modules": {"type": "list", "elements": "str", "required": True, "aliases": ["module"]},
    "timeout": {"type": "int", "default": 900},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        report = RolloutGate(session, given["timeout"]).execute(given["modules"])
        for name, reason in report["exempt"].items():
            module.warn(NOT_WAITED_FOR.format(name, reason))
        module.exit_json(**report, **session.run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
