#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: monqctl_info
short_description: Reads information about an installation with the vendor's client
version_added: 1.0.0
description:
  - Reads monqctl's version and current context and, on request, the registry's status, the K8s template and the replica
    counts. Changes nothing.
extends_documentation_fragment:
  - monq.platform.attributes.reads
  - monq.platform.monqctl
options:
  gather:
    description: What to read. C(version) and C(context) need no registry.
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

from ..module_utils.arguments import MONQCTL
from ..module_utils.errors import MonqError
from ..module_utils.monqctl import output, tables
from ..module_utils.monqctl.registry import TEMPLATE, RegistryReplicas
from ..module_utils.session import client


def status(monqctl):
    return output.shown_rows(tables.pairs(monqctl.read(*output.STATUS)), monqctl.secrets)


READERS = {
    "version": lambda monqctl, _commands: ".".join(map(str, monqctl.version())),
    "context": lambda monqctl, _commands: monqctl.current_context(),
    "status": lambda monqctl, _commands: status(monqctl),
    "template": lambda monqctl, _commands: monqctl.read_json(*TEMPLATE),
    "replicas": lambda monqctl, commands: RegistryReplicas(monqctl, commands).counts(),
}
OPTIONS = {"gather": {"type": "list", "elements": "str", "choices": list(READERS), "default": ["version", "context"]}}


def main():
    module = AnsibleModule(argument_spec={**MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        monqctl = client(given)
        found = {name: READERS[name](monqctl, given["replica_commands"]) for name in given["gather"]}
        module.exit_json(changed=False, **found)
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
