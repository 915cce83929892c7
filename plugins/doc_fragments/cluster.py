# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to the Kubernetes API."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: Path of the kubeconfig, read as kubectl reads it. Without it, kubectl's own default.
    type: path
  kube_context:
    description: Context of the kubeconfig. Without it, the current context.
    type: str
  namespace:
    description: Namespace of the microservice registry.
    type: str
    required: true
  mask:
    description:
      - Known secrets, as a JSON list. They are masked wherever a text contains them, in any encoding, such as base64,
        URL-encoded and JSON-escaped. Secrets of less than four characters are not searched for.
    type: json
    default: ''
requirements:
  - urllib3 and PyYAML (Python libraries)
  - kubernetes (Python library), if the kubeconfig's credentials come from an exec plugin or an auth provider
"""
