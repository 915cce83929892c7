# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..module_utils.report import upgrade as texts
from ..plugin_utils.languages import language as language_of

DOCUMENTATION = r"""
name: findings_text
short_description: Findings as text for the operator
version_added: 1.0.0
description:
  - Formats findings as text for the operator, line by line.
positional: language
options:
  _input:
    description: The findings.
    type: list
    elements: dict
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
- name: Show the findings
  monq.platform.report:
    text: "{{ __preflight.findings | monq.platform.findings_text }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""


def findings_text(found, language="en"):
    return texts.findings(found, language_of(language))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"findings_text": findings_text}
