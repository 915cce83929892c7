#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback_database
short_description: Restores databases from their last dumps before the first SQL
version_added: 1.0.0
description:
  - Dumps each database as it is now, then builds a new one from the dump beside it (including owners and privileges),
    compares tables and rows, copies the database's own privileges and settings, and swaps the two names in one
    transaction.
  - An error before the swap leaves the current database untouched. After the swap, the old database is kept under the
    name in RV(restored), and never dropped.
  - Fails if a dump is not byte for byte the one recorded in the ledger, and if a database has live connections.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.postgresql
  - monq.platform.postgresql.server
  - monq.platform.postgresql.databases
options:
  host:
    description: Name of the installation, a folder below O(directory).
    type: str
    required: true
  terminate_connections:
    description: Whether to end live connections.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Restore the database of the identity service
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
  description: For each database, the dump it was restored from, the name under which the old database is kept, and
    what was not restored (C(settings_left), C(lost)).
  returned: always
  type: list
  elements: dict
  sample: [{"database": "pl_identity_service", "kept": "pl_identity_service_before_rollback_1"}]
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["rollback.routing.remove"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import RUN
from ..module_utils.errors import MonqError
from ..module_utils.postgres.backup import backup
from ..module_utils.postgres.client import ARGUMENTS
from ..module_utils.rollback.database import DatabaseRestore
from ..module_utils.rollback.run import open_session
from ..module_utils.rollback.steps import dump_of

OPTIONS = {"host": {"type": "str", "required": True}, "terminate_connections": {"type": "bool", "default": False}}


def perform(run, taken, restore, databases):
    """What was restored. All are dumped before the first is restored."""
    for item in databases:
        name, database = item["microservice"], item["database"]
        run.execute(
            f"rollback.backup.{name}", lambda name=name, database=database: taken.dump(name, database, "rollback")
        )
    restored = []
    for item in databases:
        name, database = item["microservice"], item["database"]
        _step, result = dump_of(run.upgrade.entries, name)

        def put_back(database=database, result=result):
            return restore.run(database, result, run.generation)

        done = run.execute(f"rollback.database.{name}", put_back)
        restored += [done] if done else []
    return restored


def main():
    module = AnsibleModule(argument_spec={**RUN, **ARGUMENTS, **OPTIONS}, supports_check_mode=True)
    given = {"max_age": 0, **module.params}
    try:
        session = open_session(params=given, check_mode=module.check_mode)
        run, server = session.run, session.cluster.server
        restore = DatabaseRestore(
            given["postgresql"],
            given["pg_restore"],
            given["timeout"],
            given["terminate_connections"],
            run.fence,
            progress=session.progress,
        )
        taken = backup(given, run.generation, server, session.progress)
        restored = perform(run, taken, restore, given["databases"])
        session.warnings += taken.warnings
        module.exit_json(restored=restored, **session.result(module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
