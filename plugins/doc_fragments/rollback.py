# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that executes or plans steps of a rollback."""

    DOCUMENTATION = r"""
options:
  databases:
    description: The databases to restore, as returned by the filter P(monq.platform.databases#filter). The list of
      steps depends on them.
    type: list
    elements: dict
    default: []
    suboptions:
      microservice:
        description: Name of the microservice.
        type: str
        required: true
      database:
        description: Name of its database.
        type: str
        required: true
"""

    CONFIRMATIONS = r"""
options:
  environment:
    description: Name of the environment.
    type: str
    required: true
  confirm:
    description: Must equal O(environment), except in check mode.
    type: str
    default: ''
  closed:
    description: Whether a finished and verified release may be rolled back.
    type: bool
    default: false
  postgresql:
    description: The server whose databases are restored. Without it, the role's rights are not checked.
    type: dict
    suboptions:
      host:
        description: Host name or address.
        type: str
        required: true
      port:
        description: TCP port.
        type: int
        default: 5432
      user:
        description: A role that may create databases and is a member of their owner's role.
        type: str
        required: true
      password:
        description: Its password.
        type: str
      sslmode:
        description: As in libpq.
        type: str
        choices: [disable, allow, prefer, require, verify-ca, verify-full]
        default: prefer
"""
