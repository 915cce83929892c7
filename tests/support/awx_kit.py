"""The data of roles/awx, and what a node of its workflow is run with."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Loader(yaml.SafeLoader):
    """Takes Ansible's !unsafe for the text that it is."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "roles" / "awx" / "vars" / "main.yml"
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


def injected(secrets, folder):
    """What AWX gives a job for credentials, {type: {field: value}}: (environment, variables). The files that it mounts
    are written into the folder."""
    environment, variables = {}, {}
    for name, fields in secrets.items():
        kind = KIT["_awx_credential_types"][name]
        assert set(fields) == {field["id"] for field in kind["inputs"]["fields"]}
        files = {}
        for key, text in kind["injectors"].get("file", {}).items():
            path = folder / f"{name}-{key}"
            path.touch(0o600)
            path.write_text(_rendered(text, fields))
            files[key.removeprefix("template.")] = str(path)
        seen = {**fields, "tower": {"filename": files}}
        environment |= {key: _rendered(text, seen) for key, text in kind["injectors"].get("env", {}).items()}
        variables |= {key: _rendered(text, seen) for key, text in kind["injectors"].get("extra_vars", {}).items()}
    return environment, variables


def _rendered(text, values):
    """As AWX renders injectors."""
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(**values)


def documented():
    """The variables that the guide puts into the inventory for what the credentials give."""
    page = (ROOT / "docs" / "docsite" / "rst" / "awx.rst").read_text(encoding="utf-8")
    [block] = re.findall(r"^\.\. code-block:: yaml\n\n((?:   monq_\w+: .*lookup.*\n)+)", page, re.M)
    return yaml.safe_load(textwrap.dedent(block))
