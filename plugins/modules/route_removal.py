#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: route_removal
short_description: Removes the old routes and waits until they are gone
version_added: 1.0.0
description:
  - Deletes the Ingresses of the old routing that are in the snapshot C(cut), each with its UID as a precondition, and
    no others. Ingresses that no longer exist are ignored.
  - Fails if there is an old route that is not in the snapshot, as long as no new route has been applied.
  - Warns if counts in Kubernetes differ from the saved ones, which will be restored.
  - Then waits until they are gone and at least O(pause) seconds have passed, so that the ingress controller has
    reloaded.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.domains
attributes:
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff
      mode.
    support: full
options:
  pause:
    description: Minimum pause after the removal, in seconds.
    type: int
    default: 60
  timeout:
    description: Maximum wait, in seconds.
    type: int
    default: 300
  outage_window:
    description: The interval of ISO 8601 in which the outage may begin, by the API server's clock. Outside it the task
      fails before anything is removed; a removal that has begun is finished in any case. Empty means always.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Remove the old routes
  monq.platform.route_removal:
    domain: monq.domain.com
    alias_domains: [monq-alias.domain.com]
"""

RETURN = r"""
removed:
  description: Names of the Ingresses that were removed, or would be.
  returned: always
  type: list
  elements: str
  sample: [frontend-box, frontend-box-api]
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["upgrade.routing.cut"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.cutover import Cutover

OPTIONS = {
    "pause": {"type": "int", "default": 60},
    "timeout": {"type": "int", "default": 300},
    "outage_window": {"type": "str", "default": ""},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **DOMAINS, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        cutover = Cutover(session, given["alias_domains"], given["alias_ingresses"])
        removed = cutover.execute(given["pause"], given["timeout"], given["outage_window"])
        session.warnings += cutover.warnings
        before = "".join(f"Ingress {name}\n" for name in removed) if session.run.changed else ""
        module.exit_json(removed=removed, diff={"before": before, "after": ""}, **session.result(module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
