# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that does steps of the ledger."""

    DOCUMENTATION = r"""
options:
  plan:
    description:
      - What the list of steps is made of. The playbooks hand it over with C(module_defaults).
    type: dict
    required: true
    suboptions:
      release:
        description: The release's data, from the role C(monq.platform.monq).
        type: dict
        required: true
      modules:
        description: The installed modules, C(pl) among them.
        type: list
        elements: str
        required: true
      prefetch_images:
        description: Whether images are copied before the outage.
        type: bool
        default: true
      configure:
        description: Whether monqctl's context is made from the variables.
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
        description: Whether the rollout of each module is waited for before the next module, or all at the end.
        type: str
        choices: [module, end]
        default: module
      backup_databases:
        description: Microservices whose databases are dumped. Empty means all that the SQL of the modules touches.
        type: list
        elements: str
        default: []
      backup_in_outage:
        description: Whether the databases are dumped once more right after the cut.
        type: bool
        default: false
      variables:
        description: Names and addresses that monqctl's calls are filled with. Nothing secret.
        type: dict
        default: {}
  lock_id:
    description: The ID that M(monq.platform.lock) returned. A step is refused without it.
    type: str
    default: ''
  lock_duration:
    description: Duration of the Lease, in seconds.
    type: int
    default: 120
  resolve:
    description:
      - The operator's decisions on attempts whose outcome is unknown. A step key leads to C(answer) (C(retry), C(done)
        or C(accept)) and C(attempt), the
        ID shown in the error.
    type: dict
    default: {}
  monqctl_home:
    description: The HOME that monqctl runs with. Its mark tells whether client steps were done for it.
    type: path
    default: '~'
  spool_directory:
    description:
      - The backup directory, on the inventory host. A result that the API server does not take is kept there, below
        C(<host>/<release>/<generation>),
        and imported by the next run that takes the lock. Empty means nowhere.
    type: path
    default: ''
  spool_host:
    description: Name of the inventory host, a part of that folder's path.
    type: str
    default: ''
notes:
  - A step refuses to run before its predecessors are done, and names the missing one.
"""
