#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_kubernetes
short_description: Reads the cluster and tells what stands in the upgrade's way
version_added: 1.0.0
description:
  - Reads the API server's version and discovery, the permissions of the account, the namespace with its Deployments and Ingresses, and the TLS
    Secrets. Changes nothing.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  domain:
    description: The main domain.
    type: str
    required: true
  alias_domains:
    description: Alias domains.
    type: list
    elements: str
    default: []
  alias_ingresses:
    description: Names of the alias routes, where they cannot be derived. Empty means derived.
    type: list
    elements: str
    default: []
  ingress_secrets:
    description: TLS Secrets with the hosts that they cover.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Look at the cluster
  monq.platform.preflight_kubernetes:
    domain: monq.domain.com
    ingress_secrets:
      - hosts: [monq.domain.com]
        secretName: monq.domain.com-tls
  register: __preflight_kubernetes
"""

RETURN = r"""
findings:
  description: What was found. Findings of severity C(stop) forbid the upgrade.
  returned: always
  type: list
  elements: dict
  sample: [{"check": "modules", "severity": "stop", "object": "module sm", "expected": "declared", "seen": "installed, but not declared", "next":
    "add it to monq_modules"}]

certificates:
  description: The public certificates of the TLS Secrets, PEM, with the hosts that they have to cover.
  returned: always
  type: list
  elements: dict
  sample: [{"secret": "monq.domain.com-tls", "hosts": ["monq.domain.com"], "pem": "-----BEGIN CERTIFICATE-----"}]
cut:
  description: Whether the removal of the old routes has begun, so that a resumed run is inside the outage.
  returned: always
  type: bool
  sample: false
begun:
  description: Whether a ledger of this release stands here.
  returned: always
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CLUSTER, RUN, cluster, guarded_run
from ..module_utils.checks.cluster import examine
from ..module_utils.checks.finding import of_error
from ..module_utils.errors import ApiError, ApiUnreachable, MonqError

OPTIONS = {
    "domain": {"type": "str", "required": True},
    "alias_domains": {"type": "list", "elements": "str", "default": []},
    "alias_ingresses": {"type": "list", "elements": "str", "default": []},
    "ingress_secrets": {"type": "list", "elements": "dict", "required": True, "no_log": False},
}


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        module.exit_json(changed=False, **examine(connection, given, lambda: guarded_run(given, True, connection)))
    except (ApiUnreachable, ApiError) as exc:
        module.exit_json(changed=False, findings=[of_error("kubernetes", exc)], certificates=[], begun=False, cut=False)
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
