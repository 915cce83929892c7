# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: left_empty
short_description: The defaults of variables that a survey has left empty
version_added: 1.1.0
description:
  - A survey gives an empty text for what was not filled in. Ansible's check of arguments refuses it for every type but
    texts. This returns the defaults of these variables, to be checked in their place.
  - Required variables are left out, so that the check names them.
options:
  _input:
    description: The options of an argument spec.
    type: dict
    required: true
  values:
    description: The variables that are set.
    type: dict
    required: true
positional: values
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
given: "{{ {'flag': {'type': 'bool', 'default': true}} | monq.platform.left_empty({'flag': ''}) }}"
# => {"flag": true}
"""

RETURN = r"""
_value:
  description: Name and default of each.
  type: dict
"""

from ..module_utils.typed import left_empty


class FilterModule:
    """Filter for variables that are empty texts."""

    def filters(self):
        return {"left_empty": left_empty}
