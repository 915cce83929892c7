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
  - Under the lock the ledgers are read and judged once more, as whoever held it before may have changed them; an error gives the lock back.
  - Then archives the ledger of a rollback that is finished, so that this one begins anew, and reads the results that an earlier run could only leave beside
    the backup.
  - Where there is nothing to roll back, no lock is taken and RV(id) is empty.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.rollback
  - monq.platform.rollback.routes
  - monq.platform.rollback.words
  - monq.platform.mask
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
finished:
  description: Whether nothing is left to do. The last result lay beside the backup, or another run has ended the rollback while this one waited for the lock.
  returned: always
  type: bool
  sample: false
outcomes:
  description: What the steps that are done so far have done, by key.
  returned: always
  type: dict
  sample: {}
"""

import contextlib

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CLUSTER, MONQCTL, RUN, cluster, monqctl
from ..module_utils.engine.lease import Lease
from ..module_utils.errors import MonqError, StepError
from ..module_utils.rollback.archive import clear_finished
from ..module_utils.rollback.checks import overview, reasons, require
from ..module_utils.rollback.ledger import RollbackLedger
from ..module_utils.rollback.restore import Rollback
from ..module_utils.rollback.run import DATABASES, ROUTES, WORDS, rollback_run


def answer(lock_id="", finished=False, outcomes=None):
    return {"id": lock_id, "finished": finished, "outcomes": outcomes or {}}


def acquire(connection, run, given, client):
    """What the module answers. What forbids the rollback is asked here too: no tag and no --start-at-task comes past it."""
    report = overview(run, Rollback(connection, run, given, client), given, False, read_dumps=False)
    require(report)
    if not report["needed"]:
        return answer()
    lease = Lease(connection, given["namespace"], given["lock_duration"])
    lock_id = lease.acquire()
    ended = True  # a lock whose id nobody would learn, or that nobody needs, is given back
    try:
        begun = begin(connection, {**given, "lock_id": lock_id}, run.attempt)
        ended = not begun["id"]
        return begun
    finally:
        if ended:
            with contextlib.suppress(MonqError):
                lease.release(lock_id)


def begin(connection, given, attempt):
    """Under the lock: what was asked before it was waited for is asked again, of the ledgers."""
    where = (connection, given["namespace"], given["plan"]["release"]["version"])
    run = rollback_run(given, False, connection)
    last = RollbackLedger(*where).load()
    if last.finished and last.attempt == attempt:
        return answer("", True, last.results())
    if not run.needed or run.attempt != attempt:
        raise StepError(
            "the ledgers were changed while this run waited for the lock",
            f"ConfigMap {given['namespace']}/{run.upgrade.name}",
            f"attempt {attempt}",
            f"attempt {run.attempt}" if run.needed else "nothing to roll back",
            "look with status.yml where things stand, then run the same command again",
        )
    require({"findings": reasons(run, given, False)})
    clear_finished(*where)
    run.begin()
    return answer(given["lock_id"], run.ledger.finished, run.ledger.results())


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **MONQCTL, **DATABASES, **ROUTES, **WORDS}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        run = rollback_run(given, module.check_mode, connection)
        module.exit_json(changed=False, **(answer() if module.check_mode else acquire(connection, run, given, monqctl(given, run=run))))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
