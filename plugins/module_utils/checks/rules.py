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
    found = []
    seen = tuple(int(re.sub(r"\D", "", str((version or {}).get(part, "0"))) or 0) for part in ("major", "minor"))
    if version and not OLDEST <= seen <= NEWEST:
        found.append(
            finding(
                "kubernetes",
                STOP if seen < OLDEST else WARNING,
                "API server",
                "1.16 to 1.21",
                version.get("gitVersion", seen),
                "use a cluster with a supported version",
            )
        )
    if "extensions/v1beta1/ingresses" not in groups:
        found.append(
            finding(
                "kubernetes",
                STOP,
                "API extensions/v1beta1",
                "serves Ingresses: the new routes of this release use it",
                "not served (removed in Kubernetes 1.22)",
                "use a cluster with Kubernetes 1.21 or older",
            )
        )
    return found


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
    found = [
        finding(
            "modules",
            STOP,
            f"module {m}",
            "declared in monq_modules",
            "installed here, but not declared",
            "add it to monq_modules",
        )
        for m in seen
        if m not in declared
    ]
    found += [
        finding(
            "modules",
            STOP,
            f"module {m}",
            "installed, as declared in monq_modules",
            "none of its Deployments or routes exists",
            "remove it from monq_modules, or check monq_namespace",
        )
        for m in declared
        if m not in seen
    ]
    return found


def signature(release, declared, ingresses):
    """Findings if an installation does not look like the previous release, in which each module has its old routes."""
    names = {i["metadata"]["name"] for i in ingresses}
    bare = [m for m in declared if not names & set(release["modules"][m]["legacy_routes"])]
    return (
        [
            finding(
                "version",
                STOP,
                f"old routes of {', '.join(bare)}",
                f"the Ingresses of Monq {release['previous']}",
                "none, and no ledger of this release to resume",
                f"make sure that this is Monq {release['previous']}; a newer version needs no upgrade",
            )
        ]
        if bare
        else []
    )


def routing(release, declared, ingresses, given, elsewhere=()):
    """Findings on Ingresses other than the old routes, here or in other namespaces: one on Monq's host and path would
    block the new routes."""
    alias, listed = given["alias_domains"], given["alias_ingresses"]
    cut = routes.to_cut(ingresses, release, declared, alias, listed)
    uids = {route["uid"] for route in cut}
    domains = [given["domain"], *alias]
    found = []
    for ingress in routes.survivors(ingresses, cut) + list(elsewhere):
        name = f"Ingress {ingress['metadata'].get('namespace', '')}/{ingress['metadata']['name']}"
        held = routes.conflicts(ingress, [i for i in ingresses if i["metadata"]["uid"] in uids], domains)
        if held:
            found.append(
                finding(
                    "routing",
                    STOP,
                    name,
                    "no host and path that the new routes need",
                    ", ".join(h + p for h, p in held),
                    "delete it, or add it to monq_alias_ingresses if it is an alias route",
                )
            )
        elif ingress not in elsewhere and ingress["metadata"]["name"].startswith(release["alias_route_prefix"]):
            found.append(
                finding(
                    "routing",
                    INFO,
                    name,
                    "an alias route, or an unrelated Ingress",
                    "hosts " + ", ".join(routes.hosts(ingress)) + ": it is kept",
                )
            )
    names = {i["metadata"]["name"] for i in ingresses}
    found += [
        finding(
            "routing",
            STOP,
            f"Ingress {name}",
            "present, as listed in monq_alias_ingresses",
            "none",
            "correct monq_alias_ingresses",
        )
        for name in listed or []
        if name not in names
    ]
    return found


def health(deployments):
    """Warnings about Deployments that are unhealthy before the upgrade; their rollout will not be waited for."""
    sick = sorted(d["metadata"]["name"] for d in deployments if not healthy(d))
    paused = sorted(d["metadata"]["name"] for d in deployments if d["spec"].get("paused"))
    found = [
        finding(
            "health",
            WARNING,
            f"Deployment {name}",
            "healthy",
            "not all pods are available",
            "repair it first, or continue: the run will not wait for it",
        )
        for name in sick
    ]
    return found + [
        finding(
            "health",
            WARNING,
            f"Deployment {name}",
            "not paused",
            "paused: Replace will start it",
            "no action needed; be aware before continuing",
        )
        for name in paused
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
                seen = f"being deleted since {meta['deletionTimestamp']}, held by {held or 'nothing'}"
                then = "make sure that the controllers of its finalizers work, or remove the finalizers"
                found.append(finding("health", STOP, name, "not being deleted", seen, then))
            elif held and kind == "Ingress":
                then = "make sure that their controllers work: the route is not gone before they have finished"
                found.append(finding("routing", WARNING, name, "no finalizers", held, then))
    return found


def monqctl_version(seen, wanted):
    need = tuple(int(part) for part in wanted.split("."))
    return (
        []
        if seen >= need
        else [
            finding(
                "monqctl",
                STOP,
                "monqctl",
                f"{wanted} or newer",
                ".".join(map(str, seen)),
                "install the recommended monqctl; see monq_monqctl_path",
            )
        ]
    )


def template_of_prepare():
    return finding(
        "template",
        STOP,
        "K8s template in the registry",
        "as prepare applied it for monq_alias_domains and monq_ingress_secrets",
        "the variables or the template have changed since",
        "set both variables back to what prepare applied, or apply a template for the new values by hand (monqctl "
        "registry apply service K8s)",
    )


def template(state, begun):
    """Findings on the K8s template: it must be untouched unless this release's ledger records its transformation."""
    if state == "untouched" or begun:
        return []
    return [
        finding(
            "version",
            STOP,
            "K8s template in the registry",
            "untouched",
            f"{state}, but no ledger of this release records the change",
            "the upgrade was started by hand: finish it by hand, or restore the template",
        )
    ]
