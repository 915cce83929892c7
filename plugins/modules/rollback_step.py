#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback_step
short_description: Does a step of a rollback
version_added: 1.0.0
description:
  - Compares what stands now with the sealed snapshot C(original) and puts back the difference. Where there is none the step is done without a call.
  - The steps of databases are done by M(monq.platform.rollback_database).
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.rollback
  - monq.platform.rollback.routes
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Reads the ledgers; predicts the steps; writes nothing and takes no lock.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  step:
    description: Key of the step, or its leading words for all the steps below it. One that the rollback does not have is done.
    type: str
    required: true
  timeout:
    description: The longest wait for pods to end and for rollouts, in seconds.
    type: int
    default: 900
"""

EXAMPLES = r"""
- name: Remove the new routes
  monq.platform.rollback_step:
    step: rollback.routing.remove
    domain: monq.domain.com
"""

RETURN = r"""
outcomes:
  description: What the steps that are done so far have done, by key.
  returned: always
  type: dict
  sample: {"rollback.routing.remove": {"removed": ["frontend-box-ui"]}}
steps_done:
  description: Keys of the steps that this task did.
  returned: always
  type: list
  elements: str
  sample: [rollback.routing.remove]
steps_predicted:
  description: Keys of the steps that a real run would do now.
  returned: always
  type: list
  elements: str
  sample: []
steps_skipped:
  description: Keys of the steps that the rollback's ledger knows as done.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CLUSTER, MONQCTL, RUN, cluster, monqctl
from ..module_utils.errors import MonqError
from ..module_utils.rollback.restore import Rollback
from ..module_utils.rollback.run import DATABASES, ROUTES, rollback_run

OPTIONS = {"step": {"type": "str", "required": True}, "timeout": {"type": "int", "default": 900}}


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **MONQCTL, **DATABASES, **ROUTES, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        run = rollback_run(given, module.check_mode, connection)
        Rollback(connection, run, given, monqctl(given, run)).perform(given["step"])
        outcomes = run.ledger.results()
        for name, why in ((outcomes.get("rollback.rollout.wait") or {}).get("exempt") or {}).items():
            if "rollback.rollout.wait" in run.done:
                module.warn(f"Deployment {name} does not gate: it {why}")
        module.exit_json(outcomes=outcomes, **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
