#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Compares the installation with what the release promises
version_added: 1.0.0
description:
  - Reads rollouts, image versions, replica counts of both stores, routes, the K8s template, the registry's token and status, and compares them with
    the release's data and the sealed snapshot.
  - All deviations are collected. Fails where one stops; with O(record) the last step of the plan is recorded where none does.
  - Of a release that is verified and closed another count is a warning, as whoever runs it may scale it.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Predicts the step; verifies only what is upgraded already.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  domains:
    description: The main domain, then the alias domains.
    type: list
    elements: str
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
  version_pattern:
    description:
      - Regular expression with a group C(version), matched on the tag of a Deployment's image. Assumed, hence replaceable.
      - Where no tag of a module matches, its version is not known, which is a warning.
    type: str
    default: '^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)'
  record:
    description: Whether the verification is recorded in the ledger.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Verify the installation
  monq.platform.verify:
    domains: [monq.domain.com]
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

versions:
  description: For each module the version that its images show.
  returned: always
  type: dict
  sample: {"pl": "6.0.0"}
replicas:
  description: Services that appeared and vanished with the release, and those that an HPA owns.
  returned: always
  type: dict
  sample: {"appeared": [], "vanished": [], "hpa": []}
drift:
  description: What Replace changed in Deployments beside images and counts, by Deployment. Names of environment variables only, never values.
  returned: always
  type: dict
  sample: {"pl-i18n-service": ["env TZ is gone"]}
steps_done:
  description: Keys of the steps that this task did.
  returned: always
  type: list
  elements: str
  sample: [upgrade.pl.cache.pl-i18n-service]
steps_predicted:
  description: Keys of the steps that a real run would do now.
  returned: always
  type: list
  elements: str
  sample: []
steps_skipped:
  description: Keys of the steps that the ledger knows as done.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import CLUSTER, MONQCTL, RUN, cluster, guarded_run, monqctl
from ..module_utils.checks.verification import Verification
from ..module_utils.errors import MonqError

OPTIONS = {
    "domains": {"type": "list", "elements": "str", "required": True},
    "alias_domains": {"type": "list", "elements": "str", "default": []},
    "alias_ingresses": {"type": "list", "elements": "str", "default": []},
    "ingress_secrets": {"type": "list", "elements": "dict", "required": True, "no_log": False},
    "version_pattern": {"type": "str", "default": r"^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)"},
    "record": {"type": "bool", "default": True},
}


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        run = guarded_run(given, module.check_mode, connection)
        verification = Verification(connection, monqctl(given), run, given)
        if given["record"] and not run.is_done("verify.installation.check"):
            run.run("verify.installation.check", verification.require)
        elif not module.check_mode:
            verification.require()
        module.exit_json(**verification.report, **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
