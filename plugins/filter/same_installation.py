# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: same_installation
short_description: Inventory hosts that stand for the same installation
version_added: 1.1.0
description:
  - Returns the other hosts whose variables name the same namespace through the same kubeconfig and context, on the same
    machine. One installation is one inventory host; two of them would wait for each other's lock.
options:
  _input:
    description: The variables of all hosts, C(hostvars).
    type: raw
    required: true
  hosts:
    description: The hosts to compare.
    type: list
    elements: str
    required: true
  host:
    description: The host whose doubles are returned.
    type: str
    required: true
positional: hosts, host
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
doubles: "{{ hostvars | monq.platform.same_installation(groups['monq'], inventory_hostname) }}"
# => [production-old]
"""

RETURN = r"""
_value:
  description: The names of the other hosts, in the order of the inventory.
  type: list
  elements: str
"""

NAMED_BY = ("monq_namespace", "monq_kubeconfig", "monq_kube_context")


def same_installation(hostvars, hosts, host):
    """The other hosts of the same installation."""
    mine = _identity(hostvars, host)
    return [other for other in hosts if other != host and mine and _identity(hostvars, other) == mine]


def _identity(hostvars, host):
    """What tells an installation apart, or None where the namespace is not set."""
    known = hostvars[host]
    if not known.get("monq_namespace"):
        return None
    return (machine(known, host), *(str(known.get(name) or "") for name in NAMED_BY))


def machine(known, host):
    """The machine that a host's modules run on; empty for this one."""
    local = str(known.get("ansible_connection", "")).rpartition(".")[2] == "local"
    return "" if local else str(known.get("ansible_host") or host)


class FilterModule:
    """Filter for inventories."""

    def filters(self):
        return {"same_installation": same_installation}
