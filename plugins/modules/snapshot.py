#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot
short_description: Saves the installation as it is, once
version_added: 1.0.0
description:
  - Saves Deployments, Ingresses, HPAs, the K8s template and the registry's entries, then the replica counts of both
    stores, in immutable Secrets. Their digests are recorded in the ledger.
  - A resumed run reads the snapshots and never writes them.
  - With O(name=cut), also keeps a few facts beside the backup, in C(before_outage.json), for a support bundle to
    compare with. This never fails the task.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
options:
  name:
    description: V(original), before the first change of prepare, or V(cut), right before the outage.
    type: str
    choices: [original, cut]
    required: true
  findings:
    description: What preflight has found in this run, as it returned it. It is recorded for the report; if that fails,
      the module warns.
    type: list
    elements: dict
    default: []
    version_added: 1.1.0
"""

EXAMPLES = r"""
- name: Save the installation right before the outage
  monq.platform.snapshot:
    name: cut
"""

RETURN = r"""
snapshots:
  description: The digest of each snapshot, by its name.
  returned: always
  type: dict
  sample:
    cut:
      secret: monq-upgrade-6.0.0-cut
      chunks: 1
      sha256: 7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["upgrade.snapshot.cut"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils import timestamp
from ..module_utils.arguments import MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.report import before_outage, facts
from ..module_utils.session import Session
from ..module_utils.upgrade.save import Saving

OPTIONS = {
    "name": {"type": "str", "choices": ["original", "cut"], "required": True},
    "findings": {"type": "list", "elements": "dict", "default": []},
}


def main():
    module = AnsibleModule(argument_spec={**RUN, **MONQCTL, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        saving = Saving(session, given["name"])
        snapshots = {given["name"]: saving.manifests(), f"{given['name']}-replicas": saving.counts()}
        session.warnings += before_outage.keep(session, *saving.seen())
        if given["findings"]:
            session.warnings += facts.of_preflight(session, timestamp.text(), given["findings"])
        module.exit_json(snapshots=snapshots, **session.result(module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
