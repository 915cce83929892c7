#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: ledger_info
short_description: Reads the ledger and shows what is done and what is left
version_added: 1.0.0
description:
  - Compares the plan with the ledger of the installation. Reads the ledger, the Lease, what reports record, and the
    names of the files beside the backup; changes nothing.
extends_documentation_fragment:
  - monq.platform.attributes.reads
  - monq.platform.cluster
  - monq.platform.run
"""

EXAMPLES = r"""
- name: Read the state of the upgrade
  monq.platform.ledger_info:
  register: __ledger
"""

RETURN = r"""
steps:
  description: Every step of the plan, in order, with its state.
  returned: always
  type: list
  elements: dict
  sample: [{"key": "prepare.snapshot.original", "state": "done", "undo": "reversible"}]
platform:
  description: C(up) or C(down), according to the ledger, or C(unknown) if it was deleted.
  returned: always
  type: str
  sample: up
finished:
  description: Whether every step is done, including the client steps of this home of monqctl.
  returned: always
  type: bool
  sample: false
begun:
  description: Whether a ledger exists.
  returned: always
  type: bool
  sample: true
generation:
  description: Number of the upgrade, which increases with each rollback.
  returned: always
  type: int
  sample: 1
outage_seconds:
  description: Seconds from the start of the cutover to the end of the last step of the upgrade; null until then.
  returned: always
  type: int
  sample: 512
down_since:
  description: Since when Monq is down, according to the ledger of an unfinished rollback, or null. Only returned while
    there is one; RV(changed_so_far) and RV(reachable) then refer to it.
  returned: while a rollback is unfinished
  type: str
  sample: "2026-03-01T22:00:12Z"
rollback:
  description: The state of an unfinished rollback; empty if there is none.
  returned: always
  type: str
  sample: ""
lost:
  description:
    - What to do if there are snapshots of a run whose ledger was deleted; RV(platform), RV(reachable) and
      RV(changed_so_far) are then unknown.
    - Empty otherwise, and if the account may not read Secrets.
  returned: always
  type: str
  sample: ""
changed_so_far:
  description: How many steps are done, which was the last, and how many were done under O(lock_id).
  returned: always
  type: str
  sample: "12 of 96 steps done, the last: prepare.registry.update"
reachable:
  description: Whether Monq is reachable, as text.
  returned: always
  type: str
  sample: "up: the old routes have not been touched"
running:
  description: What the holder of the lock said last that it was doing, and when; empty without a holder.
  returned: always
  type: str
  sample: "2026-03-01T00:12:44Z outage 04:31 · step 47 of 78 pl rollout · 7 of 12 ready"
holder:
  description: Who holds the lock (C(holder), C(id)), C(since) when, when it was last C(renewed), for how many seconds a
    renewal is valid (C(duration)), and its C(progress). Empty if the lock is free.
  returned: always
  type: dict
  sample: {}
now:
  description: The API server's time, or an empty string.
  returned: always
  type: str
  sample: "2026-03-01T00:12:46Z"
questions:
  description: Steps whose outcome is unknown and that need a decision, each with C(key), C(state), C(started),
    C(attempt), C(error), and C(answers), the options to type by answer.
  returned: always
  type: list
  elements: dict
  sample: []
failure:
  description: The last failure that was recorded, if nothing was done since.
  returned: always
  type: dict
  sample: {}
files:
  description: The C(folder) of this generation on this host, the number of C(dumps) in it, the C(pages) to read, and
    the newest support C(bundle). Empty without a backup directory.
  returned: always
  type: dict
  sample: {"folder": /var/backups/monq/production/6.0.0/1, "dumps": 2, "pages": [plan.md], "bundle": ""}
lock:
  description: The holder of the lock.
  returned: always
  type: str
  sample: none
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import RUN
from ..module_utils.checks.finding import lost_ledger
from ..module_utils.engine import progress
from ..module_utils.engine.lease import described
from ..module_utils.engine.snapshots import orphans
from ..module_utils.errors import MonqError
from ..module_utils.report import situation
from ..module_utils.rollback.ledger import standing, unfinished_text
from ..module_utils.session import Session


def look(params):
    """What the module returns."""
    # Reads only, also for a run that has lost its lock: that one wants to know where things are.
    session = Session.open(params={**params, "lock_id": ""}, check_mode=True)
    where = (session.cluster, session.namespace, session.release["version"])
    snapshots = orphans(*where, session.run.ledger)
    lost = lost_ledger(session.release, session.namespace, snapshots) if snapshots else None
    found = progress.overview(session.run, params["lock_id"], lost)
    found.update(standing(*where, session.run, params["lock_id"]))
    seen = situation.read(session)
    lock, running = described(seen["holder"]), seen["holder"].get("progress", "")
    return {**found, **seen, "lock": lock, "running": running, "rollback": unfinished_text(*where)}


def main():
    module = AnsibleModule(argument_spec=RUN, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **look(module.params))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
