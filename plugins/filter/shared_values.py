# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: shared_values
short_description: Variables that are the same for two installations of a run, and must not be
version_added: 1.1.0
description:
  - Compares C(monq_monqctl_home), C(monq_findings_file) and C(monq_client_transcript) of the hosts of a run. On one
    machine, each installation needs its own, as they work at the same time.
options:
  _input:
    description: The variables of all hosts, C(hostvars).
    type: raw
    required: true
  hosts:
    description: The hosts of the run.
    type: list
    elements: str
    required: true
  host:
    description: The host whose variables are compared with those of the others.
    type: str
    required: true
positional: hosts, host
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
shared: "{{ hostvars | monq.platform.shared_values(ansible_play_hosts_all, inventory_hostname) }}"
# => {monq_monqctl_home: [staging]}
"""

RETURN = r"""
_value:
  description: The names of the other hosts, by variable.
  type: dict
"""

from .same_installation import machine

# Variable: the value of who does not set it; an empty one is none to share.
OWN = {"monq_monqctl_home": "~", "monq_findings_file": "", "monq_client_transcript": ""}


def shared_values(hostvars, hosts, host):
    """{variable: [other hosts with the same value on the same machine]}"""
    if len(hosts) < 2:
        return {}
    mine, found = _own(hostvars, host), {}
    for other in hosts:
        its = _own(hostvars, other) if other != host else {}
        for name, value in mine.items():
            if value[1] and its.get(name) == value:
                found.setdefault(name, []).append(other)
    return found


def _own(hostvars, host):
    """{variable: (machine, value)}"""
    known = hostvars[host]
    return {name: (machine(known, host), str(known.get(name) or default)) for name, default in OWN.items()}


class FilterModule:
    """Filter for inventories."""

    def filters(self):
        return {"shared_values": shared_values}
