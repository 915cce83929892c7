#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: route_wait
short_description: Waits until the new routes stand
version_added: 1.0.0
description:
  - Watches until an Ingress that is not one of the old routes serves the main domain and every alias domain.
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
  domains:
    description: The main domain, then the alias domains.
    type: list
    elements: str
    required: true
  timeout:
    description: The longest wait, in seconds.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Wait for the new routes
  monq.platform.route_wait:
    domains: [monq.domain.com]
"""

RETURN = r"""
served:
  description: The domains that new routes serve.
  returned: when waited
  type: list
  elements: str
  sample: [monq.domain.com]
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
from ..module_utils.k8s.watch import Routes


def main():
    module = AnsibleModule(
        argument_spec={**CLUSTER, **RUN, "domains": {"type": "list", "elements": "str", "required": True}, "timeout": {"type": "int", "default": 300}},
        supports_check_mode=True,
    )
    given = module.params
    try:
        connection = cluster(given)
        run = guarded_run(given, module.check_mode, connection)
        store = SealedStore(connection, given["namespace"], given["plan"]["release"]["version"])

        def wait():
            old = store.open("cut", run.ledger.get("upgrade.snapshot.cut")["result"])["ingresses"]
            return {"served": Routes(connection, given["namespace"], given["timeout"]).stand({i["metadata"]["uid"] for i in old}, given["domains"])}

        report = run.run("upgrade.routing.wait", wait) or {}
        module.exit_json(served=report.get("served", []), **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
