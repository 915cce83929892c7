#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_wait
short_description: Waits until the Deployments of a module are rolled out
version_added: 1.0.0
description:
  - Watches until every Deployment of the module is observed, updated and available and has no old pods left.
  - A pod that cannot start ends the wait within seconds, with its reason. What was unhealthy or paused in the snapshot C(cut) warns and does not gate.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Predicts the step and does not wait.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  module:
    description: The module.
    type: str
    required: true
  timeout:
    description: The longest wait, in seconds.
    type: int
    default: 900
"""

EXAMPLES = r"""
- name: Wait for the Deployments of pl
  monq.platform.rollout_wait:
    module: pl
"""

RETURN = r"""
ready:
  description: Number of Deployments that are rolled out.
  returned: when waited
  type: int
  sample: 20
exempt:
  description: Deployments that did not gate, and why.
  returned: when waited
  type: dict
  sample: {"pl-reports-service": "was unhealthy before the outage"}
steps_done:
  description: Keys of the steps that this task did.
  returned: always
  type: list
  elements: str
  sample: [upgrade.pl.cache.pl-i18n-service]
steps_predicted:
  description: Keys of the steps that a real run would do now.
  returned: always
  type: list
  elements: str
  sample: []
steps_skipped:
  description: Keys of the steps that the ledger knows as done.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CLUSTER, RUN, cluster, guarded_run
from ..module_utils.engine.snapshots import SealedStore
from ..module_utils.errors import MonqError
from ..module_utils.k8s.watch import Rollouts


def main():
    module = AnsibleModule(
        argument_spec={**CLUSTER, **RUN, "module": {"type": "str", "required": True}, "timeout": {"type": "int", "default": 900}},
        supports_check_mode=True,
    )
    given = module.params
    try:
        connection = cluster(given)
        run = guarded_run(given, module.check_mode, connection)
        release = given["plan"]["release"]
        rollouts = Rollouts(connection, given["namespace"], given["timeout"])
        store = SealedStore(connection, given["namespace"], release["version"])

        def wait():
            sealed = store.open("cut-replicas", run.ledger.get("upgrade.replicas.cut")["result"])
            return rollouts.wait(release["modules"][given["module"]]["deployments"], sealed)

        report = run.run(f"upgrade.{given['module']}.microservices.rollout", wait) or {}
        for name, reason in report.get("exempt", {}).items():
            module.warn(f"Deployment {name} does not gate: it {reason}")
        module.exit_json(ready=report.get("ready", 0), exempt=report.get("exempt", {}), **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
