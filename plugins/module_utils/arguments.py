# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re

from .engine import sql_files, steps
from .engine.lease import Lease
from .engine.ledger import of_upgrade
from .engine.runner import GuardedRun
from .engine.spool import EmergencyCopies
from .errors import InputError
from .k8s.cluster import Cluster
from .monqctl.client import Monqctl
from .redaction.text import of_environment

# As JSON, and not as a dict or a list: of these, no_log would mask each value, such as a lone "1", wherever the results hold it.
SHOWN_NOWHERE = {"type": "json", "default": "", "no_log": True}
MASK = {"mask": SHOWN_NOWHERE}

CLUSTER = {
    "kubeconfig": {"type": "path"},
    "kube_context": {"type": "str"},
    "namespace": {"type": "str", "required": True},
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
    "emergency_directory": {"type": "path", "default": ""},
    "emergency_host": {"type": "str", "default": ""},
    **MASK,
}

MONQCTL = {
    "monqctl_path": {"type": "str", "default": "monqctl"},
    "monqctl_home": {"type": "path", "default": "~"},
    "monqctl_context": {"type": "str", "required": True},
    "monqctl_environment": SHOWN_NOWHERE,
    "monqctl_timeout": {"type": "int", "default": 3600},
    "monqctl_failure_patterns": {"type": "dict", "default": {}},
    "replica_commands": {"type": "dict", "default": {}},
    **MASK,
}


NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def cluster(params):
    # An empty namespace would turn the first object's name into the namespace (trap 4).
    if not NAME.fullmatch(params["namespace"] or ""):
        raise InputError(
            "monq_namespace is not the name of a namespace",
            "monq_namespace",
            "lower-case letters, digits and hyphens",
            repr(params["namespace"]),
            "set monq_namespace in the inventory",
        )
    return Cluster.connect(params["kubeconfig"], params["kube_context"], known_secrets(params))


def plan(params):
    given = dict(params["plan"])
    variables = given.pop("variables")
    given["backup_databases"] = given["backup_databases"] or None
    return steps.plan(**given, **variables)


def monqctl(params, run=None):
    """run: the guarded run whose fence is asked before every changing call."""
    return Monqctl(
        params["monqctl_path"],
        params["monqctl_home"],
        _environment(params["monqctl_environment"]),
        params["monqctl_timeout"],
        params["monqctl_context"],
        params["monqctl_failure_patterns"],
        fence=run.fence if run else None,
        secrets=known_secrets(params),
    )


def known_secrets(params):
    """What is to be masked wherever it turns up: the secrets of the operator's variables, and those of monqctl's environment."""
    given = _loaded(params.get("mask") or "[]", list, "mask", "a list of secrets", "secrets")
    return [str(secret) for secret in given] + of_environment(_environment(params.get("monqctl_environment")))


def _environment(text):
    found = _loaded(text or "{}", dict, "monq_monqctl_environment", "a set of variables", "names with values")
    return {str(name): str(value) for name, value in found.items()}


def _loaded(text, kind, name, what, expected):
    try:
        found = json.loads(text)
        if isinstance(found, kind):
            return found
    except ValueError:
        pass
    raise InputError(f"{name} is not {what}", name, expected, "something else", "correct it in the inventory")


def ledger(params, connection=None):
    return of_upgrade(connection or cluster(params), params["namespace"], params["plan"]["release"]["version"])


def guarded_run(params, check_mode, connection=None):
    """What every changing module starts from: plan, ledger, lease and the mark of monqctl's home."""
    connection = connection or cluster(params)
    home = Monqctl(home=params["monqctl_home"])
    given = params["plan"]
    run = GuardedRun(
        plan(params),
        ledger(params, connection),
        Lease(connection, params["namespace"], params["lock_duration"]),
        params["lock_id"],
        home.marker(),
        home.make_marker,
        params["resolve"],
        check_mode,
        {name: given[name] for name in ("modules", "prefetch_images", "registry_replicas", "backup_databases", "backup_in_outage")},
        sql_files.digests(given["release"], given["modules"], given["variables"].get("release_source_dir")),
        EmergencyCopies(params["emergency_directory"], params["emergency_host"], given["release"]["version"]),
    )
    connection.fence = run.fence
    run.renew()
    return run
