#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: monqctl_info
short_description: Reads what the vendor's client tells of an installation
version_added: 1.0.0
description:
  - Asks monqctl for its version, current context and, on request, for the registry's status, the K8s template and the replica counts. Changes nothing.
extends_documentation_fragment:
  - monq.platform.monqctl
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  gather:
    description: What is read. C(version) and C(context) need no registry.
    type: list
    elements: str
    choices: [version, context, status, template, replicas]
    default: [version, context]
"""

EXAMPLES = r"""
- name: Read the K8s template
  monq.platform.monqctl_info:
    monqctl_context: production
    gather: [template]
  register: __monqctl
"""

RETURN = r"""
version:
  description: Version of monqctl.
  returned: when gathered
  type: str
  sample: 1.1.2
context:
  description: The current context.
  returned: when gathered
  type: str
  sample: production
status:
  description: The rows of the registry's status.
  returned: when gathered
  type: dict
  sample: {"Consul": "Failed", "PostgreSQL": "Ok"}
template:
  description: The K8s template.
  returned: when gathered
  type: dict
  sample: {"JsonConfig": {}}
replicas:
  description: Replica counts in the registry.
  returned: when gathered
  type: dict
  sample: {"pl-i18n-service": 2}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, monqctl
from ..module_utils.errors import MonqError
from ..module_utils.monqctl import output
from ..module_utils.monqctl.registry import TEMPLATE, RegistryReplicas

READERS = {
    "version": lambda client, params: ".".join(map(str, output.version(client.read("version"), client.secrets))),
    "context": lambda client, params: client.current_context(),
    "status": lambda client, params: output.shown_rows(output.status_rows(client.read("registry", "get", "status")), client.secrets),
    "template": lambda client, params: client.read_json(*TEMPLATE),
    "replicas": lambda client, params: RegistryReplicas(client, params["replica_commands"]).counts(),
}


def main():
    module = AnsibleModule(
        argument_spec={
            **MONQCTL,
            "gather": {"type": "list", "elements": "str", "choices": list(READERS), "default": ["version", "context"]},
        },
        supports_check_mode=True,
    )
    try:
        client = monqctl(module.params)
        module.exit_json(changed=False, **{name: READERS[name](client, module.params) for name in module.params["gather"]})
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
