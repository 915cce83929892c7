#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback_lock
short_description: Takes the lock of an installation for a rollback
version_added: 1.0.0
description:
  - Takes the same lock as an upgrade, the Lease C(monq-upgrade). Refuses where M(monq.platform.rollback_info) finds what forbids the rollback, a missing
    confirmation above all; the contents of dumps are not summed up again.
  - Then archives the ledger of a rollback that is finished, so that this one begins anew.
  - Where there is nothing to roll back, no lock is taken and RV(id) is empty.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.rollback
  - monq.platform.rollback.routes
  - monq.platform.rollback.words
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Takes no lock and archives nothing.
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
- name: Take the lock
  monq.platform.rollback_lock:
    domain: monq.domain.com
    environment: production
    confirm: production
  register: __rollback_lock
"""

RETURN = r"""
id:
  description: The lock's id, which the steps demand. Empty in check mode and where nothing is to be rolled back.
  returned: always
  type: str
  sample: 5f2c1f3b9a10
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CLUSTER, MONQCTL, RUN, cluster, monqctl
from ..module_utils.errors import MonqError
from ..module_utils.lease import Lease
from ..module_utils.rollback import Rollback
from ..module_utils.rollback_archive import clear_finished
from ..module_utils.rollback_checks import overview, require
from ..module_utils.rollback_run import DATABASES, ROUTES, WORDS, rollback_run


def acquire(connection, run, given, client):
    """The new lock's id. What forbids the rollback is asked here too: no tag and no --start-at-task comes past it."""
    require(overview(run, Rollback(connection, run, given, client), given, False, read_dumps=False))
    lock_id = Lease(connection, given["namespace"], given["lock_duration"]).acquire()
    clear_finished(connection, given["namespace"], given["plan"]["release"]["version"])
    rollback_run({**given, "lock_id": lock_id}, False, connection).begin()
    return lock_id


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **MONQCTL, **DATABASES, **ROUTES, **WORDS}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        run = rollback_run(given, module.check_mode, connection)
        wanted = run.needed and not module.check_mode
        module.exit_json(changed=False, id=acquire(connection, run, given, monqctl(given, run=run)) if wanted else "")
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
