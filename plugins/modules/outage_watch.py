#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: outage_watch
short_description: Watches the outage from outside, and keeps alerts silent meanwhile
version_added: 1.1.0
description:
  - With O(state=started), starts one process on the inventory host that asks O(url) every second, as a user's browser
    would, and keeps the changes in a file of mode 0600 beside the backup. With O(silence), it also creates a silence in
    Alertmanager and prolongs it as long as the run renews the lock.
  - The process ends with O(state=stopped), with the lock, or after 24 hours. It outlives the task, but nothing depends
    on it. Whatever it did not see is reported as not observed.
  - With O(state=stopped), ends that process, records what was seen in the ConfigMap C(monq-upgrade-<release>-report)
    for the report, and shortens the silence to five minutes.
  - Does nothing without O(url) and O(silence), and nothing in check mode. Fails only for arguments that cannot be used
    and if the ledger cannot be read; all else is a warning.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
options:
  state:
    description: Whether the process is started or ended.
    type: str
    choices: [started, stopped]
    required: true
  url:
    description:
      - What is asked, such as V(https://monq.domain.com/). Asked directly, without a proxy, each time over a new
        connection, for at most one second. Redirects are not followed. Nothing is asked without it.
    type: str
    default: ''
  expect:
    description:
      - Which answer means that Monq is reachable. C(status), a list of codes (V([200]) by default); C(regex), searched
        in the first 64 KiB of the body; C(verify), whether the certificate is checked (V(true) by default).
    type: dict
    default: {}
  silence:
    description:
      - JSON of Alertmanager's C(url), C(matchers) (a list of C(name), C(value), C(isRegex) and C(isEqual)), C(max) (the
        most seconds in all) and C(headers). The silence lasts 20 minutes and is prolonged every 5.
    type: json
    default: ''
  purpose:
    description: Whose outage it is. It is named in the silence's comment. Before a rollback, an answer that is not
      expected is no warning.
    type: str
    choices: [upgrade, rollback]
    default: upgrade
  settle:
    description: Seconds that the process may go on for after O(state=stopped), until Monq answers.
    type: int
    default: 15
"""

EXAMPLES = r"""
- name: Watch the outage
  monq.platform.outage_watch:
    state: started
    url: https://monq.domain.com/
    expect:
      status: [200, 302]
"""

RETURN = r"""
running:
  description: Whether the process runs.
  returned: always
  type: bool
  sample: true
seen:
  description: What was seen so far; C(none) where nobody looked.
  returned: always
  type: dict
  sample: {"state": "ended", "from": "2026-03-01T00:08:13Z", "to": "2026-03-01T00:19:40Z", "seconds": 687}
silenced:
  description: Whether there is a silence of this installation in Alertmanager.
  returned: always
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import RUN, SHOWN_NOWHERE
from ..module_utils.errors import MonqError
from ..module_utils.outage.watching import Watching
from ..module_utils.report import facts
from ..module_utils.session import Session

OPTIONS = {
    "state": {"type": "str", "choices": ["started", "stopped"], "required": True},
    "url": {"type": "str", "default": ""},
    "expect": {"type": "dict", "default": {}},
    "silence": SHOWN_NOWHERE,
    "purpose": {"type": "str", "choices": ["upgrade", "rollback"], "default": "upgrade"},
    "settle": {"type": "int", "default": 15},
}


def stopped(watching, session):
    """The answer of the module, once what was seen is in the cluster too."""
    found = watching.stop()
    if watching.spans and not session.check_mode:
        problem = facts.of_watch(session, watching.spans)
        found["problems"] += [f"what was seen of the outage is not in the cluster: {problem}"] if problem else []
    return found


def main():
    module = AnsibleModule(argument_spec={**RUN, **OPTIONS}, supports_check_mode=True)
    try:
        session = Session.open(params=module.params, check_mode=module.check_mode)
        watching = Watching(session)
        found = watching.start() if module.params["state"] == "started" else stopped(watching, session)
        for warning in found.pop("problems", []):
            module.warn(warning)
        module.exit_json(changed=False, **found)
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
