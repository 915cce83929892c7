# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: web_secrets
short_description: The secrets in URLs and headers
version_added: 1.1.0
description:
  - Returns what no text may show of entries with C(url) and C(headers), such as those of C(monq_notify). Keys and
    tokens are parts of the URLs of many webhooks.
options:
  _input:
    description: The entries. What is no entry has no secret.
    type: list
    elements: raw
    required: true
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
secrets: "{{ monq_notify | monq.platform.web_secrets }}"
"""

RETURN = r"""
_value:
  description: The secrets, each once.
  type: list
  elements: str
"""

from ..plugin_utils.notification import secrets_of


class FilterModule:
    """Filter for secrets in the operator's variables."""

    def filters(self):
        return {"web_secrets": secrets_of}
