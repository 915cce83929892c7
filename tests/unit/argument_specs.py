"""Options of modules and roles: the suboptions, and those that are secrets."""

from __future__ import annotations

import re


def options(spec, prefix=""):
    """(name, option) of a spec and its suboptions."""
    for name, option in (spec or {}).items():
        yield prefix + name, option
        yield from options(option.get("options"), f"{prefix}{name}.")


SECRET = re.compile(r"password|token|secret|passphrase|private_?key|credential(?!_name|_step)", re.IGNORECASE)
# Names of things, not the things: each with no_log: false, so that Ansible does not guess.
NO_SECRETS = {
    "secretName",
    "ingress_secrets",
    "secret_step",
    "registry_token_step",
    "monq_ingress_secrets",
    "credentials",  # names of AWX's
    "monq_registry_token_rotate",
}
HARMLESS = {"credential_name", "monq_registry_token_rotate"}


def judge_secret(name, option):
    word = name.rpartition(".")[2]
    if not SECRET.search(word) or word in HARMLESS or option["type"] in ("bool", "int"):
        return None
    if word in NO_SECRETS or word.endswith("_ingress_secrets"):
        return None if option.get("no_log") is False or option.get("options") else f"{name}: say no_log: false"
    suboptions = option.get("options") or {}
    if option.get("no_log") is not True and not suboptions:
        return f"{name}: a secret without no_log"
    return None
