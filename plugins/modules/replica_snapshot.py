#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: replica_snapshot
short_description: Saves the replica counts of registry and Kubernetes, once
version_added: 1.0.0
description:
  - Reads the counts of every service in both stores, and whether it has an HPA, is paused or is unhealthy, and saves
    them in an immutable Secret. Its digest is recorded in the ledger.
  - M(monq.platform.snapshot) does the same together with the manifests.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
options:
  name:
    description: V(original), before the first change of prepare, or V(cut), right before the outage.
    type: str
    choices: [original, cut]
    required: true
"""

EXAMPLES = r"""
- name: Save the replica counts right before the outage
  monq.platform.replica_snapshot:
    name: cut
"""

RETURN = r"""
replicas:
  description: The saved counts. Empty in check mode.
  returned: always
  type: dict
  sample: {"pl-i18n-service": {"kubernetes": 2, "registry": 2, "hpa": false, "paused": false, "healthy": true}}
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["upgrade.replicas.cut"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.save import Saving

OPTIONS = {"name": {"type": "str", "choices": ["original", "cut"], "required": True}}


def main():
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        digest, name = Saving(session, given["name"]).counts(), f"{given['name']}-replicas"
        module.exit_json(replicas=session.store.open(name, digest) if digest else {}, **session.run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
