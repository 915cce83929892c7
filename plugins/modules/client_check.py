#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: client_check
short_description: Shows how the replies of the vendor's client are understood
version_added: 1.1.0
description:
  - Makes every reading call that an upgrade makes, and returns what was understood of each reply, by the rules in
    O(client_rules). Changes nothing.
  - Secrets and whatever looks like one are masked. JSON replies are not returned.
extends_documentation_fragment:
  - monq.platform.attributes.reads
  - monq.platform.monqctl
options:
  ignored_status:
    description: Rows of the registry's status that may fail.
    type: list
    elements: str
    default: []
  registry_replicas:
    description: C(manual) leaves the registry's replica calls out.
    type: str
    choices: [monqctl, manual]
    default: monqctl
  transcript:
    description:
      - File, on the inventory host, that the calls and their replies are appended to, one JSON object for each,
        redacted, mode 0600. JSON replies are kept whole, so that the transcript can be played back in the collection's
        tests. Empty means that none is written; in check mode none is.
    type: path
    default: ""
"""

EXAMPLES = r"""
- name: Look at the client
  monq.platform.client_check:
    monqctl_context: production
    client_rules: "{{ _monq_client_rules }}"
  register: __client
"""

RETURN = r"""
calls:
  description: What was understood of each call, or the problem and what to do about it.
  returned: always
  type: list
  elements: dict
  sample:
    - call: config current-context
      understood: production
      problem: ''
      next: ''
      said: "* production"
text:
  description: The same as text.
  returned: always
  type: str
  sample: 6 of 6 calls understood
understood:
  description: Whether all of them were understood.
  returned: always
  type: bool
  sample: true
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import MONQCTL
from ..module_utils.errors import MonqError
from ..module_utils.monqctl.reading import examine, text
from ..module_utils.monqctl.transcript import Transcript
from ..module_utils.session import client

OPTIONS = {
    "ignored_status": {"type": "list", "elements": "str", "default": []},
    "registry_replicas": {"type": "str", "choices": ["monqctl", "manual"], "default": "monqctl"},
    "transcript": {"type": "path", "default": ""},
}


def main():
    module = AnsibleModule(argument_spec={**MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        manual = given["registry_replicas"] == "manual"
        kept = Transcript(*os.path.split(given["transcript"]), whole=True) if given["transcript"] else None
        heard = client(given, transcript=None if module.check_mode else kept)
        rows = examine(heard, given["replica_commands"], given["ignored_status"], manual)
        module.exit_json(changed=False, calls=rows, text=text(rows), understood=not any(row["problem"] for row in rows))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
