#!/usr/bin/python
# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: registry_template_apply
short_description: Transforms the K8s template in the registry
version_added: 1.0.0
description:
  - Reads the K8s template, transforms it as M(monq.platform.registry_template) does, and applies the result, all in one
    process. A template may contain passwords, so it is in no task's arguments and in no result; the diff is masked.
extends_documentation_fragment:
  - monq.platform.attributes
  - monq.platform.cluster
  - monq.platform.run
  - monq.platform.monqctl
  - monq.platform.domains
  - monq.platform.domains.secrets
attributes:
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff
      mode.
    support: full
"""

EXAMPLES = r"""
- name: Transform the K8s template
  monq.platform.registry_template_apply:
    domain: monq.domain.com
    alias_domains: [monq-alias.domain.com]
    ingress_secrets:
      - hosts: [monq.domain.com]
        secretName: monq.domain.com-tls
"""

RETURN = r"""
output:
  description: monqctl's output.
  returned: always
  type: str
  sample: service K8s applied.
steps:
  description: Keys of the steps that this task has executed, that a real run would execute now, and that were already
    done.
  returned: always
  type: dict
  sample: {"done": ["prepare.registry_template.apply"], "predicted": [], "skipped": []}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.arguments import DOMAINS, INGRESS_SECRETS, MONQCTL, RUN
from ..module_utils.errors import MonqError
from ..module_utils.session import Session
from ..module_utils.upgrade.template_step import TemplateStep


def main():
    spec = {**RUN, **MONQCTL, **DOMAINS, **INGRESS_SECRETS}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    given = module.params
    try:
        session = Session.open(params=given, check_mode=module.check_mode)
        template = TemplateStep(session, given["alias_domains"], given["ingress_secrets"])
        output = template.execute()
        module.exit_json(output=output, diff=template.diff, **session.result(module.warn))
    except MonqError as exc:
        module.fail_json(**exc.result())


if __name__ == "__main__":
    main()
