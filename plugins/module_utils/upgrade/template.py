# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's K8s template, and what release 6.0.0 adds to it.

The vendor's jq filter appends on every run. Here each entry is identified by name and set once: an untouched template
gives the vendor's result, and a transformed one comes out unchanged. Standard library only.
"""

from __future__ import annotations

import json
from copy import deepcopy

from ..errors import InputError, TemplateError

POD_SPEC = "JsonConfig.Deployment.spec.template.spec"
CONTAINERS = ("Container-api", "Container-console")

VOLUME = {"name": "monq-ca-certificates", "secret": {"secretName": "monq-ca-certificates", "optional": True}}
MOUNT = {"name": VOLUME["name"], "mountPath": "/certs"}
ROUTING_INGRESS = {
    "kind": "Ingress",
    "spec": {"rules": []},
    "metadata": {"name": "%AppName%", "namespace": "%Namespace%"},
    "apiVersion": "extensions/v1beta1",
}
SNIPPET = {"Name": "%IngressSnippet%", "Value": "proxy_set_header X-Smon-Userspace-Id 1;"}
ALIAS_DOMAINS = "%AliasDomains%"
INGRESS_SECRETS = "%IngressSecrets%"

UNTOUCHED, PARTLY, TRANSFORMED = "untouched", "partly", "transformed"

_LOOK = "run `monqctl registry get services K8s --output json` and check what the registry returns; nothing was applied"


def check(template):
    """Raises TemplateError unless release 6.0.0 can be added to this template."""
    pod = _mapping(template, POD_SPEC)
    _entries(pod, "volumes", POD_SPEC)
    for container in CONTAINERS:
        path = f"JsonConfig.{container}"
        for mount in _entries(_mapping(template, path), "volumeMounts", path):
            if _at_certs(mount) and mount.get("name") != VOLUME["name"]:
                raise TemplateError(
                    f"{MOUNT['mountPath']} is mounted from a different volume",
                    obj=f"{path}.volumeMounts",
                    expected=f"{MOUNT['mountPath']} free, or mounted from {VOLUME['name']}",
                    seen=f"mounted from {mount.get('name')!r}",
                    next_step="give that volume another mountPath in the registry's template: Monq 6 needs this path",
                )
    _entries(template["JsonConfig"], "Parameters", "JsonConfig")


def transform(template, alias_domains, ingress_secrets):
    """A new template with the entries of release 6.0.0, each exactly once. The given one is not modified."""
    check(template)
    check_domains(alias_domains, ingress_secrets)
    result = deepcopy(template)
    config = result["JsonConfig"]
    config.pop("Job", None)
    _upsert(_pod(config), "volumes", VOLUME, _volume_key)
    for container in CONTAINERS:
        _upsert(config[container], "volumeMounts", MOUNT, _mount_key)
    config["routingIngress"] = deepcopy(ROUTING_INGRESS)
    for parameter in _parameters(alias_domains, ingress_secrets):
        _upsert(config, "Parameters", parameter, _parameter_key)
    return result


def check_domains(alias_domains, ingress_secrets):
    """Raises InputError unless the domains can be put into a template, where a comma or space would change their
    number."""
    if not isinstance(alias_domains, list):
        raise _bad_input("alias_domains", "a list of domains, [] for none", _kind(alias_domains))
    for alias in alias_domains:
        if not _is_text(alias) or "," in alias or any(character.isspace() for character in alias):
            raise _bad_input("alias_domains", "one domain per entry, without spaces or commas", repr(alias))
    if not isinstance(ingress_secrets, list):
        raise _bad_input("ingress_secrets", "a list of {hosts, secretName}", _kind(ingress_secrets))
    for number, secret in enumerate(ingress_secrets):
        where = f"ingress_secrets[{number}]"
        if not isinstance(secret, dict):
            raise _bad_input(where, "{hosts, secretName}", _kind(secret))
        if not _is_text(secret.get("secretName")):
            raise _bad_input(f"{where}.secretName", "the name of a TLS Secret", repr(secret.get("secretName")))
        hosts = secret.get("hosts")
        if not isinstance(hosts, list) or not hosts or not all(_is_text(host) for host in hosts):
            raise _bad_input(f"{where}.hosts", "a list of at least one domain", repr(hosts))


def state(template):
    """UNTOUCHED, PARTLY or TRANSFORMED: how much of release 6.0.0 is present, by name, whatever the values."""
    check(template)
    config = template["JsonConfig"]
    present = [
        _holds(_pod(config), "volumes", VOLUME, _volume_key),
        *(_holds(config[container], "volumeMounts", MOUNT, _mount_key) for container in CONTAINERS),
        config.get("routingIngress") is not None,
        *(_holds(config, "Parameters", parameter, _parameter_key) for parameter in _parameters([], [])),
    ]
    if not any(present):
        return UNTOUCHED
    return TRANSFORMED if all(present) and "Job" not in config else PARTLY


def is_transformed(template):
    """Returns whether everything of release 6.0.0 is in the template."""
    return state(template) == TRANSFORMED


def _parameters(alias_domains, ingress_secrets):
    return (
        SNIPPET,
        {"Name": ALIAS_DOMAINS, "Value": ",".join(alias_domains)},
        {"Name": INGRESS_SECRETS, "Value": ingress_secrets},
    )


def _upsert(owner, field, entry, key):
    """Replaces the first entry with the same key, or appends; removes further entries with that key, keeps all
    others."""
    ours = key(entry)
    kept, placed = [], False
    for present in owner.get(field) or []:
        if key(present) != ours:
            kept.append(present)
        elif not placed:
            kept.append(deepcopy(entry))
            placed = True
    owner[field] = kept if placed else [*kept, deepcopy(entry)]


def _holds(owner, field, entry, key):
    return any(key(present) == key(entry) for present in owner.get(field) or [])


def _volume_key(entry):
    return _field(entry, "name")


def _mount_key(entry):
    return _field(entry, "mountPath").rstrip("/"), _field(entry, "name")


def _parameter_key(entry):
    return _field(entry, "Name")


def _field(entry, name):
    """The text that identifies an entry; empty if it has none or is not an object, so that it never matches ours."""
    value = entry.get(name) if isinstance(entry, dict) else None
    return value if isinstance(value, str) else ""


def _at_certs(mount):
    return _field(mount, "mountPath").rstrip("/") == MOUNT["mountPath"]


def _pod(config):
    return config["Deployment"]["spec"]["template"]["spec"]


def _mapping(template, path):
    """The object at a path, every part of which must be an object."""
    steps = path.split(".")
    here = template
    for depth, step in enumerate([*steps, None]):
        where = ".".join(steps[:depth]) or "the response"
        if not isinstance(here, dict):
            raise _unfit(path, "an object", f"{where} is {_kind(here)}")
        if step is None:
            return here
        if step not in here:
            raise _unfit(path, "an object", f"{where} has no {step}, but {_keys(here)}")
        here = here[step]


def _entries(owner, field, path):
    """The list in a field; absent and null are empty, as in jq."""
    value = owner.get(field)
    if value is not None and not isinstance(value, list):
        raise _unfit(f"{path}.{field}", "a list, null or absent", _kind(value))
    return value or []


def _unfit(path, expected, seen):
    return TemplateError(
        "this is not the registry's K8s template", obj=path, expected=expected, seen=seen, next_step=_LOOK
    )


def as_text(template):
    """The template as a diff shows it."""
    return json.dumps(template, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _bad_input(where, expected, seen):
    return InputError("the K8s template cannot be built from this input", obj=where, expected=expected, seen=seen)


def _is_text(value):
    return isinstance(value, str) and value.strip() != ""


def _keys(mapping):
    """The keys as text, never values: a template may contain passwords."""
    names = sorted(str(key) for key in mapping)[:10]
    return "no keys" if not names else "the keys " + ", ".join(names)


def _kind(value):
    if value is None:
        return "null"
    if isinstance(value, str) and not value.strip():
        return "empty"
    names = {
        bool: "true or false",
        dict: "an object",
        list: "an array",
        str: "a string",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), type(value).__name__)
