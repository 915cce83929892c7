# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..module_utils.engine import steps

DOCUMENTATION = r"""
name: commands
short_description: The monqctl calls of a phase, out of the plan
version_added: 1.0.0
description:
  - Makes the list of steps out of the plan and returns those that are calls of monqctl and whose key begins with the given prefix.
positional: prefix
options:
  _input:
    description: The plan, as the option O(monq.platform.monqctl#module:plan) takes it.
    type: dict
    required: true
  prefix:
    description: Leading words of the steps' keys.
    type: str
    required: true
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
- name: Run the SQL of pl
  monq.platform.monqctl:
    commands: "{{ _monq_plan | monq.platform.commands('upgrade.pl.database') }}"
"""

RETURN = r"""
_value:
  description: The calls, in order, as the option O(monq.platform.monqctl#module:commands) takes them.
  type: list
  elements: dict
"""


def commands(plan, prefix):
    given = dict(plan)
    variables = given.pop("variables", {})
    given["backup_databases"] = given.get("backup_databases") or None
    return steps.commands(steps.plan(**given, **variables), prefix)


class FilterModule:
    """The filter."""

    def filters(self):
        return {"commands": commands}
