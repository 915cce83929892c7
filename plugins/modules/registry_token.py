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
  - Secret, environment variable, rollout and monqctl's credential are one unit. Each is done where its step is named.
  - The token is read from the Secret; where there is none it is made from 32 random bytes inside this module. It is in no task's arguments but
    O(token), and in no result.
  - The variable is set with a C(secretKeyRef) on the registry's own containers only, and the rollout is waited for. Should an update have dropped
    it, the same call sets it again.
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
  secret_step:
    description: Key of the step that makes the Secret.
    type: str
  env_step:
    description: Key of the step that sets the variable.
    type: str
  credential_step:
    description: Key of the step that hands the token to monqctl.
    type: str
  token:
    description: The token that the operator wants. Another value than the stored one is refused without O(rotate).
    type: str
  rotate:
    description: Whether a stored token may be replaced by O(token). The registry's pods are then restarted.
    type: bool
    default: false
  timeout:
    description: The longest wait for the registry's rollout, in seconds.
    type: int
    default: 900
"""

EXAMPLES = r"""
- name: Make the registry's token known everywhere
  monq.platform.registry_token:
    secret_step: prepare.registry_token.secret
    env_step: prepare.registry_token.env
    credential_step: prepare.registry_token.credential

- name: Give the token again after the registry's update
  monq.platform.registry_token:
    env_step: prepare.registry.env
"""

RETURN = r"""
generated:
  description: Whether a new token was made.
  returned: always
  type: bool
  sample: true
reasserted:
  description: Whether the variable had to be set on the Deployment.
  returned: always
  type: bool
  sample: true
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

from ..module_utils.arguments import CLUSTER, MONQCTL, RUN, cluster, guarded_run, monqctl
from ..module_utils.errors import MonqError
from ..module_utils.k8s.watch import Rollouts
from ..module_utils.upgrade.registry_token import RegistrySecret

OPTIONS = {
    "secret_step": {"type": "str", "no_log": False},
    "env_step": {"type": "str"},
    "credential_step": {"type": "str"},
    "token": {"type": "str", "no_log": True},
    "rotate": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 900},
}


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        run = guarded_run(given, module.check_mode, connection)
        rollouts = Rollouts(connection, given["namespace"], given["timeout"])
        unit = RegistrySecret(connection, given["namespace"], given["plan"]["release"], rollouts)
        unit.check(given["token"], given["rotate"])
        if given["secret_step"]:
            run.run(given["secret_step"], lambda: unit.ensure(given["token"]), renewed=unit.differs(given["token"]))
        if given["env_step"]:
            run.run(given["env_step"], unit.ensure_env, renewed=bool(given["secret_step"]) and unit.behind(run.ledger.get(given["env_step"])))
        if given["credential_step"]:
            argv = run.step(given["credential_step"]).argv
            client = monqctl(given, run=run)
            token = unit.token() or ""
            run.run(given["credential_step"], lambda: client.change(argv, unit.required()) and None, renewed=unit.rotated, told=(argv, token))
        module.exit_json(generated=unit.generated, reasserted=unit.reasserted, **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
