#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Checks that the installation matches the release
version_added: 1.0.0
description:
  - Reads rollouts, image versions, replica counts of both stores, routes, the K8s template and the registry's status,
    and compares them with the release's data and the snapshot.
  - Collects all deviations, and fails if one of them is a stop. Otherwise, with O(record), the plan's last step is
    recorded and the release is closed.
  - Once a release is closed, a different replica count is only a warning, as it may have been scaled since.
  - The run that closes the release also records what it saw in the ConfigMap C(monq-upgrade-<release>-report), for the
    report.
  - Then writes the summary beside the backup and, with O(release_lock), releases the lock.
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
      - Regular expression with a group C(version), matched against the tag of a Deployment's image. It is an
        assumption, hence configurable.
      - If no tag of a module matches, its version is unknown, which is a warning.
    type: str
    default: '^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)'
  api_versions:
    description: Whether each service that a new route leads to is asked for its version, on the main domain and the
      alias domains. What it answers is a warning at most.
    type: bool
    default: false
  api_version_path:
    description: Where a service tells its version as JSON, with C({path}) for the path of its route. An assumption,
      hence configurable.
    type: str
    default: '{path}/api/version'
  record:
    description: Whether the result is recorded in the ledger.
    type: bool
    default: true
  release_lock:
    description: Whether to release the lock O(lock_id) at the end.
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
  description: All findings. Those of severity C(stop) are deviations that must be fixed.
  returned: always
  type: list
  elements: dict
  sample:
    - id: MONQ-084
      check: routes
      severity: stop
      object: monq.domain.com
      expected: served by the new routes
      seen: no Ingress
      next: compare the template in the registry with monq_alias_domains
      parameters: {}
versions:
  description: For each module, the version in its images' tags.
  returned: always
  type: dict
  sample: {"pl": "6.0.0"}
replicas:
  description: Services that the release added or removed, and those left to an HPA.
  returned: always
  type: dict
  sample: {"appeared": [], "vanished": [], "hpa": []}
drift:
  description: What Replace changed in Deployments apart from images and counts, by Deployment. Only names of
    environment variables, never values.
  returned: always
  type: dict
  sample: {"pl-i18n-service": ["env TZ is gone"]}
findings_file:
  description: The path of C(findings-verify.json), with RV(findings) for programs. It is written, too, if a finding
    fails the task. Empty in check mode and without a backup directory.
  returned: always
  type: str
  sample: /var/backups/monq/production/6.0.0/1/findings-verify.json
summary:
  description: The summary, as it was written beside the backup.
  returned: always
  type: str
  sample: Summary of the upgrade
outage_seconds:
  description: Seconds from the start of the cutover to the end of the last step of the upgrade.
  returned: always
  type: int
  sample: 512
unlocked:
  description: Whether the lock was released.
  returned: always
  type: bool
  sample: true
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["verify.installation.check"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, INGRESS_SECRETS, MONQCTL, RUN, words
from ..module_utils.checks.verification import Verification
from ..module_utils.engine.progress import overview
from ..module_utils.errors import MonqError
from ..module_utils.report import facts, findings_file, summary_file
from ..module_utils.report.upgrade import summary
from ..module_utils.session import Session

LAST = "verify.installation.check"
OPTIONS = {
    "version_pattern": {"type": "str", "default": r"^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)"},
    "api_versions": {"type": "bool", "default": False},
    "api_version_path": {"type": "str", "default": "{path}/api/version"},
    "record": {"type": "bool", "default": True},
    "release_lock": {"type": "bool", "default": False},
}


def judge(session, verification):
    """Verifies the installation and writes the findings beside the backup, above all those that stop; returns the
    file's path."""
    try:
        if session.params["record"] and not session.run.is_done(LAST):
            session.run.execute(LAST, verification.require)
        elif not session.check_mode:
            verification.require()
    finally:
        found, generation = verification.report["findings"], session.run.ledger.generation
        path, problems = findings_file.keep(
            found, session.params, generation, part="verify", check_mode=session.check_mode
        )
        session.warnings += problems
    return path


def perform(session, warn):
    """What the module returns."""
    run, given, verification = session.run, session.params, Verification(session)
    path = judge(session, verification)
    found = overview(run, given["lock_id"])
    text = summary(found, verification.report, words(given))
    changed = bool(given["spool_directory"]) and summary_file.keep(session.folder, text + "\n", session.check_mode)
    if LAST in run.done:
        session.warnings += facts.of_verification(session, verification.report, verification.seen)
    unlocked = given["release_lock"] and not session.check_mode and session.lease.release(given["lock_id"])
    result = {**session.result(warn), **verification.report, "changed": changed, "findings_file": path}
    return {**result, "summary": text, "unlocked": bool(unlocked), "outage_seconds": found["outage_seconds"]}


def main():
    spec = {**RUN, **MONQCTL, **DOMAINS, **INGRESS_SECRETS, **OPTIONS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        module.exit_json(**perform(Session.open(params=module.params, check_mode=module.check_mode), module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
