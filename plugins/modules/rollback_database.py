#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback_database
short_description: Puts databases back from the dumps of before the first SQL
version_added: 1.0.0
description:
  - Dumps each database as it is now, then builds it anew out of its dump beside the one that stands (owners and privileges too), compares tables and rows,
    copies the database's own privileges and settings, and changes the two names in one transaction.
  - The first error leaves the database that stands untouched. It is never dropped; it is kept under the name that RV(restored) tells.
  - Refuses a dump that is not byte for byte the one that the ledger knows, and a database with live connections.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.postgresql
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Reads the ledgers; predicts the steps; writes nothing and takes no lock.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  host:
    description: Name of the installation, a folder below O(directory).
    type: str
    required: true
  terminate_connections:
    description: Whether live connections are ended.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Put back the database of the identity service
  monq.platform.rollback_database:
    host: production
    directory: /var/backups/monq
    databases:
      - {microservice: pl-identity-service, database: pl_identity_service}
    postgresql:
      host: postgresql.monq.domain.com
      user: monq
      password: "{{ vault_postgresql_password }}"
"""

RETURN = r"""
restored:
  description: For each database the dump that it comes from, and the name that the one of before is kept under.
  returned: always
  type: list
  elements: dict
  sample: [{"database": "pl_identity_service", "kept": "pl_identity_service_before_rollback_1"}]
steps_done:
  description: Keys of the steps that this task did.
  returned: always
  type: list
  elements: str
  sample: [rollback.routing.remove]
steps_predicted:
  description: Keys of the steps that a real run would do now.
  returned: always
  type: list
  elements: str
  sample: []
steps_skipped:
  description: Keys of the steps that the rollback's ledger knows as done.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import RUN, cluster
from ..module_utils.errors import MonqError
from ..module_utils.postgres.backup import backup
from ..module_utils.postgres.client import ARGUMENTS
from ..module_utils.rollback.database import DatabaseRestore
from ..module_utils.rollback.run import rollback_run
from ..module_utils.rollback.steps import dump_of

OPTIONS = {"host": {"type": "str", "required": True}, "terminate_connections": {"type": "bool", "default": False}}


def perform(run, taken, restore, databases):
    """All are dumped before the first is put back."""
    for item in databases:
        run.run(f"rollback.backup.{item['microservice']}", lambda item=item: taken.dump(item["microservice"], item["database"], "rollback"))
    restored = []
    for item in databases:
        _step, result = dump_of(run.upgrade.entries, item["microservice"])
        done = run.run(
            f"rollback.database.{item['microservice']}", lambda item=item, result=result: restore.run(item["database"], result, run.attempt)
        )
        restored += [done] if done else []
    return restored


def main():
    module = AnsibleModule(argument_spec={**RUN, **ARGUMENTS, **OPTIONS}, supports_check_mode=True)
    given = {"max_age": 0, **module.params}
    try:
        connection = cluster(given)
        run = rollback_run(given, module.check_mode, connection)
        restore = DatabaseRestore(given["postgresql"], given["pg_restore"], given["timeout"], given["terminate_connections"], run.fence)
        module.exit_json(restored=perform(run, backup(given, run.attempt, connection.server), restore, given["databases"]), **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
