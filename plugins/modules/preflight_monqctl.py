#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_monqctl
short_description: Asks monqctl and the registry what stands in the upgrade's way
version_added: 1.0.0
description:
  - Reads monqctl's version and context and, where the context is the right one, the registry's status, the K8s template and the replica counts.
    Changes nothing.
  - Where the context is still to be made from the variables, RV(deferred) is true. The same questions are asked again once it stands, and before the
    first change.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
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
  final:
    description: Whether a missing context is a finding even where it is made from the variables.
    type: bool
    default: false
  alias_domains:
    description: Alias domains, that the template is compared with once it is applied.
    type: list
    elements: str
    default: []
  ingress_secrets:
    description: TLS Secrets with the hosts that they cover, likewise.
    type: list
    elements: dict
    default: []
  source_dirs:
    description: Folders of the offline bundle that must be there.
    type: list
    elements: path
    default: []
"""

EXAMPLES = r"""
- name: Ask monqctl
  monq.platform.preflight_monqctl:
  register: __preflight_monqctl
"""

RETURN = r"""
findings:
  description: What was found. Findings of severity C(stop) forbid the upgrade.
  returned: always
  type: list
  elements: dict
  sample: [{"check": "modules", "severity": "stop", "object": "module sm", "expected": "declared", "seen": "installed, but not declared", "next":
    "add it to monq_modules"}]

deferred:
  description: Whether the registry was not asked, because the context is yet to be made.
  returned: always
  type: bool
  sample: false
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CLUSTER, MONQCTL, RUN, cluster, guarded_run, monqctl
from ..module_utils.checks.finding import of_error
from ..module_utils.checks.registry import examine
from ..module_utils.errors import ApiError, ApiUnreachable, MonqError
from ..module_utils.upgrade.registry_token import RegistrySecret

OPTIONS = {
    "final": {"type": "bool", "default": False},
    "source_dirs": {"type": "list", "elements": "path", "default": []},
    "alias_domains": {"type": "list", "elements": "str", "default": []},
    "ingress_secrets": {"type": "list", "elements": "dict", "default": [], "no_log": False},
}


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        stored = RegistrySecret(connection, given["namespace"], given["plan"]["release"], None).token
        module.exit_json(changed=False, **examine(monqctl(given), given, guarded_run(given, True, connection), stored))
    except (ApiUnreachable, ApiError) as exc:
        module.exit_json(changed=False, deferred=False, findings=[of_error("kubernetes", exc)])
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
