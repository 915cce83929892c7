#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: registry_status
short_description: Demands a healthy registry
version_added: 1.0.0
description:
  - Reads C(registry get status). Every row must be healthy but the ones that the release's data names; one row more that failed stops.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Predicts the step.
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
- name: Every row of the registry's status is healthy
  monq.platform.registry_status:
"""

RETURN = r"""
status:
  description: The rows.
  returned: when read
  type: dict
  sample: {"Consul": "Failed", "PostgreSQL": "Ok"}
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

from ..module_utils.arguments import CLUSTER, MONQCTL, RUN, guarded_run, monqctl
from ..module_utils.errors import MonqError
from ..module_utils.monqctl.output import healthy_status


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **MONQCTL}, supports_check_mode=True)
    given = module.params
    try:
        run = guarded_run(given, module.check_mode)
        client = monqctl(given)
        ignored = given["plan"]["release"]["ignored_status"]
        rows = run.run("prepare.registry.status", lambda: healthy_status(client.read("registry", "get", "status"), ignored, client.secrets))
        module.exit_json(status=rows or {}, **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
