# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that uses Monq's domains."""

    DOCUMENTATION = r"""
options:
  domain:
    description: The main domain.
    type: str
    required: true
  alias_domains:
    description: Alias domains.
    type: list
    elements: str
    default: []
  alias_ingresses:
    description:
      - Names of the alias routes, if they cannot be derived. Empty means derived, that is, the Ingresses whose names
        begin with the release's alias prefix and whose hosts are all in O(alias_domains).
    type: list
    elements: str
    default: []
"""

    SECRETS = r"""
options:
  ingress_secrets:
    description: TLS Secrets and the hosts that they cover, as C(secretName) and C(hosts).
    type: list
    elements: dict
    required: true
"""
