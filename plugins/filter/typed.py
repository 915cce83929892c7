# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: typed
short_description: A variable's value in its declared type
version_added: 1.1.0
description:
  - Returns the value in the type that the variable is declared with, as C(-e key=value), surveys and environments only
    know texts.
  - A value that cannot be converted is returned as it is, so that the checks report it with all other findings.
options:
  _input:
    description: The value.
    type: raw
    required: true
  kind:
    description:
      - C(bool) takes the words that Ansible takes. C(int) takes digits, C(text) anything.
      - C(list) takes a JSON list, or words separated by commas, blanks or
        line ends. C(dict) takes a JSON object, or C(name=value), separated likewise.
    type: str
    choices: [bool, int, text, list, dict]
    required: true
  default:
    description: What an empty text stands for.
    type: raw
positional: kind, default
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
modules: "{{ 'pl,sm cl' | monq.platform.typed('list') }}"
# => [pl, sm, cl]
"""

RETURN = r"""
_value:
  description: The value in its type.
  type: raw
"""

from ..module_utils.typed import typed


class FilterModule:
    """Filter for the types of variables."""

    def filters(self):
        return {"typed": typed}
