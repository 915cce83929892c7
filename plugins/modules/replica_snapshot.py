#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: replica_snapshot
short_description: Saves the replica counts of both stores, once
version_added: 1.0.0
description:
  - Reads the counts of every microservice in the registry and of every Deployment in Kubernetes, which may differ; notes HPA-owned, paused and unhealthy ones.
  - Saves them create-only in an immutable Secret; the sha256 stands in the ledger.
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
  name:
    description: C(original), before the first change, or C(cut), right before the outage. Counts are restored from C(cut).
    type: str
    choices: [original, cut]
    required: true
"""

EXAMPLES = r"""
- name: Save the counts right before the outage
  monq.platform.replica_snapshot:
    name: cut
  register: __replicas
"""

RETURN = r"""
replicas:
  description: For each service its count in the registry and in Kubernetes, and whether an HPA owns it, it is paused, it is healthy. The sealed ones
    where they are sealed.
  returned: always
  type: dict
  sample: {"pl-i18n-service": {"registry": 2, "kubernetes": 2, "hpa": false, "paused": false, "healthy": true}}
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
from ..module_utils.k8s.objects import deployments, hpas
from ..module_utils.monqctl.registry import RegistryReplicas
from ..module_utils.upgrade.replicas import table


def read(connection, params):
    manual = params["plan"]["registry_replicas"] == "manual"
    registry = None if manual else RegistryReplicas(monqctl(params), params["replica_commands"]).counts()
    return table(deployments(connection, params["namespace"]), hpas(connection, params["namespace"]), registry)


def main():
    module = AnsibleModule(
        argument_spec={**CLUSTER, **RUN, **MONQCTL, "name": {"type": "str", "choices": ["original", "cut"], "required": True}},
        supports_check_mode=True,
    )
    given = module.params
    try:
        connection = cluster(given)
        run = guarded_run(given, module.check_mode, connection)
        store = SealedStore(connection, given["namespace"], given["plan"]["release"]["version"])
        name = given["name"] + "-replicas"
        stage = "prepare" if given["name"] == "original" else "upgrade"
        seal = run.run(f"{stage}.replicas.{given['name']}", lambda: store.seal(name, read(connection, given)))
        module.exit_json(replicas=store.open(name, seal) if seal else {}, **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
