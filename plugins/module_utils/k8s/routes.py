# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


def hosts(ingress):
    return [rule.get("host", "") for rule in ingress["spec"].get("rules") or []]


def pairs(ingress):
    """Every (host, path) that an Ingress holds; no path means all of the host."""
    return {
        (rule.get("host", ""), path.get("path") or "/")
        for rule in ingress["spec"].get("rules") or []
        for path in (rule.get("http") or {}).get("paths") or [{}]
    }


def within(host, domains):
    """A domain itself, or one label under a wildcard."""
    return any(
        host == domain or (domain.startswith("*.") and host.partition(".")[2] == domain[2:] and host.partition(".")[0])
        for domain in domains
    )


def is_alias_route(ingress, prefix, alias_domains):
    """Begins with the prefix and leads nowhere but to alias domains: a prefix alone hits strangers (traps 1, 2)."""
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
    """[{name, uid}] of the old routing: the notes' names, then alias routes (derived, or as the operator lists
    them)."""
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
    """The (host, path) pairs of a survivor that Monq's new routing will want: those of the old routes, and the root
    of every domain."""
    wanted_paths = {path for ingress in cut_ingresses for host, path in pairs(ingress) if within(host, domains)} | {"/"}
    return sorted((host, path) for host, path in pairs(survivor) if within(host, domains) and path in wanted_paths)


def served(ingresses, cut_uids, domains):
    """The domains that an Ingress which is not one of the old ones serves."""
    new = [i for i in ingresses if i["metadata"]["uid"] not in cut_uids]
    return [domain for domain in domains if any(domain in hosts(i) for i in new)]
