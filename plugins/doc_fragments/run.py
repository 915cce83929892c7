# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that executes steps of the ledger."""

    DOCUMENTATION = r"""
options:
  plan:
    description:
      - What the list of steps is built from. The playbooks set it with C(module_defaults).
    type: dict
    required: true
    suboptions:
      release:
        description: The release's data, from the role C(monq.platform.monq).
        type: dict
        required: true
      modules:
        description: The installed modules, including C(pl).
        type: list
        elements: str
        required: true
      prefetch_images:
        description: Whether images are copied before the outage.
        type: bool
        default: true
      configure:
        description: Whether monqctl's context is created from the variables.
        type: bool
        default: false
      online:
        description: Whether the Release Hub is used.
        type: bool
        default: true
      registry_replicas:
        description: Whether the registry's replica counts are restored with monqctl or by hand.
        type: str
        choices: [monqctl, manual]
        default: monqctl
      rollout_gate:
        description: Whether to wait for each module's rollout before the next module, or for all at the end.
        type: str
        choices: [module, end]
        default: module
      backup_databases:
        description: Microservices whose databases are dumped. Empty means all that the SQL of the modules changes.
        type: list
        elements: str
        default: []
      backup_in_outage:
        description: Whether the databases are dumped again right after the old routes are removed.
        type: bool
        default: false
      variables:
        description: Names and addresses for monqctl's calls. Nothing secret.
        type: dict
        default: {}
  lock_id:
    description: The ID that M(monq.platform.lock) returned. No step is executed without it.
    type: str
    default: ''
  lock_duration:
    description: Duration of the Lease, in seconds.
    type: int
    default: 120
  resolve:
    description:
      - The operator's decisions on attempts whose outcome is unknown. Each step key maps to C(answer) (C(retry),
        C(done), C(accept), or C(redo) for a done step) and C(attempt), the ID shown in the error or by status.yml.
    type: dict
    default: {}
  monqctl_home:
    description: The HOME that monqctl runs with. Its marker shows whether client steps were done for it.
    type: path
    default: '~'
  spool_directory:
    description:
      - The backup directory, on the inventory host. A result that the API server does not accept is spooled there,
        below C(<host>/<release>/<generation>), and imported by the next run that takes the lock. Empty means nowhere.
    type: path
    default: ''
  spool_host:
    description: Name of the inventory host, part of that folder's path.
    type: str
    default: ''
  approved_plan:
    description: The id of the plan that this run must follow, as M(monq.platform.plan) has recorded it in the ledger; a
      changing step fails if the ledger does not carry it. Empty means that no plan is demanded.
    type: str
    default: ''
  progress:
    description: Where the module says what it is doing. The module's action plugin sets it; leave it out.
    type: dict
    default: {}
  words:
    description: Texts in the operator's language, for modules that write some on the inventory host. The module's
      action plugin sets it; leave it out.
    type: dict
    default: {}
notes:
  - A step fails unless its predecessors are done, and names the missing one.
"""
