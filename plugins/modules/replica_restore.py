#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: replica_restore
short_description: Puts replica counts back after Replace
version_added: 1.0.0
description:
  - Puts the counts of the sealed snapshot C(cut) back, first in the registry, then in Kubernetes, each store its own count, 0 included.
  - A Deployment that an HPA owns is left to its HPA in Kubernetes, but for 0. Services that appeared or vanished with the release are reported.
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
  module:
    description: The module whose Replace has just run. It names the steps; counts that differ are restored wherever they stand.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Put the counts back after Replace of pl
  monq.platform.replica_restore:
    module: pl
"""

RETURN = r"""
registry:
  description: Counts changed in the registry.
  returned: always
  type: list
  elements: dict
  sample: [{"name": "pl-i18n-service", "seen": 1, "wanted": 2}]
kubernetes:
  description: Counts changed in Kubernetes.
  returned: always
  type: list
  elements: dict
  sample: [{"name": "pl-i18n-service", "seen": 1, "wanted": 2}]
appeared:
  description: Deployments that the snapshot does not know.
  returned: when restored
  type: list
  elements: str
  sample: [pl-routing-service]
vanished:
  description: Services of the snapshot that are not there any more.
  returned: when restored
  type: list
  elements: str
  sample: []
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
from ..module_utils.engine.snapshots import SealedStore
from ..module_utils.errors import MonqError
from ..module_utils.monqctl.registry import RegistryReplicas
from ..module_utils.upgrade.counts import Restore


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **MONQCTL, "module": {"type": "str", "required": True}}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        run = guarded_run(given, module.check_mode, connection)
        store = SealedStore(connection, given["namespace"], given["plan"]["release"]["version"])
        registry = RegistryReplicas(monqctl(given, run), given["replica_commands"])
        restore = Restore(run.ledger, store, connection, given["namespace"], registry)
        if given["plan"]["registry_replicas"] == "monqctl":
            run.run(f"upgrade.{given['module']}.replicas.registry", restore.registry)
        run.run(f"upgrade.{given['module']}.replicas.kubernetes", restore.kubernetes)
        module.exit_json(**restore.report, **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
