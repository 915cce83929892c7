# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to the Kubernetes API."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description: Path of the kubeconfig. Without it, the client's own default.
    type: path
  kube_context:
    description: Context of the kubeconfig. Without it, the current one.
    type: str
  namespace:
    description: Namespace of the microservice registry.
    type: str
    required: true
requirements:
  - kubernetes (Python library)
"""
