# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def hosts(ingress):
    return [rule.get("host", "") for rule in ingress["spec"].get("rules") or []]


def pairs(ingress):
    """Every (host, path) of an Ingress; no path means the whole host."""
    return {
        (rule.get("host", ""), path.get("path") or "/")
        for rule in ingress["spec"].get("rules") or []
        for path in (rule.get("http") or {}).get("paths") or [{}]
    }


def within(host, domains):
    """Returns whether a host is one of the domains, or one label below a wildcard."""
    return any(
        host == domain or (domain.startswith("*.") and host.partition(".")[2] == domain[2:] and host.partition(".")[0])
        for domain in domains
    )


def is_alias_route(ingress, prefix, alias_domains):
    """Returns whether an Ingress has the prefix and only alias domains as hosts: the prefix alone matches unrelated
    Ingresses (traps 1, 2)."""
    found = hosts(ingress)
    return (
        ingress["metadata"]["name"].startswith(prefix)
        and bool(found)
        and all(within(host, alias_domains) for host in found)
    )


def legacy_names(release, modules):
    return [
        name
        for module in release["order"]["routing"]
        if module in modules
        for name in release["modules"][module]["legacy_routes"]
    ]


def to_cut(ingresses, release, modules, alias_domains, alias_ingresses=()):
    """[{name, uid}] of the old routes: those named in the notes, then alias routes (derived, or listed by the
    operator)."""
    known = {i["metadata"]["name"]: i for i in ingresses}
    names = [name for name in legacy_names(release, modules) if name in known]
    if not alias_ingresses:
        alias = [n for n, i in sorted(known.items()) if is_alias_route(i, release["alias_route_prefix"], alias_domains)]
    else:
        alias = [name for name in alias_ingresses if name in known]
    names += [name for name in alias if name not in names]
    return [{"name": name, "uid": known[name]["metadata"]["uid"]} for name in names]


def survivors(ingresses, cut):
    gone = {route["uid"] for route in cut}
    return [i for i in ingresses if i["metadata"]["uid"] not in gone]


def conflicts(survivor, cut_ingresses, domains):
    """The (host, path) pairs of a survivor that Monq's new routes will need: those of the old routes, and the root of
    every domain."""
    wanted_paths = {path for ingress in cut_ingresses for host, path in pairs(ingress) if within(host, domains)} | {"/"}
    return sorted((host, path) for host, path in pairs(survivor) if within(host, domains) and path in wanted_paths)


def served(ingresses, cut_uids, domains):
    """The domains served by an Ingress that is not one of the old routes."""
    new = [i for i in ingresses if i["metadata"]["uid"] not in cut_uids]
    return [domain for domain in domains if any(domain in hosts(i) for i in new)]
