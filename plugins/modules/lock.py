#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: lock
short_description: Takes or gives back the lock of an installation
version_added: 1.0.0
description:
  - The lock is the Lease C(monq-upgrade) in the registry's namespace, taken by compare-and-swap.
  - A holder that is seen to renew is refused and named. A silent one is waited out for its Lease's duration, measured on this machine's own clock,
    and then taken over.
  - Where every step of the plan is done, no lock is taken and RV(id) is empty.
  - Refuses where the ledger was begun with another list of steps or another SQL file, and where O(resolve) names a step that is not part of the plan.
  - Whoever takes the lock imports the results that an earlier run could only leave beside the backup.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Takes no lock.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  state:
    description:
      - C(acquired) takes the lock, C(released) gives back the one named by O(lock_id) where it is still held.
      - C(broken) takes it from a run that is known to be dead, and fails where O(lock_id) is not the holder's id. Should that run live after all,
        it begins no further changing call.
    type: str
    choices: [acquired, released, broken]
    required: true
  preflight:
    description: Whether preflight has passed in this run. Without it the lock is refused.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Take the lock
  monq.platform.lock:
    state: acquired
    preflight: true
  register: __monq_lock

- name: Take the lock from a run that is known to be dead
  monq.platform.lock:
    state: broken
    lock_id: 5f2c1f3b9a10
"""

RETURN = r"""
id:
  description: The lock's id, which the steps demand. Empty in check mode and where nothing is left to do.
  returned: always
  type: str
  sample: 5f2c1f3b9a10
finished:
  description: Whether the ledger knows every step as done, so that there is nothing left to do on the installation.
  returned: always
  type: bool
  sample: false
prepared:
  description: Whether prepare has nothing left to do, neither on the installation nor in this home of monqctl.
  returned: always
  type: bool
  sample: false
imported:
  description: Steps whose results an earlier run could only leave beside the backup, and which the ledger knows now.
  returned: always
  type: list
  elements: str
  sample: []
"""

import contextlib

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CLUSTER, RUN, cluster, guarded_run
from ..module_utils.engine.lease import Lease
from ..module_utils.errors import MonqError, StepError
from ..module_utils.rollback.ledger import require_no_rollback


def acquire(lease, run, preflight, check_mode):
    """The new lock's id, or nothing where no step is left or none would be done."""
    run.require_same_plan()
    run.require_known_answers()
    if check_mode or all(run.is_done(step.key) for step in run.plan):
        return ""
    if not preflight:
        raise StepError(
            "preflight has not passed in this run",
            "preflight",
            "preflight passed",
            "skipped",
            "run the playbook without --skip-tags preflight",
            missing="preflight",
        )
    return lease.acquire()


def begin(lease, load, require, lock_id):
    """(the run, the steps that were imported). What was asked before the lock is asked again: somebody else may have held it meanwhile.
    A lock whose id nobody would learn is given back."""
    try:
        run = load()
        run.require_same_plan()
        require(run)
        return run, run.begin()
    except MonqError:
        with contextlib.suppress(MonqError):
            lease.release(lock_id)
        raise


def main():
    module = AnsibleModule(
        argument_spec={
            **CLUSTER,
            **RUN,
            "state": {"type": "str", "choices": ["acquired", "released", "broken"], "required": True},
            "preflight": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        connection = cluster(given)
        lease = Lease(connection, given["namespace"], given["lock_duration"])
        lock_id, finished, prepared, imported = "", False, False, []
        if given["state"] == "acquired":

            def require(run):
                require_no_rollback(connection, given["namespace"], given["plan"]["release"]["version"], run, module.check_mode)

            run = guarded_run(given, module.check_mode, connection)
            require(run)
            lock_id = acquire(lease, run, given["preflight"], module.check_mode)
            if lock_id:
                run, imported = begin(lease, lambda: guarded_run({**given, "lock_id": lock_id}, False, connection), require, lock_id)
            finished = all(run.is_done(step.key) for step in run.plan if step.kind != "client")
            prepared = finished or all(run.is_done(step.key) for step in run.plan if step.key.startswith("prepare."))
        elif given["state"] == "broken":
            lease.unlock(given["lock_id"], module.check_mode)
        elif given["lock_id"] and not module.check_mode:
            lease.release(given["lock_id"])
        module.exit_json(changed=given["state"] == "broken", id=lock_id, finished=finished, prepared=prepared, imported=imported)
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
