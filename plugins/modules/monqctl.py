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
  - Runs a list of monqctl calls. Each is one step of the ledger, with guard, intent, call and result.
  - Right before every call the current context of monqctl is compared with O(monqctl_context).
  - A call is judged by its exit status and by its output. An SQL call whose end nobody saw, or that lied, is unknown, and is not repeated without O(resolve).
  - No shell. What is secret on monqctl's own command line cannot be kept from its process list; the vendor offers no other way.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Reads the ledger and what it needs; predicts the steps; writes nothing and takes no lock.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  commands:
    description: The calls, in order. The filter P(monq.platform.commands#filter) makes them out of the plan.
    type: list
    elements: dict
    required: true
    suboptions:
      step:
        description: Key of the step in the ledger.
        type: str
        required: true
      argv:
        description: Arguments of monqctl. C({secret}) stands for O(secret), C({file}) for a temporary file that holds O(content).
        type: list
        elements: str
        required: true
      guard:
        description: Whether the current context is compared before the call. False only for the calls that create and select the context.
        type: bool
        default: true
  secret:
    description: What stands for C({secret}) in O(commands[].argv). Masked wherever monqctl's output shows it.
    type: str
  content:
    description: Text of the temporary file, mode 0600, removed after the call.
    type: str
"""

EXAMPLES = r"""
- name: Run the SQL of pl
  monq.platform.monqctl:
    commands: "{{ _monq_plan | monq.platform.commands('upgrade.pl.database') }}"

- name: Clear one cache
  monq.platform.monqctl:
    commands:
      - step: upgrade.pl.cache.pl-i18n-service
        argv: [instance, clear, cache, --microservice=pl-i18n-service]
"""

RETURN = r"""
outputs:
  description: What monqctl printed, for each step that was done; the last 50 lines.
  returned: always
  type: dict
  sample: {"upgrade.pl.cache.pl-i18n-service": "cache of pl-i18n-service cleared"}
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
from ..module_utils.monqctl.output import tail

COMMAND = {
    "step": {"type": "str", "required": True},
    "argv": {"type": "list", "elements": "str", "required": True},
    "guard": {"type": "bool", "default": True},
}


def perform(run, client, commands, secret, content):
    """Every command as its own step; what monqctl printed, by step."""
    outputs = {}
    for command in commands:

        def call(command=command):
            outputs[command["step"]] = tail(client.change(command["argv"], secret, content, command["guard"]), 50)

        told = (command["argv"], secret) if run.step(command["step"]).kind == "client" else None
        run.run(command["step"], call, told=told)
    return outputs


def main():
    module = AnsibleModule(
        argument_spec={
            **CLUSTER,
            **RUN,
            **MONQCTL,
            "commands": {"type": "list", "elements": "dict", "required": True, "options": COMMAND},
            "secret": {"type": "str", "no_log": True},
            "content": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        run = guarded_run(given, module.check_mode)
        outputs = perform(run, monqctl(given, run), given["commands"], given["secret"] or "", given["content"])
        module.exit_json(outputs=outputs, **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
