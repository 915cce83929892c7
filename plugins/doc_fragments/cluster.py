# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to the Kubernetes API."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: Path of the kubeconfig. Without it, the client's own default. It is read as kubectl reads it.
    type: path
  kube_context:
    description: Context of the kubeconfig. Without it, the current one.
    type: str
  namespace:
    description: Namespace of the microservice registry.
    type: str
    required: true
  mask:
    description:
      - Known secrets, as a JSON list. They are hidden wherever a text shows them, in whatever encoding, such as base64,
        URL-encoded and JSON-escaped.
        One of less than four characters is not looked for.
    type: json
    default: ''
requirements:
  - urllib3 and PyYAML (Python libraries)
  - kubernetes (Python library), where the kubeconfig's credentials come from an exec plugin or an auth provider
"""
