#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: bundle
short_description: Makes a bundle for an offline upgrade
version_added: 1.1.0
description:
  - Exports registry and release with monqctl, and adds monqctl itself, the collection with its dependencies, and wheels
    for the Python of the inventory host. Writes C(manifest.json) and C(SHA256SUMS).
  - Fails for a folder that contains anything else. If the same bundle is there already, nothing is done.
  - Does not sign the manifest; the playbook does, with M(community.crypto.openssl_signature).
extends_documentation_fragment:
  - monq.platform.attributes
options:
  directory:
    description: Absolute path of the folder to make the bundle in. It must be empty or not exist.
    type: path
    required: true
  release:
    description: The release's data, from the role C(monq.platform.monq).
    type: dict
    required: true
  collections:
    description: Archives of collections. What they lack of this collection and its dependencies is downloaded with
      C(ansible-galaxy).
    type: list
    elements: path
    default: []
  requirements:
    description: What pip downloads, with dependencies.
    type: list
    elements: str
    required: true
  python_version:
    description: Version of Python on the inventory host. Empty means that of this Python.
    type: str
    default: ''
  python_platforms:
    description: Platforms of the inventory host in pip's words. Empty means this machine.
    type: list
    elements: str
    default: []
  signing_key:
    description: Path of the private key that the manifest will be signed with.
    type: path
    default: ''
  certificate:
    description: Path of its certificate (PEM, Ed25519).
    type: path
    default: ''
  unsigned:
    description: Whether the bundle may be made without a signature.
    type: bool
    default: false
  monqctl_path:
    description: Path of monqctl.
    type: str
    default: monqctl
  monqctl_home:
    description: The HOME that monqctl runs with. Its current context must have a Release Hub.
    type: path
    default: '~'
  monqctl_environment:
    description: Environment variables for monqctl, as JSON.
    type: json
    default: ''
  monqctl_timeout:
    description: Limit for one export, in seconds.
    type: int
    default: 3600
  client_rules:
    description: How monqctl's output is read.
    type: dict
    default: {}
  progress:
    description: Where the module says what it is doing. The module's action plugin sets it; leave it out.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Make the bundle
  monq.platform.bundle:
    directory: /srv/monq-bundle
    release: "{{ _monq_release }}"
    requirements: [ansible-core>=2.17, cryptography>=3.3]
    unsigned: true
"""

RETURN = r"""
manifest:
  description: Path of the manifest.
  returned: success
  type: str
  sample: /srv/monq-bundle/manifest.json
text:
  description: What the bundle holds, for the operator.
  returned: success
  type: str
  sample: "bundle of monq 6.0.0 in /srv/monq-bundle: 1 243 files, 14.2 GiB"
signer:
  description: SHA-256 fingerprint of the certificate; empty without one.
  returned: success
  type: str
  sample: "AB:CD:01"
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import SHOWN_NOWHERE
from ..module_utils.bundle.build import make
from ..module_utils.errors import MonqError
from ..module_utils.live_progress import PROGRESS

OPTIONS = {
    "directory": {"type": "path", "required": True},
    "release": {"type": "dict", "required": True},
    "collections": {"type": "list", "elements": "path", "default": []},
    "requirements": {"type": "list", "elements": "str", "required": True},
    "python_version": {"type": "str", "default": ""},
    "python_platforms": {"type": "list", "elements": "str", "default": []},
    "signing_key": {"type": "path", "default": ""},
    "certificate": {"type": "path", "default": ""},
    "unsigned": {"type": "bool", "default": False},
    "monqctl_path": {"type": "str", "default": "monqctl"},
    "monqctl_home": {"type": "path", "default": "~"},
    "monqctl_environment": SHOWN_NOWHERE,
    "monqctl_timeout": {"type": "int", "default": 3600},
    "client_rules": {"type": "dict", "default": {}},
}


def main():
    module = AnsibleModule(argument_spec={**OPTIONS, **PROGRESS}, supports_check_mode=True)
    try:
        module.exit_json(**make(module.params, module.check_mode))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
