#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: registry_template
short_description: Adds what release 6.0.0 needs to the registry's K8s template
version_added: 1.0.0
description:
  - Takes the K8s template of the microservice registry, as C(monqctl registry get services K8s --output json) prints
    it, and returns it with the volume, the mounts, the routing Ingress and the three parameters of release 6.0.0, and
    without C(JsonConfig.Job).
  - Does the same as the vendor's jq filter, but can be repeated. The filter appends on every run; the module adds each
    entry once, and cleans up a template to which the filter was applied twice. Of several entries of this release with
    the same name, the first is kept, with the right value. Other entries are left as they are.
  - Only transforms data. It accesses neither the registry nor files, and needs nothing but Python.
  - A template may contain passwords, and the result contains the whole template; set C(no_log) on the task.
    M(monq.platform.registry_template_apply) reads, transforms and applies it in one process, and shows the change with
    the passwords masked.
extends_documentation_fragment:
  - monq.platform.attributes
attributes:
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff
      mode.
    support: full
options:
  template:
    description:
      - The template, an object with C(JsonConfig).
      - It is rejected if C(JsonConfig.Deployment.spec.template.spec), C(JsonConfig.Container-api) or
        C(JsonConfig.Container-console) is not an object, if one of the lists in them or C(JsonConfig.Parameters) is not
        a list, or if C(/certs) is mounted from another volume. A list that is null or absent counts as empty.
    type: raw
    required: true
  alias_domains:
    description: Alias domains, wildcards included. They become C(%AliasDomains%), joined by commas.
    type: list
    elements: str
    default: []
  ingress_secrets:
    description: TLS Secrets of the main and all alias domains. They become C(%IngressSecrets%), as an array.
    type: list
    elements: dict
    required: true
    suboptions:
      hosts:
        description: Domains that the certificate in the Secret covers.
        type: list
        elements: str
        required: true
      secretName:
        description: Name of the Secret.
        type: str
        required: true
"""

EXAMPLES = r"""
- name: Read the template
  ansible.builtin.command:
    argv: [monqctl, registry, get, services, K8s, --output, json]
  register: answer
  changed_when: false
  check_mode: false

- name: Add what release 6.0.0 needs
  monq.platform.registry_template:
    template: "{{ answer.stdout | from_json }}"
    alias_domains:
      - monq-alias.domain.com
    ingress_secrets:
      - hosts: [monq.domain.com]
        secretName: monq.domain.com-tls
      - hosts: [monq-alias.domain.com]
        secretName: monq-alias.domain.com-tls
  register: transformed
"""

RETURN = r"""
template:
  description: The transformed template, including any passwords in it.
  returned: success
  type: dict
  sample: {"Name": "K8s", "JsonConfig": {"Parameters": [{"Name": "%AliasDomains%", "Value": "monq-alias.domain.com"}]}}
changed:
  description: Whether the returned template differs from the given one.
  returned: always
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.errors import MonqError
from ..module_utils.redaction.data import sanitise
from ..module_utils.upgrade.template import as_text, transform

SPEC = {
    "template": {"type": "raw", "required": True},
    "alias_domains": {"type": "list", "elements": "str", "default": []},
    "ingress_secrets": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "no_log": False,
        "options": {
            "hosts": {"type": "list", "elements": "str", "required": True},
            "secretName": {"type": "str", "required": True, "no_log": False},
        },
    },
}


def main():
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    given = module.params
    try:
        template = transform(given["template"], given["alias_domains"], given["ingress_secrets"])
    except MonqError as exc:
        module.fail_json(**exc.result())
    result = {"template": template, "changed": as_text(given["template"]) != as_text(template)}
    if module._diff:
        result["diff"] = {"before": as_text(sanitise(given["template"])), "after": as_text(sanitise(template))}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
