#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_inputs
short_description: Judges the operator's variables
version_added: 1.0.0
description:
  - Reads nothing but its arguments. Returns findings on domains, certificates' hosts, names and the confirmation of the outage.
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
  environment:
    description: Name of the environment.
    type: str
    required: true
  confirm_outage:
    description: Must equal O(environment) where O(confirmation_required).
    type: str
    default: ''
  confirmation_required:
    description: Whether this run comes to the outage.
    type: bool
    default: false
  domain:
    description: The main domain.
    type: str
    required: true
  alias_domains:
    description: Alias domains.
    type: list
    elements: str
    default: []
  ingress_secrets:
    description: TLS Secrets with the hosts that they cover.
    type: list
    elements: dict
    required: true
  online:
    description: Whether the Release Hub is used.
    type: bool
    default: true
  configure:
    description: Whether monqctl's context is made from the variables.
    type: bool
    default: false
  monqctl_context:
    description: The context of monqctl.
    type: str
    default: ''
  credential_name:
    description: Name of monqctl's credential.
    type: str
    default: ''
  releasehub_name:
    description: Name of the Release Hub in monqctl.
    type: str
    default: ''
  releasehub_token:
    description: Token of the Release Hub.
    type: str
    default: ''
  instance_name:
    description: Name of the instance in monqctl.
    type: str
    default: ''
  registry_server:
    description: Address of the registry.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Judge the variables
  monq.platform.preflight_inputs:
    environment: staging
    domain: monq.domain.com
    ingress_secrets:
      - hosts: [monq.domain.com]
        secretName: monq.domain.com-tls
"""

RETURN = r"""
findings:
  description: What was found. Findings of severity C(stop) forbid the upgrade.
  returned: always
  type: list
  elements: dict
  sample: [{"check": "modules", "severity": "stop", "object": "module sm", "expected": "declared", "seen": "installed, but not declared", "next":
    "add it to monq_modules"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.checks import rules

TEXTS = ("confirm_outage", "monqctl_context", "credential_name", "releasehub_name", "instance_name", "registry_server")
OPTIONS = {
    "environment": {"type": "str", "required": True},
    "confirmation_required": {"type": "bool", "default": False},
    "domain": {"type": "str", "required": True},
    "alias_domains": {"type": "list", "elements": "str", "default": []},
    "ingress_secrets": {"type": "list", "elements": "dict", "required": True, "no_log": False},
    "online": {"type": "bool", "default": True},
    "configure": {"type": "bool", "default": False},
    "releasehub_token": {"type": "str", "default": "", "no_log": True},
    **{name: {"type": "str", "default": ""} for name in TEXTS},
}


def main():
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    module.exit_json(changed=False, findings=rules.inputs(module.params))


if __name__ == "__main__":
    main()
