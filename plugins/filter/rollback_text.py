# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..module_utils.report import rollback as texts
from ..plugin_utils.languages import language as language_of

DOCUMENTATION = r"""
name: rollback_text
short_description: What a rollback restores and what it cannot undo, as text for the operator
version_added: 1.0.0
description:
  - Describes what a rollback restores, what it cannot undo, and what prevents it, line by line.
positional: language
options:
  _input:
    description: What M(monq.platform.rollback_info) returned.
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
- name: Show the overview
  monq.platform.report:
    text: "{{ __rollback_overview | monq.platform.rollback_text }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""


def rollback_text(found, language="en"):
    return texts.overview(found, language_of(language))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"rollback_text": rollback_text}
