# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..module_utils.report import upgrade as texts
from ..plugin_utils.languages import language as language_of

DOCUMENTATION = r"""
name: plan_text
short_description: The list of steps as text for the operator
version_added: 1.0.0
description:
  - Formats the list of steps as text for the operator, line by line.
positional: language
options:
  _input:
    description: What M(monq.platform.ledger_info) returned.
    type: dict
    required: true
  language:
    description: The language, as in C(monq_language).
    type: str
    choices: [en, ru]
    default: en
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
- name: Show the plan
  monq.platform.report:
    text: "{{ __ledger | monq.platform.plan_text }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""


def plan_text(found, language="en"):
    return texts.plan(found, language_of(language))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"plan_text": plan_text}
