#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: registry_token
short_description: Keeps the registry's token in Secret, Deployment and monqctl
version_added: 1.0.0
description:
  - Handles Secret, environment variable, rollout and monqctl's credential together. Each is handled if its step is
    among O(steps).
  - The token is read from the Secret; if there is none, the module generates one from 32 random bytes. It is in no
    task's arguments except O(token), and in no result.
  - The variable is set with a C(secretKeyRef) on the registry's own containers only, and the rollout is waited for. If
    an update has dropped the variable, the same call sets it again.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
options:
  steps:
    description: Key of a step, or the common leading words of several keys.
    type: str
    required: true
  token:
    description: The operator's own token. A value that differs from the stored one is refused without O(rotate).
    type: str
  rotate:
    description: Whether a stored token may be replaced by O(token). The registry's pods are then restarted.
    type: bool
    default: false
  timeout:
    description: Maximum wait for the registry's rollout, in seconds.
    type: int
    default: 900
"""

EXAMPLES = r"""
- name: Set the registry's token everywhere
  monq.platform.registry_token:
    steps: prepare.registry_token

- name: Set the token again after the registry's update
  monq.platform.registry_token:
    steps: prepare.registry.env
"""

RETURN = r"""
generated:
  description: Whether a new token was generated.
  returned: always
  type: bool
  sample: true
reasserted:
  description: Whether the variable had to be set on the Deployment.
  returned: always
  type: bool
  sample: true
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["prepare.registry_token.secret"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.registry_token import TokenSteps

OPTIONS = {
    "steps": {"type": "str", "required": True},
    "token": {"type": "str", "no_log": True},
    "rotate": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 900},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        token = TokenSteps(session, given["timeout"], given["token"], given["rotate"])
        for step in session.run.below(given["steps"]):
            token.execute(step)
        module.exit_json(**token.report, **session.run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
