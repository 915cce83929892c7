# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..module_utils.report import rollback as texts
from ..plugin_utils.languages import language as language_of

DOCUMENTATION = r"""
name: rollback_summary_text
short_description: The summary of a rollback as text for the operator
version_added: 1.0.0
description:
  - Summarises a rollback, line by line, with what was restored, what was not undone, and which databases were kept.
positional: results, language
options:
  _input:
    description: What M(monq.platform.rollback_info) returned.
    type: dict
    required: true
  results:
    description: What M(monq.platform.rollback_step) returned as RV(monq.platform.rollback_step#module:outcomes).
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
- name: Show the summary
  monq.platform.report:
    text: "{{ __rollback_overview | monq.platform.rollback_summary_text(__rollback_archive.outcomes) }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""


def rollback_summary_text(found, results, language="en"):
    return texts.summary(found, results, language_of(language))


class FilterModule:
    """The filter."""

    def filters(self):
        return {"rollback_summary_text": rollback_summary_text}
