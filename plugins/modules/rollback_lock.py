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
  - Takes the same lock as an upgrade, the Lease C(monq-upgrade). Fails for everything that
    M(monq.platform.rollback_info) reports as blocking the rollback, above all a missing confirmation; only the
    checksums of dumps are not computed again.
  - Once the lock is taken, the ledgers are read and checked again, because its previous holder may have changed them;
    an error releases the lock.
  - Then archives the ledger of an earlier, finished rollback, so that this one starts from the beginning, and imports
    the results that an earlier run had to save beside the backup.
  - If there is nothing to roll back, no lock is taken and RV(id) is empty.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.rollback
  - monq.platform.domains
  - monq.platform.rollback.confirmations
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
  description: The lock's ID, which the steps require. Empty in check mode and if there is nothing to roll back.
  returned: always
  type: str
  sample: 5f2c1f3b9a10
finished:
  description:
    - Whether nothing is left to do, because only the last result had to be imported or another run has finished the
      rollback meanwhile.
  returned: always
  type: bool
  sample: false
outcomes:
  description: The results of the steps done so far, by key.
  returned: always
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, MONQCTL, RUN
from ..module_utils.engine.locking import hold
from ..module_utils.errors import MonqError, StepError
from ..module_utils.rollback.archive import clear_finished
from ..module_utils.rollback.checks import overview, reasons, require
from ..module_utils.rollback.ledger import RollbackLedger
from ..module_utils.rollback.restore import Rollback
from ..module_utils.rollback.run import CONFIRMATIONS, DATABASES, open_session


def answer(lock_id="", finished=False, outcomes=None):
    return {"id": lock_id, "finished": finished, "outcomes": outcomes or {}}


def acquire(session):
    """The answer of the module. What forbids the rollback is asked here too: no tag and no --start-at-task avoids
    it."""

    def ask():
        report = overview(Rollback(session), False, read_dumps=False)
        require(report)
        return report["needed"]

    def begin(lock_id):
        return resume(session, lock_id)

    return hold(session.lease, ask, begin) or answer()


def resume(session, lock_id):
    """The answer under the lock."""
    where, generation = (session.cluster, session.namespace, session.release["version"]), session.run.generation
    last = RollbackLedger(*where).load()
    run = open_session(params={**session.params, "lock_id": lock_id}, cluster=session.cluster).run
    if last.finished and last.generation == generation:
        return answer("", True, last.results())
    if not run.needed or run.generation != generation:
        raise StepError(
            "the ledgers changed while this run waited for the lock",
            f"ConfigMap {session.namespace}/{run.upgrade.name}",
            f"generation {generation}",
            f"generation {run.generation}" if run.needed else "nothing to roll back",
            "run status.yml to see the current state, then run the same command again",
        )
    require({"findings": reasons(run, session.params, False)})
    clear_finished(*where)
    run.begin()
    return answer("" if run.ledger.finished else lock_id, run.ledger.finished, run.ledger.results())


def main():
    spec = {**RUN, **MONQCTL, **DATABASES, **DOMAINS, **CONFIRMATIONS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        session = open_session(params=module.params, check_mode=module.check_mode)
        module.exit_json(changed=False, **(answer() if module.check_mode else acquire(session)))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
