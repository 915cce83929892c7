# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from ..k8s import routes
from .examination import Examination
from .finding import STOP, finding

DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]*[a-z0-9])?")
REPLACED = {"monq_monqctl_failure_patterns": "monq_client_rules"}


def examine(given, secrets=()):
    """Findings on the operator's variables alone."""
    made = Examination(secrets)
    made.make("inputs.obsolete", _obsolete, given, subject="the operator's variables")
    made.make("inputs.doubles", _doubles, given, subject="the inventory")
    made.make("inputs.shared", _shared, given, subject="the inventory")
    made.make("inputs.domain", _domains, given, subject="monq_domain and monq_alias_domains")
    made.make("inputs.ingress_secret", _secrets, given, subject="monq_ingress_secrets")
    made.make("confirmation", _confirmation, given, subject="monq_confirm_outage")
    made.make("inputs.missing", _monqctl, given, subject="the variables for monqctl")
    return made.findings


def _obsolete(given):
    return [finding("inputs.obsolete", STOP, variable=name, replacement=REPLACED[name]) for name in given["obsolete"]]


def _doubles(given):
    if not given["doubles"]:
        return []
    return [finding("inputs.doubles", STOP, hosts=given["doubles"])]


def _shared(given):
    return [finding("inputs.shared", STOP, variable=name, hosts=hosts) for name, hosts in given["shared"].items()]


def _named(given):
    """[(variable, domain)]"""
    return [("monq_domain", given["domain"])] + [("monq_alias_domains", alias) for alias in given["alias_domains"]]


def _domains(given):
    domains = _named(given)
    found = [
        finding("inputs.domain", STOP, variable=name, value=repr(value))
        for name, value in domains
        if not isinstance(value, str) or not DOMAIN.fullmatch(value)
    ]
    if len({value for name, value in domains}) != len(domains):
        found.append(finding("inputs.duplicate_domain", STOP, domains=given["alias_domains"]))
    return found


def _secrets(given):
    found, covered = [], []
    for secret in given["ingress_secrets"]:
        hosts, name = secret.get("hosts") or [], secret.get("secretName") or ""
        if not hosts or not name:
            found.append(finding("inputs.ingress_secret", STOP, hosts=repr(hosts), secret=repr(name)))
        covered += hosts
    bare = [value for _name, value in _named(given) if not routes.within(value, covered)]
    if bare:
        found.append(finding("domains.uncovered", STOP, domains=bare))
    return found


def _confirmation(given):
    name = given["environment"]
    if not given["confirmation_required"] or given["confirm_outage"] == name:
        return []
    return [finding("confirmation", STOP, environment=name, value=repr(given["confirm_outage"]))]


def _monqctl(given):
    plan, found = given["plan"], []
    variables = plan["variables"]
    if plan["online"] and not given["releasehub_token"]:
        found.append(finding("inputs.releasehub_token", STOP))
    needed = {"monqctl_context": "context", "credential_name": "credential_name"}
    if plan["online"] or plan["configure"]:
        needed["releasehub_name"] = "releasehub_name"
    if plan["configure"]:
        needed.update(instance_name="instance_name", registry_server="registry_server")
    for name, variable in needed.items():
        if not variables.get(variable):
            found.append(finding("inputs.missing", STOP, variable=f"monq_{name}"))
    return found
