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
  - Calls monqctl for the routes of each module, then watches until an Ingress that is not one of the old routes serves
    the main domain and every alias
    domain.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.domains
options:
  timeout:
    description: The longest wait, in seconds.
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
  description: What monqctl printed, for each step that was done; the last 50 lines.
  returned: always
  type: dict
  sample: {"upgrade.routing.apply.pl": "ingress pl-routing-service applied."}
served:
  description: The domains that new routes serve.
  returned: when waited
  type: list
  elements: str
  sample: [monq.domain.com]
steps:
  description: Keys of the steps that this task has done, that a real run would do now, and that the ledger knows as
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
        module.exit_json(outputs=outputs, served=served, **session.run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
