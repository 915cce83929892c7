#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: monqctl_home
short_description: Does for a home of monqctl what it lacks
version_added: 1.0.0
description:
  - Client steps change nothing but the home that monqctl runs with. This module does those that the home lacks, in order, as far as their
    predecessors are done.
  - On a first run that is the context, where it is made from the variables. On a resumed run in an empty home it is everything up to the prepared release.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Predicts the steps; writes nothing.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  releasehub_token:
    description: Token of the Release Hub.
    type: str
    default: ''
  until:
    description: Key of the last step that is looked at. Empty means all.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Give monqctl what this home lacks
  monq.platform.monqctl_home:
    releasehub_token: "{{ monq_releasehub_token }}"
"""

RETURN = r"""
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
from ..module_utils.upgrade.registry_token import RegistrySecret


def repeat(run, client, until, secrets, required):
    """Client steps that are missing here and whose predecessors are done; the first that must wait ends it. required: the registry's token, or an error."""
    for step in run.plan:
        if step.kind == "client":
            if not run.may_begin(step.key):
                return  # also where it is done: after a rotation that was killed, the registry's own step comes first
            argv, secret = step.argv, secrets[step.secret]() or ""
            guard = not step.key.startswith("prepare.monqctl.")  # these make the context that the others are guarded by
            early = step.key == "prepare.monqctl.credential"  # told again by its own step, once the token is made

            def call(argv=argv, secret=secret, guard=guard, early=early, what=step.secret):
                if secret or not early:
                    client.change(argv, secret or (required() if what == "registry_token" else ""), guard=guard)

            run.run(step.key, call, told=None if early else (argv, secret))
        if step.key == until:
            return


def main():
    module = AnsibleModule(
        argument_spec={
            **CLUSTER,
            **RUN,
            **MONQCTL,
            "releasehub_token": {"type": "str", "default": "", "no_log": True},
            "until": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        connection = cluster(given)
        run = guarded_run(given, module.check_mode, connection)
        unit = RegistrySecret(connection, given["namespace"], given["plan"]["release"], None)
        secrets = {"": lambda: "", "releasehub_token": lambda: given["releasehub_token"], "registry_token": unit.token}
        repeat(run, monqctl(given, run=run), given["until"], secrets, unit.required)
        module.exit_json(**run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
