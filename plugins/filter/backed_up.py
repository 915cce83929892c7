# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: backed_up
short_description: The microservices whose databases are dumped
version_added: 1.0.0
description:
  - Returns the operator's choice, or all microservices whose databases the SQL of the selected modules changes, and
    always the vendor's pair.
options:
  _input:
    description: The release's data.
    type: dict
    required: true
  modules:
    description: The installed modules.
    type: list
    elements: str
    required: true
  chosen:
    description: Microservices chosen by the operator. Empty means all that the SQL changes.
    type: list
    elements: str
    default: []
positional: modules, chosen
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
microservices: "{{ _monq_release | monq.platform.backed_up(monq_modules, monq_backup_databases) }}"
"""

RETURN = r"""
_value:
  description: Names of microservices, in the order of the steps.
  type: list
  elements: str
"""

from ansible.errors import AnsibleFilterError

from ..module_utils.engine import steps
from ..module_utils.errors import InputError


def backed_up(release, modules, chosen=None):
    try:
        steps.check_modules(release, modules)
    except InputError as exc:
        raise AnsibleFilterError(str(exc)) from exc
    return steps.backed_up(release, modules, chosen)


class FilterModule:
    """Filters on the release's data."""

    def filters(self):
        return {"backed_up": backed_up}
