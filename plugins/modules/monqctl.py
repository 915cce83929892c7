#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: monqctl
short_description: Does steps of the upgrade with the vendor's client
version_added: 1.0.0
description:
  - Does the steps of a phase, each a call of monqctl with its own guard, intent, call and result in the ledger. The
    command lines come out of the plan.
  - Right before every SQL, Replace, routing and template call, and once for all other calls of a phase, the current
    context of monqctl is compared
    with O(monqctl_context).
  - A call is judged by its exit status and by its output. An SQL call whose outcome is unknown, or that lied, is not
    repeated without O(resolve).
  - No shell. What is secret on monqctl's own command line cannot be kept from its process list; the vendor offers no
    other way.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
options:
  steps:
    description: Key of a step, or the leading words of the keys of several, such as C(upgrade.pl.database).
    type: str
    required: true
  secret:
    description: What a client step hands over, such as the token of the Release Hub. Masked wherever monqctl's output
      shows it.
    type: str
"""

EXAMPLES = r"""
- name: Run the SQL of pl
  monq.platform.monqctl:
    steps: upgrade.pl.database

- name: Give monqctl the new token of the Release Hub
  monq.platform.monqctl:
    steps: prepare.release_hub
    secret: "{{ monq_releasehub_token }}"
"""

RETURN = r"""
outputs:
  description: What monqctl printed, for each step that was done; the last 50 lines.
  returned: always
  type: dict
  sample: {"upgrade.pl.cache.pl-i18n-service": "cache of pl-i18n-service cleared"}
steps:
  description: Keys of the steps that this task has done, that a real run would do now, and that the ledger knows as
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
        module.exit_json(outputs=outputs, **session.run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
