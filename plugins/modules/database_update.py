#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: database_update
short_description: Runs the SQL of a module with monqctl and records what the database shows of it
version_added: 1.1.0
description:
  - Executes the SQL steps of a module, each with its own checks, and its own intent and result in the ledger. monqctl's
    current context is compared right before each of them.
  - Before and after each file, reads the database's catalogue and its tables' counters of inserted, updated and deleted
    rows. The difference is kept in the ledger. Services may write at the same time, so it does not prove that the whole
    file was applied.
  - A call after which the database shows no change at all has an unknown outcome, whatever monqctl says, and is not
    repeated without O(resolve).
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.postgresql.server
options:
  module:
    description: The module.
    type: str
    required: true
  database_names:
    description: Maps a microservice to the name of its database. C(a-b) is in C(a_b) unless it is listed.
    type: dict
    default: {}
  outage_window:
    description: The interval of ISO 8601 in which the outage has to end, by the API server's clock. Empty means none.
    type: str
    default: ''
  outage_budget:
    description: The seconds that the outage may take. C(0) means any.
    type: int
    default: 0
  forecast:
    description: The C(report.json) of a rehearsal, on the inventory host, which tells how long the rest takes.
    type: path
    default: ''
  last_exit:
    description: What happens right before the first SQL file if the rest of the outage does not fit into window and
      budget. Later the task only warns.
    type: str
    choices: [stop, continue]
    default: stop
  environment:
    description: Name of the environment, for the commands that are printed.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Run the SQL of pl
  monq.platform.database_update:
    module: pl
    postgresql: "{{ _monq_postgresql }}"
"""

RETURN = r"""
last_exit:
  description: What was compared right before the first SQL file, where there is time enough; else empty.
  returned: always
  type: list
  elements: str
  sample: ["outage so far: 04:31", "left of the budget: 15:29 of 20:00"]
outputs:
  description: The last 50 lines that monqctl printed for each executed step.
  returned: always
  type: dict
  sample: {"upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql": "Done."}
traces:
  description: What each executed step has changed in its database. C(catalogue) tells whether definitions changed; the
    numbers are rows, as the tables' counters show them.
  returned: always
  type: dict
  sample:
    upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql:
      catalogue: true
      inserted: 12
      updated: 0
      deleted: 0
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": [], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.postgres.client import SERVER
from ..module_utils.session import Session
from ..module_utils.upgrade.calls import execute
from ..module_utils.upgrade.last_exit import LastExit
from ..module_utils.upgrade.traces import Traces

OPTIONS = {
    "module": {"type": "str", "required": True},
    "postgresql": {"type": "dict", "required": True, "options": SERVER},
    "database_names": {"type": "dict", "default": {}},
    "outage_window": {"type": "str", "default": ""},
    "outage_budget": {"type": "int", "default": 0},
    "forecast": {"type": "path", "default": ""},
    "last_exit": {"type": "str", "choices": ["stop", "continue"], "default": "stop"},
    "environment": {"type": "str", "default": ""},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        compared = LastExit(session).require()
        traces = Traces(session, given["postgresql"], given["database_names"])
        outputs = execute(session, f"upgrade.{given['module']}.database", effects=traces)
        module.exit_json(last_exit=compared, outputs=outputs, traces=traces.evidence, **session.result(module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
