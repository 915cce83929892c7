# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from ..k8s import routes
from .finding import STOP, finding

DOMAIN = re.compile(r"(\*\.)?([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z0-9]([-a-z0-9]*[a-z0-9])?")
FIX = "correct it in the inventory"
REPLACED = {"monq_monqctl_failure_patterns": "monq_client_rules"}


def examine(given):
    """Findings on the operator's variables alone."""
    return (
        _obsolete(given) + _doubles(given) + _domains(given) + _secrets(given) + _confirmation(given) + _monqctl(given)
    )


def _stop(obj, expected, seen, then=FIX, check="inputs"):
    return finding(check, STOP, obj, expected, seen, then)


def _obsolete(given):
    return [
        _stop(name, f"{REPLACED[name]}, which takes its place", "set, but no longer read", f"use {REPLACED[name]}")
        for name in given["obsolete"]
    ]


def _doubles(given):
    if not given["doubles"]:
        return []
    then = "remove all but one of them from the inventory"
    return [_stop("inventory", "one host for each installation", f"also {', '.join(given['doubles'])}", then)]


def _named(given):
    """[(variable, domain)]"""
    return [("monq_domain", given["domain"])] + [("monq_alias_domains", alias) for alias in given["alias_domains"]]


def _domains(given):
    domains = _named(given)
    expected = "a domain name without spaces, such as monq.domain.com or *.monq.domain.com"
    found = [
        _stop(name, expected, repr(value))
        for name, value in domains
        if not isinstance(value, str) or not DOMAIN.fullmatch(value)
    ]
    if len({value for name, value in domains}) != len(domains):
        seen = ", ".join(map(str, given["alias_domains"]))
        found.append(_stop("monq_alias_domains", "each domain once, and not monq_domain again", seen))
    return found


def _secrets(given):
    found, covered = [], []
    for secret in given["ingress_secrets"]:
        hosts, name = secret.get("hosts") or [], secret.get("secretName") or ""
        if not hosts or not name:
            expected = "hosts (a non-empty list) and secretName in each item"
            found.append(_stop("monq_ingress_secrets", expected, f"hosts {hosts!r}, secretName {name!r}"))
        covered += hosts
    bare = [value for _name, value in _named(given) if not routes.within(value, covered)]
    if bare:
        expected = "hosts that cover the main domain and every alias domain"
        seen = "not covered: " + ", ".join(map(str, bare))
        found.append(_stop("monq_ingress_secrets", expected, seen, check="domains"))
    return found


def _confirmation(given):
    name = given["environment"]
    if not given["confirmation_required"] or given["confirm_outage"] == name:
        return []
    expected = f"{name} (the installation will be down during the upgrade)"
    seen, then = repr(given["confirm_outage"]), f"add -e monq_confirm_outage={name}"
    return [_stop("monq_confirm_outage", expected, seen, then, "confirmation")]


def _monqctl(given):
    plan, found = given["plan"], []
    variables = plan["variables"]
    if plan["online"] and not given["releasehub_token"]:
        expected = "a new token; Monq 6 invalidates the old ones"
        then = "ask Monq support for one, or set monq_registry_source_dir and monq_release_source_dir"
        found.append(_stop("monq_releasehub_token", expected, "none", then))
    needed = {"monqctl_context": "context", "credential_name": "credential_name"}
    if plan["online"] or plan["configure"]:
        needed["releasehub_name"] = "releasehub_name"
    if plan["configure"]:
        needed.update(instance_name="instance_name", registry_server="registry_server")
    for name, variable in needed.items():
        if not variables.get(variable):
            found.append(_stop(f"monq_{name}", "a value", "none", "set it in the inventory"))
    return found
