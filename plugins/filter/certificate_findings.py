# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..module_utils.checks import rules

DOCUMENTATION = r"""
name: certificate_findings
short_description: Findings on the certificates of the domains
version_added: 1.0.0
description:
  - Tells where a certificate has expired, soon will, or does not cover the hosts that its Secret is listed for.
options:
  _input:
    description: The results of a loop of M(community.crypto.x509_certificate_info) over RV(monq.platform.preflight_kubernetes#module:certificates),
      with C(valid_at.soon).
    type: list
    elements: dict
    required: true
  cut:
    description: Whether the outage has begun; what would stop then only warns.
    type: bool
    default: false
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
- name: Judge the certificates
  monq.platform.report:
    text: "{{ __preflight_certificates.results | monq.platform.certificate_findings | monq.platform.findings_text }}"
"""

RETURN = r"""
_value:
  description: The findings.
  type: list
  elements: dict
"""


class FilterModule:
    """The filter."""

    def filters(self):
        return {"certificate_findings": rules.certificates}
