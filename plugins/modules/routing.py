#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: routing
short_description: Applies the new routes and waits until they serve every domain
version_added: 1.0.0
description:
  - Lets monqctl apply the routes of each module, then waits until Ingresses other than the old routes serve the main
    domain and every alias domain.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.domains
options:
  timeout:
    description: Maximum wait, in seconds.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Apply the new routes
  monq.platform.routing:
    domain: monq.domain.com
    alias_domains: [monq-alias.domain.com]
"""

RETURN = r"""
outputs:
  description: The last 50 lines that monqctl printed for each executed step.
  returned: always
  type: dict
  sample: {"upgrade.routing.apply.pl": "ingress pl-routing-service applied."}
served:
  description: The domains served by new routes.
  returned: when waited
  type: list
  elements: str
  sample: [monq.domain.com]
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["upgrade.routing.apply.pl"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.calls import execute
from ..module_utils.upgrade.cutover import wait_for_routes


def main():
    options = {"timeout": {"type": "int", "default": 300}}
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **DOMAINS, **options}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        outputs = execute(session, "upgrade.routing.apply")
        served = wait_for_routes(session, [given["domain"], *given["alias_domains"]], given["timeout"])
        module.exit_json(outputs=outputs, served=served, **session.result(module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
