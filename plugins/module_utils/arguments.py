# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that modules share, and the objects built from their values."""

from __future__ import annotations

import json
import re

from .engine import steps
from .errors import InputError
from .k8s.cluster import Cluster
from .language import Language
from .live_progress import PROGRESS, LiveProgress
from .redaction.text import of_environment

# JSON rather than a dict or a list: no_log would mask every single value, such as a lone "1", in every result.
SHOWN_NOWHERE = {"type": "json", "default": "", "no_log": True}
MASK = {"mask": SHOWN_NOWHERE}

CLUSTER = {
    "kubeconfig": {"type": "path"},
    "kube_context": {"type": "str"},
    "namespace": {"type": "str", "required": True},
    **MASK,
}

PLAN = {
    "plan": {
        "type": "dict",
        "required": True,
        "options": {
            "release": {"type": "dict", "required": True},
            "modules": {"type": "list", "elements": "str", "required": True},
            "prefetch_images": {"type": "bool", "default": True},
            "configure": {"type": "bool", "default": False},
            "online": {"type": "bool", "default": True},
            "registry_replicas": {"type": "str", "default": "monqctl", "choices": ["monqctl", "manual"]},
            "rollout_gate": {"type": "str", "default": "module", "choices": ["module", "end"]},
            "backup_databases": {"type": "list", "elements": "str", "default": []},
            "backup_in_outage": {"type": "bool", "default": False},
            "variables": {"type": "dict", "default": {}},
        },
    },
}

RUN = {
    **CLUSTER,
    **PLAN,
    "lock_id": {"type": "str", "default": ""},
    "lock_duration": {"type": "int", "default": 120},
    "resolve": {"type": "dict", "default": {}},
    "monqctl_home": {"type": "path", "default": "~"},
    "spool_directory": {"type": "path", "default": ""},
    "spool_host": {"type": "str", "default": ""},
    "approved_plan": {"type": "str", "default": ""},
    **PROGRESS,
    "words": {"type": "dict", "default": {}},
}

MONQCTL = {
    "monqctl_path": {"type": "str", "default": "monqctl"},
    "monqctl_home": {"type": "path", "default": "~"},
    "monqctl_context": {"type": "str", "required": True},
    "monqctl_environment": SHOWN_NOWHERE,
    "monqctl_timeout": {"type": "int", "default": 3600},
    "client_rules": {"type": "dict", "default": {}},
    "effect_timeout": {"type": "int", "default": 120},
    "image_registry": {"type": "str", "default": ""},
    "replica_commands": {"type": "dict", "default": {}},
    **MASK,
}

DOMAINS = {
    "domain": {"type": "str", "required": True},
    "alias_domains": {"type": "list", "elements": "str", "default": []},
    "alias_ingresses": {"type": "list", "elements": "str", "default": []},
}

INGRESS_SECRETS = {
    "ingress_secrets": {"type": "list", "elements": "dict", "required": True, "no_log": False},
}

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def cluster(params):
    """The cluster that the parameters name. Raises InputError for an invalid namespace, and ApiUnreachable for a
    kubeconfig that cannot be used."""
    # An empty namespace would turn the first object's name into the namespace (trap 4).
    if not NAME.fullmatch(params["namespace"] or ""):
        raise InputError(
            "monq_namespace is not a valid namespace name",
            "monq_namespace",
            "lower-case letters, digits and hyphens",
            repr(params["namespace"]),
            "set monq_namespace in the inventory",
        )
    return Cluster.connect(params["kubeconfig"], params["kube_context"], known_secrets(params))


def plan(params):
    """The upgrade's list of steps."""
    given = dict(params["plan"])
    variables = given.pop("variables")
    given["backup_databases"] = given["backup_databases"] or None
    return steps.plan(**given, **variables)


def words(params):
    """The operator's language, as the action plugin gave it; English without it."""
    return Language(**(params.get("words") or {}))


def live_progress(params, *secrets):
    """Where a module says what it is doing. secrets: further secrets that no text may show."""
    return LiveProgress(params.get("progress"), [*known_secrets(params), *secrets])


def known_secrets(params):
    """The secrets to mask everywhere: those in the operator's variables and in monqctl's environment."""
    given = _loaded(params.get("mask") or "[]", list, "mask", "a list of secrets", "secrets")
    return [str(secret) for secret in given] + of_environment(environment(params))


def environment(params):
    """The environment variables passed to monqctl."""
    text = params.get("monqctl_environment") or "{}"
    found = _loaded(text, dict, "monq_monqctl_environment", "a set of variables", "names with values")
    return {str(name): str(value) for name, value in found.items()}


def _loaded(text, kind, name, what, expected):
    try:
        found = json.loads(text)
        if isinstance(found, kind):
            return found
    except ValueError:
        pass
    raise InputError(f"{name} is not {what}", name, expected, "something else", "correct it in the inventory")
