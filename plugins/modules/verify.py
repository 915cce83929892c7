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
  - Reads rollouts, image versions, replica counts of both stores, routes, the K8s template, the registry's token and
    status, and compares them with
    the release's data and the snapshot.
  - All deviations are collected. Fails where one stops; with O(record) the last step of the plan is recorded where none
    does, and the release is closed.
  - Of a release that is verified and closed another count is a warning, as whoever runs it may scale it.
  - Then writes the summary beside the backup and, with O(release_lock), gives the lock back.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.domains
  - monq.platform.domains.secrets
options:
  version_pattern:
    description:
      - Regular expression with a group C(version), matched on the tag of a Deployment's image. Assumed, hence
        replaceable.
      - Where no tag of a module matches, its version is not known, which is a warning.
    type: str
    default: '^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)'
  record:
    description: Whether the result is recorded in the ledger.
    type: bool
    default: true
  release_lock:
    description: Whether the lock of O(lock_id) is given back at the end.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Verify the installation
  monq.platform.verify:
    domain: monq.domain.com
    alias_domains: [monq-alias.domain.com]
    ingress_secrets: "{{ monq_ingress_secrets }}"
  register: __verify_result
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
  description: What Replace changed in Deployments besides images and counts, by Deployment. Names of environment
    variables only, never values.
  returned: always
  type: dict
  sample: {"pl-i18n-service": ["env TZ is gone"]}
summary:
  description: The summary, as it was written beside the backup.
  returned: always
  type: str
  sample: Summary of the upgrade
unlocked:
  description: Whether the lock was given back.
  returned: always
  type: bool
  sample: true
steps:
  description: Keys of the steps that this task has done, that a real run would do now, and that the ledger knows as
    done.
  returned: always
  type: dict
  sample: {"done": ["verify.installation.check"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, INGRESS_SECRETS, MONQCTL, RUN
from ..module_utils.checks.verification import Verification
from ..module_utils.engine.progress import overview
from ..module_utils.errors import MonqError
from ..module_utils.report import summary_file
from ..module_utils.report.upgrade import summary
from ..module_utils.session import Session

LAST = "verify.installation.check"
OPTIONS = {
    "version_pattern": {"type": "str", "default": r"^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)"},
    "record": {"type": "bool", "default": True},
    "release_lock": {"type": "bool", "default": False},
}


def perform(session):
    """What the module returns."""
    run, given, verification = session.run, session.params, Verification(session)
    if given["record"] and not run.is_done(LAST):
        run.execute(LAST, verification.require)
    elif not session.check_mode:
        verification.require()
    text = summary(overview(run, given["lock_id"]), verification.report)
    changed = bool(given["spool_directory"]) and summary_file.keep(session.folder, text + "\n", session.check_mode)
    unlocked = given["release_lock"] and not session.check_mode and session.lease.release(given["lock_id"])
    result = run.result()
    return {**result, **verification.report, "changed": changed, "summary": text, "unlocked": bool(unlocked)}


def main():
    spec = {**RUN, **MONQCTL, **DOMAINS, **INGRESS_SECRETS, **OPTIONS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        module.exit_json(**perform(Session.open(params=module.params, check_mode=module.check_mode)))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
