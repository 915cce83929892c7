#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: monqctl
short_description: Executes steps of the upgrade with the vendor's client
version_added: 1.0.0
description:
  - Executes the steps of a phase. Each is one call of monqctl, with its own checks, and its own intent and result in
    the ledger. The command lines are taken from the plan.
  - monqctl's current context is compared with O(monqctl_context) right before every call that must not reach another
    registry, such as SQL, Replace and routing, and before the first of a phase's other calls.
  - Both the exit status and the output of a call are evaluated. An SQL call whose outcome is unknown is not repeated
    without O(resolve).
  - No shell is used. Secrets on monqctl's own command line are visible in the process list; the client accepts them in
    no other way.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
options:
  steps:
    description: Key of a step, or the common leading words of several keys, such as C(upgrade.pl.cache).
    type: str
    required: true
  secret:
    description: The secret that a client step passes to monqctl, such as the Release Hub token. It is masked in
      monqctl's output.
    type: str
"""

EXAMPLES = r"""
- name: Clear the caches of pl
  monq.platform.monqctl:
    steps: upgrade.pl.cache

- name: Set the new Release Hub token in monqctl
  monq.platform.monqctl:
    steps: prepare.release_hub
    secret: "{{ monq_releasehub_token }}"
"""

RETURN = r"""
outputs:
  description: The last 50 lines that monqctl printed for each executed step.
  returned: always
  type: dict
  sample: {"upgrade.pl.cache.pl-i18n-service": "cache of pl-i18n-service cleared"}
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["upgrade.pl.cache.pl-i18n-service"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.calls import execute

OPTIONS = {"steps": {"type": "str", "required": True}, "secret": {"type": "str", "no_log": True}}


def main():
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        outputs = execute(session, given["steps"], given["secret"] or "")
        module.exit_json(outputs=outputs, **session.result(module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
