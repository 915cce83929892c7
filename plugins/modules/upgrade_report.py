#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_report
short_description: Writes the report of an upgrade, and of its rollback, beside the backup
version_added: 1.1.0
description:
  - Reads ledger, snapshots and the ConfigMap C(monq-upgrade-<release>-report), and writes C(report.json),
    C(report.html) and C(report.md) into C(<spool_directory>/<spool_host>/<release>/<generation>/), mode 0600. After a
    rollback, C(rollback-report.json), C(rollback-report.html) and C(rollback-report.md) are written too.
  - HTML and Markdown are made on the controller. Needs no lock and no monqctl, and shows no secret.
  - With O(failure), the failure is first recorded in that ConfigMap, if this run still holds the lock.
  - A report that cannot be written is a warning, unless O(required).
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
options:
  environment:
    description: Name of the environment, shown in the report.
    type: str
    default: ''
  generation:
    description: Number of the upgrade to report. V(0) is the latest.
    type: int
    default: 0
  failure:
    description: What failed, in a C(rescue). C(task), C(message), C(step) and C(findings).
    type: dict
    default: {}
  required:
    description: Whether the task fails if there is nothing to report, or the files cannot be written.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Write the report
  monq.platform.upgrade_report:
    environment: "{{ monq_environment }}"
"""

RETURN = r"""
files:
  description: The paths of the files.
  returned: always
  type: list
  elements: str
  sample: [/var/backups/monq/production/6.0.0/1/report.html]
outcomes:
  description: C(finished), C(failed), C(running), C(unfinished), C(rolled_back), C(rollback_failed) or
    C(rollback_unfinished), by the name of the report.
  returned: always
  type: dict
  sample: {"report": "finished"}
verdict:
  description: The verdict of the last report in one sentence; empty if there is none.
  returned: always
  type: str
  sample: The upgrade from 5.9.3 to 6.0.0 is finished and verified. Monq is up.
problems:
  description: What the reports lack, and why.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import RUN
from ..module_utils.errors import MonqError
from ..module_utils.report.gathering import make

OPTIONS = {
    "environment": {"type": "str", "default": ""},
    "generation": {"type": "int", "default": 0},
    "failure": {"type": "dict", "default": {}},
    "required": {"type": "bool", "default": False},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **OPTIONS}, supports_check_mode=True)
    try:
        # The action plugin of this name makes the files of it, and keeps the data out of the task's result.
        module.exit_json(changed=False, **make(module.params, module.check_mode, module.ansible_version))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
