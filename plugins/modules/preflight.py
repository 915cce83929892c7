#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Reads everything that could stand in the upgrade's way
version_added: 1.0.0
description:
  - Reads the operator's variables; the API server, the permissions of the account, the namespace with its Deployments
    and Ingresses, the TLS Secrets; the
    version and context of monqctl and, through it, the registry's status, the K8s template and the replica counts; the
    PostgreSQL server and its databases.
  - Collects all findings; no check keeps another from being made. Where the ledger knows every step as done, only the
    identity of the installation is
    checked.
  - Where the context of monqctl is yet to be made from the variables, RV(deferred) is true. The registry is asked again
    once it exists, with O(final), and
    before the first change.
extends_documentation_fragment:
  - monq.platform.attributes.reads
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.domains
  - monq.platform.domains.secrets
  - monq.platform.postgresql
options:
  checks:
    description: What to check.
    type: list
    elements: str
    choices: [inputs, cluster, registry, databases]
    default: [inputs, cluster, registry, databases]
  environment:
    description: Name of the environment.
    type: str
    default: ''
  confirm_outage:
    description: Must equal O(environment) where O(confirmation_required).
    type: str
    default: ''
  confirmation_required:
    description: Whether this run comes to the outage.
    type: bool
    default: false
  obsolete:
    description: Names of variables that are set, but are no longer read.
    type: list
    elements: str
    default: []
  releasehub_token:
    description: Token of the Release Hub.
    type: str
    default: ''
  final:
    description: Whether a missing context is a finding even where it is made from the variables.
    type: bool
    default: false
  database_names:
    description: A microservice leads to the name of its database. C(a-b) is kept in C(a_b) unless it is listed.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Read everything
  monq.platform.preflight:
    environment: "{{ monq_environment }}"
    domain: "{{ monq_domain }}"
    ingress_secrets: "{{ monq_ingress_secrets }}"
    postgresql: "{{ _monq_postgresql }}"
    directory: "{{ monq_backup_dir }}"
  register: __preflight
"""

RETURN = r"""
findings:
  description: What was found. Findings of severity C(stop) forbid the upgrade.
  returned: always
  type: list
  elements: dict
  sample:
    - check: modules
      severity: stop
      object: module sm
      expected: declared
      seen: installed, but not declared
      next: add it to monq_modules
ledger:
  description: Where the upgrade is, as M(monq.platform.ledger_info) returns it. Empty where the ledger cannot be read.
  returned: always
  type: dict
  sample: {"platform": "up"}
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
home_due:
  description: Whether this home of monqctl is missing a client step that could be executed now.
  returned: always
  type: bool
  sample: false
deferred:
  description: Whether the registry was not asked, because the context is yet to be made.
  returned: always
  type: bool
  sample: false
cut:
  description: Whether the removal of the old routes has begun, so that a resumed run is inside the outage.
  returned: always
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, INGRESS_SECRETS, MONQCTL, RUN
from ..module_utils.checks.preflight import CHECKS, Preflight
from ..module_utils.postgres.client import ARGUMENTS
from ..module_utils.rollback.ledger import unfinished_text

OPTIONS = {
    "checks": {"type": "list", "elements": "str", "choices": list(CHECKS), "default": list(CHECKS)},
    "environment": {"type": "str", "default": ""},
    "confirm_outage": {"type": "str", "default": ""},
    "confirmation_required": {"type": "bool", "default": False},
    "obsolete": {"type": "list", "elements": "str", "default": []},
    "releasehub_token": {"type": "str", "default": "", "no_log": True},
    "final": {"type": "bool", "default": False},
    "database_names": {"type": "dict", "default": {}},
    **{name: option for name, option in ARGUMENTS.items() if name != "databases"},
}


def main():
    spec = {**RUN, **MONQCTL, **DOMAINS, **INGRESS_SECRETS, **OPTIONS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    module.exit_json(changed=False, **Preflight(module.params, unfinished_text).run(module.params["checks"]))


if __name__ == "__main__":
    main()
