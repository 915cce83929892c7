# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """The option of every module that shows what others say."""

    DOCUMENTATION = r"""
options:
  mask:
    description:
      - Known secrets, as a JSON list. They are hidden wherever a text shows them, in whatever spelling, such as base64, URL-encoded and JSON-escaped.
        One of less than four characters is not looked for.
    type: json
    default: ''
"""
