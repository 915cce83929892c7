#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: support_bundle
short_description: Saves what a helper needs to see, without secrets
version_added: 1.0.0
description:
  - Writes C(<directory>/<host>/<release>/<generation>/support-<UTC time>.tar.gz), mode 0600. It contains the ledgers,
    the Lease, Deployments, ReplicaSets, pods, Ingresses, HPAs, the names of the Services, events, the registry's
    status, versions, and the failure's message.
  - It never contains a Secret. Values whose names look secret, and known secrets in any encoding, are hidden by
    numbered words, the same for the same secret; C(redactions.json) lists them. Whatever could not be read is listed
    with the reason.
  - After the outage has begun, C(difference.txt) says what has changed since right before it.
  - Needs no lock, and changes nothing in the cluster.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Reads everything, but writes no file.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
      change.
    support: none
    details: Each call writes a new file.
options:
  directory:
    description: Folder on the inventory host that outlives the job.
    type: path
    required: true
  host:
    description: Name of the installation in the inventory.
    type: str
    required: true
  failure:
    description: The message of the failure, kept as C(failure.txt).
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Create a support bundle
  monq.platform.support_bundle:
    directory: /var/backups/monq
    host: production
"""

RETURN = r"""
path:
  description: The file's path. Empty in check mode.
  returned: always
  type: str
  sample: /var/backups/monq/production/6.0.0/1/support-20260301T101500.000Z.tar.gz
files:
  description: The names of the files in it.
  returned: always
  type: list
  elements: str
  sample: [deployments.json, ledgers.json]
missing:
  description: What could not be read, and why.
  returned: always
  type: dict
  sample: {"events.json": "not readable by this account"}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.report.support_bundle import make

OPTIONS = {
    "directory": {"type": "path", "required": True},
    "host": {"type": "str", "required": True},
    "failure": {"type": "str", "default": ""},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    try:
        module.exit_json(changed=True, **make(module.params, module.check_mode, module.ansible_version))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
