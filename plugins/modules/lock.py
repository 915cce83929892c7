#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: lock
short_description: Takes and releases the lock of an installation
version_added: 1.0.0
description:
  - Takes the Lease C(monq-upgrade) by compare-and-swap. If the current holder is still renewing it, the module fails
    and names the holder; it waits out a silent one for the duration of that holder's Lease, by its own clock.
  - Fails if a rollback is not finished or the upgrade was started with other steps (checked before and after the lock
    is taken), and if preflight has not passed in this run.
  - If every step is already done, and in check mode, no lock is taken and RV(id) is empty.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
options:
  state:
    description:
      - V(acquired) takes the lock. V(released) releases the lock with the ID O(lock_id), if this run holds it.
        V(broken) takes the lock with the ID O(lock_id) from its holder on the operator's behalf.
    type: str
    choices: [acquired, released, broken]
    required: true
  holder:
    description: The holder of the lock when it was last read, shown while waiting for it.
    type: str
    default: ''
  preflight:
    description: Whether preflight has passed in this run. The lock is not taken without it.
    type: bool
    default: false
  findings:
    description: What preflight has found in this run, as it returned it. Once the lock of an upgrade that has begun is
      taken, it is recorded for the report; if that fails, the module warns.
    type: list
    elements: dict
    default: []
    version_added: 1.1.0
"""

EXAMPLES = r"""
- name: Take the lock
  monq.platform.lock:
    state: acquired
    preflight: true
  register: __lock

- name: Release the lock
  monq.platform.lock:
    state: released
    lock_id: "{{ __lock.id }}"
"""

RETURN = r"""
id:
  description: The lock's ID, which the steps require. Empty in check mode and if nothing is left to do.
  returned: always
  type: str
  sample: 5f2c1f3b9a10
finished:
  description: Whether every step is done, so that nothing is left to do on the installation.
  returned: always
  type: bool
  sample: false
prepared:
  description: Whether prepare has nothing left to do, neither on the installation nor in this home of monqctl.
  returned: always
  type: bool
  sample: false
imported:
  description: Steps whose results an earlier run had to save beside the backup, and which have now been imported into
    the ledger.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import timestamp
from ..module_utils.arguments import RUN
from ..module_utils.engine.locking import hold
from ..module_utils.errors import MonqError, StepError
from ..module_utils.report import facts
from ..module_utils.rollback.ledger import require_no_rollback
from ..module_utils.session import Session

OPTIONS = {
    "state": {"type": "str", "choices": ["acquired", "released", "broken"], "required": True},
    "holder": {"type": "str", "default": ""},
    "preflight": {"type": "bool", "default": False},
    "findings": {"type": "list", "elements": "dict", "default": []},
}


def acquire(session, preflight, findings=()):
    """The answer of the module."""
    where = (session.cluster, session.namespace, session.release["version"])

    def ask():
        require_no_rollback(*where, session.run, session.check_mode)
        session.run.require_same_plan()
        session.run.require_known_decisions()
        if session.check_mode or session.run.all_done(lambda step: True):
            return False
        if not preflight:
            raise StepError(
                "preflight has not passed in this run",
                "preflight",
                "preflight passed",
                "skipped",
                "run the playbook without --skip-tags preflight",
                missing="preflight",
            )
        return True

    def begin(lock_id):
        again = session.again(lock_id=lock_id)
        again.run.require_same_plan()
        require_no_rollback(*where, again.run)
        imported = again.run.begin()
        session.warnings += facts.of_preflight(again, timestamp.text(), findings)
        return answer(again.run, lock_id, imported)

    return hold(session.lease, ask, begin) or answer(session.run)


def answer(run, lock_id="", imported=()):
    finished = run.all_done(lambda step: step.kind != "client")
    prepared = finished or run.all_done(lambda step: step.key.startswith("prepare."))
    return {"id": lock_id, "finished": finished, "prepared": prepared, "imported": list(imported)}


def main():
    module = AnsibleModule(argument_spec={**RUN, **OPTIONS}, supports_check_mode=True)
    given, result = module.params, {"id": "", "finished": False, "prepared": False, "imported": []}
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        if given["state"] == "acquired":
            result = acquire(session, given["preflight"], given["findings"])
            for warning in session.warnings:
                module.warn(warning)
        elif given["state"] == "broken":
            session.lease.unlock(given["lock_id"], module.check_mode)
        elif given["lock_id"] and not module.check_mode:
            session.lease.release(given["lock_id"])
        module.exit_json(changed=given["state"] == "broken", **result)
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
