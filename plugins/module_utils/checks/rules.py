# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fnmatch
import re

from ..k8s import routes
from ..k8s.rollout import healthy
from .finding import INFO, STOP, WARNING, finding

OLDEST, NEWEST = (1, 16), (1, 21)


def server(version, groups):
    """Findings on the API server: its version (None if it could not be read), and whether it serves the API of the new
    routes."""
    return server_version(version) + server_api(groups)


def server_version(version):
    seen = tuple(int(re.sub(r"\D", "", str((version or {}).get(part, "0"))) or 0) for part in ("major", "minor"))
    if not version or OLDEST <= seen <= NEWEST:
        return []
    shown = version.get("gitVersion") or ".".join(map(str, seen))
    return [finding("kubernetes.version", STOP if seen < OLDEST else WARNING, version=shown)]


def server_api(groups):
    return [] if "extensions/v1beta1/ingresses" in groups else [finding("kubernetes.api", STOP)]


def detected(release, deployments, ingresses):
    """The modules detected in an installation, by Deployments or old routes."""
    names = [d["metadata"]["name"] for d in deployments]
    route_names = {i["metadata"]["name"] for i in ingresses}
    return [
        module
        for module, data in release["modules"].items()
        if any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in data["deployments"])
        or route_names & set(data["legacy_routes"])
    ]


def modules(release, declared, deployments, ingresses):
    """Findings on declared but not detected modules, and the reverse."""
    seen = detected(release, deployments, ingresses)
    found = [finding("modules.undeclared", STOP, module=m) for m in seen if m not in declared]
    return found + [finding("modules.absent", STOP, module=m) for m in declared if m not in seen]


def signature(release, declared, ingresses):
    """Findings if an installation does not look like the previous release, in which each module has its old routes."""
    names = {i["metadata"]["name"] for i in ingresses}
    bare = [m for m in declared if not names & set(release["modules"][m]["legacy_routes"])]
    return [finding("version.routes", STOP, modules=bare, previous=release["previous"])] if bare else []


def routing(release, declared, ingresses, given, elsewhere=()):
    """Findings on Ingresses other than the old routes, here or in other namespaces: one on Monq's host and path would
    block the new routes."""
    alias, listed = given["alias_domains"], given["alias_ingresses"]
    cut = routes.to_cut(ingresses, release, declared, alias, listed)
    uids = {route["uid"] for route in cut}
    domains = [given["domain"], *alias]
    found = []
    for ingress in routes.survivors(ingresses, cut) + list(elsewhere):
        name = f"{ingress['metadata'].get('namespace', '')}/{ingress['metadata']['name']}"
        held = routes.conflicts(ingress, [i for i in ingresses if i["metadata"]["uid"] in uids], domains)
        if held:
            found.append(finding("routing.conflict", STOP, ingress=name, pairs=[h + p for h, p in held]))
        elif ingress not in elsewhere and ingress["metadata"]["name"].startswith(release["alias_route_prefix"]):
            found.append(finding("routing.unrelated", INFO, ingress=name, hosts=routes.hosts(ingress)))
    names = {i["metadata"]["name"] for i in ingresses}
    return found + [finding("routing.alias_missing", STOP, ingress=n) for n in listed or [] if n not in names]


def health(deployments):
    """Warnings about Deployments that are unhealthy before the upgrade; their rollout will not be waited for."""
    sick = sorted(d["metadata"]["name"] for d in deployments if not healthy(d))
    paused = sorted(d["metadata"]["name"] for d in deployments if d["spec"].get("paused"))
    return [finding("health.unhealthy", WARNING, deployment=name) for name in sick] + [
        finding("health.paused", WARNING, deployment=name) for name in paused
    ]


def leaving(namespace, deployments, ingresses):
    """Findings on objects that are being deleted, and on routes whose deletion would wait for a controller: both would
    be noticed only in the outage."""
    found = []
    for kind, objects in (("Deployment", deployments), ("Ingress", ingresses)):
        for obj in objects:
            meta = obj["metadata"]
            name, held = f"{kind} {namespace}/{meta['name']}", ", ".join(meta.get("finalizers") or [])
            if meta.get("deletionTimestamp"):
                since = meta["deletionTimestamp"]
                found.append(finding("health.deleting", STOP, object=name, since=since, finalizers=held or "nothing"))
            elif held and kind == "Ingress":
                found.append(finding("routing.finalizers", WARNING, object=name, finalizers=held))
    return found


def monqctl_version(seen, wanted):
    need = tuple(int(part) for part in wanted.split("."))
    return [] if seen >= need else [finding("monqctl.version", STOP, needed=wanted, version=".".join(map(str, seen)))]


def template_of_prepare():
    return finding("template.changed", STOP)


def template(state, begun):
    """Findings on the K8s template: it must be untouched unless this release's ledger records its transformation."""
    return [] if state == "untouched" or begun else [finding("template.by_hand", STOP, state=state)]
