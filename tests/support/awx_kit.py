"""The data of roles/awx, and what a node of its workflow is run with."""

from __future__ import annotations

from pathlib import Path

import yaml


class Loader(yaml.SafeLoader):
    """Takes Ansible's !unsafe for the text that it is."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
PATH = Path(__file__).resolve().parents[2] / "roles" / "awx" / "vars" / "main.yml"
KIT = yaml.load(PATH.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506


def nodes():
    """{node: (the variables that template and node give it, the words of its command)}, in the workflow's order."""
    templates = {one["name"]: one for one in KIT["_awx_templates"]}
    found = {}
    for node in reversed(KIT["_awx_nodes"]):
        if template := templates.get(node["name"]):  # an approval has none
            words = ["--check"] if template.get("job_type") == "check" else []
            found[node["name"]] = ({**template.get("extra_vars", {}), **node.get("extra_data", {})}, words)
    return found
