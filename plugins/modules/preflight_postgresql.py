#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_postgresql
short_description: Reads the PostgreSQL server and tells what would keep the backups from succeeding
version_added: 1.0.0
description:
  - Looks at the server, the databases, the role's permissions, C(pg_dump) and C(pg_restore), the folder for dumps and its space,
    and at scratch databases that earlier runs left.
  - Collects everything that it finds. Changes nothing, and makes no folder.
extends_documentation_fragment:
  - monq.platform.postgresql
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
"""

EXAMPLES = r"""
- name: Look at the databases
  monq.platform.preflight_postgresql:
    postgresql:
      host: postgresql.monq.domain.com
      user: monq_backup
      password: "{{ vault_monq_postgresql_password }}"
    databases:
      - microservice: pl-identity-service
        database: pl_identity_service
    directory: /var/backups/monq
  register: __preflight_postgresql
"""

RETURN = r"""
findings:
  description: What was found. Findings of severity C(stop) forbid the upgrade.
  returned: always
  type: list
  elements: dict
  sample: [{"check": "postgresql.pg_dump", "severity": "stop", "object": "pg_dump", "expected": "version 15 or newer, as the server",
            "seen": "version 13", "next": "install postgresql-client-15 on this host, or give the path of its pg_dump"}]
sizes:
  description: Bytes of each database that could be looked at.
  returned: always
  type: dict
  sample: {"pl_identity_service": 9130287}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.checks.postgres import inspect
from ..module_utils.errors import MonqError
from ..module_utils.postgres.client import ARGUMENTS


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **inspect(module.params))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
