#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Checks everything that could block the upgrade
version_added: 1.0.0
description:
  - Checks the operator's variables; the API server, the account's permissions, the namespace with its Deployments,
    Ingresses and quotas, the Ingress controller where routes have snippets, and the TLS Secrets; monqctl's version and
    context and, through it, the registry's status, the K8s template and the replica counts; the Release Hub or the
    folders or the bundle of an offline upgrade; the PostgreSQL server and its databases, also against Consul where
    O(consul) is given; and the clocks of both servers.
  - Tries each kind of write that the upgrade needs as a dry run, which stores nothing, to find admission webhooks that
    do not answer or refuse it.
  - Collects all findings; a failing check does not prevent the others, not even by a defect. If every step is already
    done, only the installation's identity is checked.
  - If monqctl's context has yet to be configured from the variables, RV(deferred) is true. The registry is then checked
    with O(final) once the context exists, before the first change.
extends_documentation_fragment:
  - monq.platform.attributes.reads
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.domains
  - monq.platform.domains.secrets
  - monq.platform.postgresql
  - monq.platform.postgresql.server
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
    description: Must equal O(environment) if O(confirmation_required) is true.
    type: str
    default: ''
  confirmation_required:
    description: Whether this run includes the outage.
    type: bool
    default: false
  obsolete:
    description: Names of variables that are set, but are no longer read.
    type: list
    elements: str
    default: []
  outage_window:
    description: The interval in which the outage may take place. With O(confirmation_required), a moment outside it is
      a finding.
    type: str
    default: ''
  probe_url:
    description: What is asked during the outage, see M(monq.platform.outage_watch). What cannot be asked is a finding.
    type: str
    default: ''
  probe_expect:
    description: Which answer means that Monq is reachable, see M(monq.platform.outage_watch).
    type: dict
    default: {}
  silence:
    description: JSON of the silence in Alertmanager, see M(monq.platform.outage_watch).
    type: json
    default: ''
  doubles:
    description: Other hosts of the inventory that stand for the same installation.
    type: list
    elements: str
    default: []
  shared:
    description: Variables that other hosts of the run have the same value of, on the same machine, and may not have.
    type: dict
    default: {}
  releasehub_token:
    description: The Release Hub token.
    type: str
    default: ''
  final:
    description: Whether a missing context is a finding even if it is configured from the variables.
    type: bool
    default: false
  findings_file:
    description:
      - Where the findings are written as JSON, in check mode too. If empty, they are written beside the backup, as
        C(findings.json) in the folder of the upgrade's number; in check mode nowhere. If only some O(checks) are made,
        their names are part of the file's name.
      - A file that cannot be written is a warning.
    type: path
    default: ''
  consul:
    description: Consul's KV store, where the microservices read their settings. It is not asked without C(url).
    type: dict
    default: {}
    suboptions:
      url:
        description: Address of Consul.
        type: str
        default: ''
      token:
        description: A token that may read the keys.
        type: str
        default: ''
      environment:
        description: The first part of the keys. If empty, O(environment).
        type: str
        default: ''
  database_names:
    description: Maps microservices to their databases. If a microservice C(a-b) is not listed, its database is C(a_b).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Check everything that could block the upgrade
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
  description: All findings. Those of severity C(stop) block the upgrade. C(id) is the number in the docs on findings,
    C(parameters) what the texts were made of.
  returned: always
  type: list
  elements: dict
  sample:
    - id: MONQ-024
      check: modules
      severity: stop
      object: module sm
      expected: declared in monq_modules
      seen: installed here, but not declared
      next: add it to monq_modules
      parameters: {"module": "sm"}
findings_file:
  description: The file that the findings were written to; empty if there is none.
  returned: always
  type: str
  sample: /var/backups/monq/production/6.0.0/1/findings.json
ledger:
  description: The state of the upgrade, as returned by M(monq.platform.ledger_info). Empty if the ledger cannot be
    read.
  returned: always
  type: dict
  sample: {"platform": "up"}
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
home_due:
  description: Whether this home of monqctl is missing a client step that could be executed now.
  returned: always
  type: bool
  sample: false
deferred:
  description: Whether the registry was not checked because the context has yet to be configured.
  returned: always
  type: bool
  sample: false
cut:
  description: Whether the removal of the old routes has started, so that a resumed run is in the outage.
  returned: always
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, INGRESS_SECRETS, MONQCTL, RUN, SHOWN_NOWHERE
from ..module_utils.checks.preflight import CHECKS, Preflight
from ..module_utils.postgres.client import ARGUMENTS
from ..module_utils.report import findings_file
from ..module_utils.rollback.ledger import unfinished_text

OPTIONS = {
    "checks": {"type": "list", "elements": "str", "choices": list(CHECKS), "default": list(CHECKS)},
    "environment": {"type": "str", "default": ""},
    "confirm_outage": {"type": "str", "default": ""},
    "confirmation_required": {"type": "bool", "default": False},
    "obsolete": {"type": "list", "elements": "str", "default": []},
    "outage_window": {"type": "str", "default": ""},
    "probe_url": {"type": "str", "default": ""},
    "probe_expect": {"type": "dict", "default": {}},
    "silence": SHOWN_NOWHERE,
    "doubles": {"type": "list", "elements": "str", "default": []},
    "shared": {"type": "dict", "default": {}},
    "releasehub_token": {"type": "str", "default": "", "no_log": True},
    "findings_file": {"type": "path", "default": ""},
    "final": {"type": "bool", "default": False},
    "consul": {
        "type": "dict",
        "default": {},
        "options": {
            "url": {"type": "str", "default": ""},
            "token": {"type": "str", "default": "", "no_log": True},
            "environment": {"type": "str", "default": ""},
        },
    },
    "database_names": {"type": "dict", "default": {}},
    **{name: option for name, option in ARGUMENTS.items() if name != "databases"},
}


def main():
    spec = {**RUN, **MONQCTL, **DOMAINS, **INGRESS_SECRETS, **OPTIONS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    given = module.params
    preflight = Preflight(given, unfinished_text, remember=not module.check_mode)
    report = preflight.run(given["checks"])
    part = "" if set(given["checks"]) == set(CHECKS) else "-".join(given["checks"])
    where = {"asked": given["findings_file"], "part": part, "check_mode": module.check_mode}
    path, warnings = findings_file.keep(report["findings"], given, preflight.generation, **where)
    for warning in warnings:
        module.warn(warning)
    module.exit_json(changed=False, findings_file=path, **report)


if __name__ == "__main__":
    main()
