#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: monqctl_home
short_description: Runs the client-side monqctl steps that this home is missing
version_added: 1.0.0
description:
  - Client steps (instance, context, Release Hub, credential, C(use-version)) change only the home that monqctl runs
    with. If the ledger does not list the home's marker for a step, as in a fresh AWX job, the step is executed again
    here.
  - Steps whose predecessors are not done yet are left to C(prepare).
  - A corrected token or address makes its step due again.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
options:
  releasehub_token:
    description: The Release Hub token.
    type: str
    default: ''
  until:
    description: Key of the last step to run here. Empty means all.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Run the client-side monqctl steps that this home is missing
  monq.platform.monqctl_home:
    releasehub_token: "{{ monq_releasehub_token }}"
"""

RETURN = r"""
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["prepare.monqctl.context"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.home import complete

OPTIONS = {
    "releasehub_token": {"type": "str", "default": "", "no_log": True},
    "until": {"type": "str", "default": ""},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        complete(session, given["releasehub_token"], given["until"])
        module.exit_json(**session.result(module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
