"""Transforms a template as registry_template_apply does: FILE ALIAS_DOMAINS SECRETS."""

import json
import sys

from ansible_collections.monq.platform.plugins.module_utils.upgrade.template import transform

path, domains, secrets = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    template = json.load(file)
print(json.dumps(transform(template, json.loads(domains), json.loads(secrets)), ensure_ascii=False))
