#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Makes a plan to sign, and holds a run to the one that was signed
version_added: 1.1.0
description:
  - Reads the installation and writes what an upgrade would do as C(plan.json) and C(plan.md) into the backup folder.
    The plan's id is a SHA-256 over the hashes of its parts, so that the same state gives the same id.
  - With O(state=approved), compares the installation with the plan in O(given) and records the id in the ledger, under
    the lock. Fails, before anything was changed, if a part differs, and names it. A run that resumes under the same
    plan is not compared again, as the differences are its own.
  - What changes by itself, such as status, restarts and counts that an HPA owns, is no part of a plan.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.postgresql.server
  - monq.platform.domains
  - monq.platform.domains.secrets
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Writes the plan's files in the backup folder, and nothing else; with O(state=approved) it writes nothing.
options:
  state:
    description: C(made) writes a plan, in check mode too. C(approved) compares and records one; in check mode it only
      compares.
    type: str
    choices: [made, approved]
    default: made
  given:
    description: The plan that was approved, as a path on the inventory host, as C(sha256:…), or as a mapping of
      inventory hosts to one of these. With O(state=made), the differences from it are returned.
    type: raw
    default: ""
  required:
    description: Fail with O(state=approved) if O(given) is empty.
    type: bool
    default: false
  max_age:
    description: The age, in seconds, above which a plan is refused. C(0) means any age.
    type: int
    default: 604800
  environment:
    description: Name of the environment, for people.
    type: str
    default: ""
  databases:
    description: Each microservice and its database.
    type: list
    elements: dict
    default: []
  findings:
    description: The findings of preflight.
    type: list
    elements: dict
    default: []
  deferred:
    description: Whether monqctl has no context yet, so that the registry cannot be asked.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Make a plan
  monq.platform.plan:
    environment: "{{ monq_environment }}"
    domain: "{{ monq_domain }}"
    ingress_secrets: "{{ monq_ingress_secrets }}"
    postgresql: "{{ _monq_postgresql }}"
    findings: "{{ __preflight.findings }}"
"""

RETURN = r"""
id:
  description: The id of the plan; with O(state=approved), the one that is recorded.
  returned: success
  type: str
  sample: sha256:9b1c5e6a0c6c2f3b0d7a6f7b1f0f6c1a4d5e8b2c7f9a3e6d1b8c4a7f2e5d9c03
text:
  description: The plan in a few lines.
  returned: success
  type: str
  sample: "WILL BE DELETED: 3 Ingresses"
path:
  description: The page to read, on the inventory host.
  returned: with O(state=made)
  type: str
  sample: /var/backups/monq/production/6.0.0/1/plan.md
differences:
  description: What differs from the plan in O(given), one line for each difference.
  returned: success
  type: list
  elements: str
  sample: ["routes_removed.frontend-old: null -> {…}"]
"""

import datetime

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.approval.following import follow, make
from ..module_utils.approval.reading import Reading
from ..module_utils.approval.store import PlanStore
from ..module_utils.arguments import DOMAINS, INGRESS_SECRETS, MONQCTL, RUN, words
from ..module_utils.errors import MonqError
from ..module_utils.postgres.client import SERVER
from ..module_utils.session import Session

OPTIONS = {
    "state": {"type": "str", "choices": ["made", "approved"], "default": "made"},
    "given": {"type": "raw", "default": ""},
    "required": {"type": "bool", "default": False},
    "max_age": {"type": "int", "default": 604800},
    "environment": {"type": "str", "default": ""},
    "databases": {"type": "list", "elements": "dict", "default": []},
    "postgresql": {"type": "dict", "required": True, "options": SERVER},
    "findings": {"type": "list", "elements": "dict", "default": []},
    "deferred": {"type": "bool", "default": False},
}


def main():
    spec = {**RUN, **MONQCTL, **DOMAINS, **INGRESS_SECRETS, **OPTIONS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        store, reading = PlanStore(session.folder), Reading(session, given["deferred"])
        if given["state"] == "made":
            result = make(store, reading, given["given"], given["spool_host"], words(given))
        else:
            now = datetime.datetime.now(datetime.timezone.utc)
            result = follow(session, store, reading, now)
        module.exit_json(changed=False, **result)
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
