#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback_step
short_description: Executes steps of a rollback
version_added: 1.0.0
description:
  - Compares the current state with the snapshot C(original) and restores the differences. If there are none, a step
    makes no changing call.
  - Database steps are executed by M(monq.platform.rollback_database).
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.rollback
  - monq.platform.domains
options:
  steps:
    description: Keys of steps, or their leading words for all steps below them, in order. Steps that are not part of
      this rollback are ignored.
    type: list
    elements: str
    required: true
  timeout:
    description: Maximum wait for pods to terminate and for rollouts, in seconds.
    type: int
    default: 900
"""

EXAMPLES = r"""
- name: Remove the new routes
  monq.platform.rollback_step:
    steps: [rollback.routing.remove]
    domain: monq.domain.com
"""

RETURN = r"""
outcomes:
  description: The results of the steps done so far, by key.
  returned: always
  type: dict
  sample: {"rollback.routing.remove": {"removed": ["frontend-box-ui"]}}
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["rollback.routing.remove"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.rollback.restore import Rollback
from ..module_utils.rollback.run import DATABASES, open_session
from ..module_utils.upgrade.rollouts import NOT_WAITED_FOR

OPTIONS = {
    "steps": {"type": "list", "elements": "str", "required": True},
    "timeout": {"type": "int", "default": 900},
}


def main():
    spec = {**RUN, **MONQCTL, **DATABASES, **DOMAINS, **OPTIONS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    given = module.params
    try:
        session = open_session(params=given, check_mode=module.check_mode)
        rollback = Rollback(session)
        for prefix in given["steps"]:
            rollback.perform(prefix)
        outcomes = session.run.ledger.results()
        waited = "rollback.rollout.wait" in session.run.done
        for name, why in ((outcomes.get("rollback.rollout.wait") or {}).get("exempt") or {}).items() if waited else ():
            module.warn(NOT_WAITED_FOR.format(name, why))
        module.exit_json(outcomes=outcomes, **session.run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
