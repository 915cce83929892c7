# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that calls the vendor's client."""

    DOCUMENTATION = r"""
options:
  monqctl_path:
    description: The vendor's client, as a name on the PATH or a path.
    type: str
    default: monqctl
  monqctl_home:
    description: The HOME that monqctl runs with.
    type: path
    default: '~'
  monqctl_context:
    description: The context that must be current for every changing call.
    type: str
    required: true
  monqctl_environment:
    description: Environment variables for monqctl, as JSON. They are never shown.
    type: json
    default: ''
  monqctl_timeout:
    description: Maximum duration of one call, in seconds.
    type: int
    default: 3600
  client_rules:
    description: How monqctl's output is read. For each command (its leading words, or C(*) for all) the rules, by kind
      and name, as regular expressions. The docs page on monqctl lists the kinds and the rules that are shipped.
    type: dict
    default: {}
  effect_timeout:
    description: Longest wait for the effect of a call, in seconds, after the call has returned successfully.
    type: int
    default: 120
  image_registry:
    description: Where the images of a module can be looked for after they were copied, as C(host[:port]), with C(http://)
      in front where it has no TLS. It is asked without credentials. Empty means that they are not looked for.
    type: str
    default: ""
  replica_commands:
    description: The registry's replica calls C(list), C(get) and C(apply), as argv and JMESPath. They are assumptions,
      hence configurable.
    type: dict
    default: {}
  mask:
    description:
      - Known secrets, as a JSON list. They are masked wherever a text contains them, in any encoding, such as base64,
        URL-encoded and JSON-escaped. Secrets of less than four characters are not searched for.
    type: json
    default: ''
requirements:
  - jmespath (Python library), for the registry's replica counts
"""
