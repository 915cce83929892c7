#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: route_removal
short_description: Removes the old routes and waits until they are gone
version_added: 1.0.0
description:
  - Deletes the Ingresses of the old routing that the sealed snapshot C(cut) holds, each with its UID as a precondition, and no other. One that is
    gone already is fine.
  - Fails where an old route stands that the snapshot does not hold, as long as no new route was applied.
  - Warns where Kubernetes counts differ from the sealed ones, as these will be put back.
  - Then waits until they are gone and at least O(pause) seconds have passed, so that the ingress controller has reloaded.
extends_documentation_fragment:
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.mask
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details: Names the Ingresses that are there now and would be removed.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
author:
  - Monq platform collection authors (@monq)
options:
  alias_domains:
    description: Alias domains. An Ingress whose name begins with the release's alias prefix and whose every host lies in them is an alias route.
    type: list
    elements: str
    default: []
  alias_ingresses:
    description: Names of the alias routes, where they cannot be derived. Empty means derived.
    type: list
    elements: str
    default: []
  pause:
    description: The shortest pause after the removal, in seconds.
    type: int
    default: 60
  timeout:
    description: The longest wait, in seconds.
    type: int
    default: 300
"""

EXAMPLES = r"""
- name: Cut the old routes
  monq.platform.route_removal:
    alias_domains: [monq-alias.domain.com]
"""

RETURN = r"""
removed:
  description: Names of the Ingresses that were removed, or would be.
  returned: always
  type: list
  elements: str
  sample: [frontend-box, frontend-box-api]
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

from ..module_utils.arguments import CLUSTER, RUN, cluster, guarded_run
from ..module_utils.engine.snapshots import SealedStore
from ..module_utils.errors import MonqError
from ..module_utils.k8s.objects import deployments, hpas
from ..module_utils.k8s.objects import routes as read_routes
from ..module_utils.k8s.routes import to_cut
from ..module_utils.k8s.watch import Routes, require_sealed
from ..module_utils.upgrade.replicas import kubernetes_changes

OPTIONS = {
    "alias_domains": {"type": "list", "elements": "str", "default": []},
    "alias_ingresses": {"type": "list", "elements": "str", "default": []},
    "pause": {"type": "int", "default": 60},
    "timeout": {"type": "int", "default": 300},
}


def changed_counts(connection, namespace, store, ledger):
    """What somebody scaled between the seal and the cut, which may lie a cancelled job apart."""
    sealed = store.open("cut-replicas", ledger.get("upgrade.replicas.cut")["result"])
    return kubernetes_changes(sealed, deployments(connection, namespace), hpas(connection, namespace))


def main():
    module = AnsibleModule(argument_spec={**CLUSTER, **RUN, **OPTIONS}, supports_check_mode=True)
    given = module.params
    try:
        connection = cluster(given)
        run = guarded_run(given, module.check_mode, connection)
        release, modules = given["plan"]["release"], given["plan"]["modules"]
        store = SealedStore(connection, given["namespace"], release["version"])

        def old():
            sealed = store.open("cut", run.ledger.get("upgrade.snapshot.cut")["result"])["ingresses"]
            return to_cut(sealed, release, modules, given["alias_domains"], given["alias_ingresses"])

        def cut():
            for name, seen, sealed in changed_counts(connection, given["namespace"], store, run.ledger):
                module.warn(f"{name} runs with {seen} replicas; {sealed} were sealed for the outage and will be put back")
            return {"removed": Routes(connection, given["namespace"], given["timeout"]).cut(old(), given["pause"])}

        # As long as no new route can be, whatever bears an old name is an old route.
        early = not any(key.startswith("upgrade.routing.apply.") for key in run.ledger.entries)

        def check():
            live = read_routes(connection, given["namespace"])
            require_sealed(old(), to_cut(live, release, modules, given["alias_domains"], given["alias_ingresses"]), given["namespace"])

        if early and run.is_done("upgrade.snapshot.cut"):
            check()
        report = run.run("upgrade.routing.cut", cut)
        if early and "upgrade.routing.cut" in run.done:
            check()  # something may have made one again meanwhile
        if run.predicted:
            doomed = to_cut(read_routes(connection, given["namespace"]), release, modules, given["alias_domains"], given["alias_ingresses"])
            report = {"removed": [route["name"] for route in doomed]}
        names = (report or {}).get("removed", [])
        diff = {"before": "".join(f"Ingress {name}\n" for name in names), "after": ""} if run.changed else {}
        module.exit_json(removed=names, diff=diff, **run.result())
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
