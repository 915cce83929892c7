#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: report_files
short_description: Writes texts beside the backup, readable by their owner only
version_added: 1.1.0
description:
  - Writes each file atomically, mode 0600, into a folder of mode 0700. Used by M(monq.platform.upgrade_report).
extends_documentation_fragment:
  - monq.platform.attributes
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Compares, and writes nothing.
options:
  folder:
    description: The folder.
    type: path
    required: true
  files:
    description: Maps names of files to their texts.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep a note beside the backup
  monq.platform.report_files:
    folder: /var/backups/monq/production/6.0.0/1
    files:
      note.txt: approved by the change board
"""

RETURN = r"""
written:
  description: Names of the files that have changed.
  returned: always
  type: list
  elements: str
  sample: [report.html, report.json, report.md]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import MonqError
from ..module_utils.report.summary_file import keep_all

OPTIONS = {
    "folder": {"type": "path", "required": True},
    "files": {"type": "dict", "required": True},
}


def main():
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    given = module.params
    try:
        written = keep_all(given["folder"], given["files"], module.check_mode)
        module.exit_json(changed=bool(written), written=written)
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
