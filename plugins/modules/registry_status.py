#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: registry_status
short_description: Checks that the registry is healthy
version_added: 1.0.0
description:
  - Reads the registry's status. Fails if a row has failed that the release's data does not list as harmless.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
"""

EXAMPLES = r"""
- name: Require a healthy registry
  monq.platform.registry_status:
"""

RETURN = r"""
status:
  description: The rows of the status.
  returned: always
  type: dict
  sample: {"Consul": "Failed", "PostgreSQL": "Ok"}
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["prepare.registry.status"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session


def main():
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL}, supports_check_mode=True)
    try:
        session = Session.open(params=module.params, check_mode=module.check_mode)
        client, ignored = session.monqctl, session.release["ignored_status"]
        status = session.run.execute("prepare.registry.status", lambda: client.healthy_status(ignored))
        module.exit_json(status=status or {}, **session.run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
