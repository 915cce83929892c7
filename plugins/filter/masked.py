# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..module_utils.redaction.data import sanitise

DOCUMENTATION = r"""
name: masked
short_description: Data without its secrets, to be shown
version_added: 1.0.0
description:
  - Masks the values of keys, and of pairs of name and value, whose name looks secret (password, token, and the like), and the passwords of URLs.
  - Names of Secrets are not secret and stay.
options:
  _input:
    description: Any data.
    type: raw
    required: true
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
- name: Show the template
  ansible.builtin.debug:
    msg: "{{ __template | monq.platform.masked }}"
"""

RETURN = r"""
_value:
  description: The same data, masked.
  type: raw
"""


class FilterModule:
    """The filter."""

    def filters(self):
        return {"masked": sanitise}
