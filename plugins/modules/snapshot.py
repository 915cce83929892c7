#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot
short_description: Saves what an installation is made of, once
version_added: 1.0.0
description:
  - Saves Deployments, Ingresses, HorizontalPodAutoscalers, the K8s template of the registry and what the registry says of each microservice in immutable
    Secrets, gzip, in chunks, create-only.
    The sha256 stands in the ledger.
  - A resumed run reads the snapshot and never writes it again.
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
    description: C(original), before the first change, or C(cut), right before the outage.
    type: str
    choices: [original, cut]
    required: true
"""

EXAMPLES = r"""
- name: Save the installation before its first change
  monq.platform.snapshot:
    name: original
"""

RETURN = r"""
seal:
  description: Name prefix of the Secrets, their number and the sha256 of what they hold.
  returned: when the step is done
  type: dict
  sample: {"secret": "monq-upgrade-6.0.0-original", "chunks": 1, "sha256": "9f86d081"}
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
from ..module_utils.k8s import objects
from ..module_utils.monqctl.registry import TEMPLATE, RegistryReplicas
from ..module_utils.upgrade.template import check


def read(connection, namespace, client, registry):
    """Everything that rollback and the drift list need. registry: None where it is not read."""
    template = client.read_json(*TEMPLATE)
    check(template)
    return {
        "deployments": objects.deployments(connection, namespace),
        "ingresses": objects.routes(connection, namespace),
        "hpas": objects.hpas(connection, namespace),
        "template": template,
        "microservices": registry.entries() if registry else {},
    }


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
        stage = "prepare" if given["name"] == "original" else "upgrade"
        client = monqctl(given)
        registry = RegistryReplicas(client, given["replica_commands"]) if given["plan"]["registry_replicas"] == "monqctl" else None
        seal = run.run(f"{stage}.snapshot.{given['name']}", lambda: store.seal(given["name"], read(connection, given["namespace"], client, registry)))
        module.exit_json(seal=seal, **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
