#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_backup
short_description: Dumps the databases of the microservices and verifies the dumps
version_added: 1.0.0
description:
  - Dumps each database with C(pg_dump) in an exported snapshot, in which the rows of every table are counted too.
  - A dump is valid once it has been read completely and its checksum is in C(manifest.json) beside it.
  - If the role may create databases and the size allows it, the dump is restored into a scratch database, and tables
    and rows are compared. The scratch database is always dropped.
  - On the databases' own server, the scratch database is created and restored exactly as
    M(monq.platform.rollback_database) does it, with owners and privileges. If rows are not restored there, it is
    restored without them.
  - What a rollback would lack or lose, and nothing proves otherwise, is a warning.
  - In stage V(upgrade), a dump of stage C(prepare) is used again if it is recent enough and its file still has the
    right checksum. Otherwise a new one is taken.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.postgresql
  - monq.platform.postgresql.server
  - monq.platform.postgresql.databases
options:
  stage:
    description: The stage that the steps belong to. V(outage) is the optional dump right after the old routes are
      removed.
    type: str
    choices: [prepare, upgrade, outage]
    required: true
  host:
    description: Name of the inventory host. A folder of that name separates installations.
    type: str
    required: true
  max_age:
    description: Seconds after which a dump of C(prepare) is too old for the upgrade.
    type: int
    default: 14400
"""

EXAMPLES = r"""
- name: Dump the databases before anything is changed
  monq.platform.postgresql_backup:
    stage: prepare
    postgresql:
      host: postgresql.monq.domain.com
      user: monq_backup
      password: "{{ vault_monq_postgresql_password }}"
    databases:
      - microservice: pl-identity-service
        database: pl_identity_service
    directory: /var/backups/monq
    host: production
  register: __backup
"""

RETURN = r"""
folder:
  description: The folder of this generation, with the dumps and manifest.json.
  returned: always
  type: str
  sample: /var/backups/monq/production/6.0.0/1
backups:
  description: For each database, its step and its valid dump. If there is none yet, only step, microservice, database
    and reused.
  returned: always
  type: list
  elements: dict
  contains:
    step:
      description: Key of the step in the ledger.
      type: str
      sample: prepare.backup.database.pl-identity-service
    microservice:
      description: Name of the microservice.
      type: str
      sample: pl-identity-service
    database:
      description: Name of its database.
      type: str
      sample: pl_identity_service
    server:
      description: Host and port of the server.
      type: str
      sample: postgresql.monq.domain.com:5432
    path:
      description: The dump.
      type: str
      sample: /var/backups/monq/production/6.0.0/1/pl_identity_service.20260301T101500.000Z.dump
    sha256:
      description: The dump's checksum.
      type: str
      sample: 7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069
    bytes:
      description: The dump's size.
      type: int
      sample: 482133
    started:
      description: When its snapshot was taken.
      type: str
      sample: "2026-03-01T10:15:00Z"
    finished:
      description: When it was verified.
      type: str
      sample: "2026-03-01T10:15:07Z"
    tables:
      description: Number of tables.
      type: int
      sample: 24
    rows:
      description: Number of rows in all tables, in the dump's own snapshot.
      type: int
      sample: 18334
    scratch:
      description: Whether the dump was restored and compared (C(state) is C(restored)), or why not (C(skipped), with
        C(reason)). C(as_rollback) is true if owners and privileges were restored as a rollback does.
      type: dict
      sample: {"state": "restored", "server": "postgresql.monq.domain.com:5432", "as_rollback": true}
    reused:
      description: Whether stage V(upgrade) uses the dump of C(prepare).
      type: bool
      sample: false
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["prepare.backup.database.pl-identity-service"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import RUN
from ..module_utils.errors import MonqError
from ..module_utils.postgres.backup import backup
from ..module_utils.postgres.client import ARGUMENTS
from ..module_utils.session import Session

OPTIONS = {
    "stage": {"type": "str", "choices": ["prepare", "upgrade", "outage"], "required": True},
    "host": {"type": "str", "required": True},
    "max_age": {"type": "int", "default": 14400},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **ARGUMENTS, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        taken = backup(given, session.run.ledger.generation, session.cluster.server, session.progress)
        backups = taken.run_stage(session.run, given["stage"], given["databases"])
        session.warnings += taken.warnings
        module.exit_json(**session.result(module.warn), **backups)
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
