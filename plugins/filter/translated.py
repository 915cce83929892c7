# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..plugin_utils.languages import language as language_of

DOCUMENTATION = r"""
name: translated
short_description: A text of the collection in the operator's language
version_added: 1.1.0
description:
  - Looks a text up by its English, and fills in the values in its braces. What is not in the catalogue stays English.
positional: language
options:
  _input:
    description: The English text.
    type: str
    required: true
  language:
    description: The language, as in C(monq_language).
    type: str
    choices: [en, ru]
    default: en
  values:
    description: The values for the braces of the text. Without them, the text may be one that has its values already.
    type: dict
    default: {}
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
- name: Show where the support bundle is
  monq.platform.report:
    text: "{{ 'Support bundle: {path}' | monq.platform.translated(monq_language, {'path': __monq_bundle.path}) }}"
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""


def translated(text, language="en", values=None):
    words = language_of(language)
    return words._(text, **values) if values else words.sentence(text)


class FilterModule:
    """The filter."""

    def filters(self):
        return {"translated": translated}
