# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

from ..engine.snapshots import orphans
from ..errors import ApiError
from ..k8s import objects, permissions
from ..k8s.cluster import core, ingress_api
from . import certificates, rules
from .finding import INFO, STOP, finding, inside_outage, lost_ledger

OUTSIDE = {
    resource: permissions.in_words(group, resource, verbs[0])
    for group, resource, verbs, _purpose in permissions.OPTIONAL
}
GRANT = "grant it to the account in monq_kubeconfig; docs/permissions/monq-upgrade.yml has everything that is needed"
SILENT = (
    "no action needed, but failure messages will show less; the Role monq-upgrade-diagnostics in "
    "docs/permissions/monq-upgrade.yml allows it"
)
LISTED = (
    "nothing: rollouts are then read once a second. Role monq-upgrade of docs/permissions/monq-upgrade.yml allows it"
)


def examine(cluster, given, session, state):
    """All findings on the cluster.

    session: None if the ledger or the plan cannot be read. state: the preflight's; finished and cut are used.
    """
    release, namespace = given["plan"]["release"], given["namespace"]
    there, found = _namespace(cluster, namespace)
    if not there:
        return found
    if state["finished"]:
        return found + _identity(release, namespace, objects.deployments(cluster, namespace))
    version, unread = _optional(cluster, "/version", "the API server's version", OUTSIDE["/version"])
    found += unread + rules.server(version, _groups(cluster))
    needed = permissions.reviews(namespace, named=permissions.names(release))
    denied = refused(cluster, namespace, needed, STOP, GRANT)
    found += denied
    if denied or session is None:
        return found
    found += refused(cluster, namespace, permissions.reviews(namespace, permissions.FOLLOWED), INFO, LISTED)
    found += refused(cluster, namespace, permissions.reviews(namespace, permissions.DIAGNOSTICS), INFO, SILENT)
    entries = session.run.ledger.entries
    snapshots = orphans(cluster, namespace, release["version"], session.run.ledger)
    if snapshots:  # other differences are that run's changes, not findings
        return [*found, lost_ledger(release, namespace, snapshots)]
    return found + _installation(cluster, given, bool(entries), state["cut"])


def _namespace(cluster, namespace):
    """Returns whether the namespace exists, and findings. An account limited to the namespace may not read Namespaces;
    the registry's Deployment then decides (trap 11)."""
    path = f"/api/v1/namespaces/{namespace}"
    seen, unread = _optional(cluster, path, f"namespace {namespace}", OUTSIDE["namespaces"])
    if seen or unread:
        return True, unread
    then = "check monq_namespace and monq_kube_context"
    return False, [finding("identity", STOP, f"namespace {namespace}", "present", "not in this cluster", then)]


def _installation(cluster, given, begun, cut):
    release, namespace, declared = given["plan"]["release"], given["namespace"], given["plan"]["modules"]
    deployments, routes = objects.deployments(cluster, namespace), objects.routes(cluster, namespace)
    installed = _identity(release, namespace, deployments) + rules.modules(release, declared, deployments, routes)
    installed += _certificates(cluster, namespace, given["ingress_secrets"])
    # A killed Replace may have left a module without a Deployment: only running it again restores it.
    found = inside_outage(installed) if cut else installed
    if not cut:
        elsewhere, unread = _elsewhere(cluster, namespace)
        found += unread + rules.routing(release, declared, routes, given, elsewhere)
        found += rules.signature(release, declared, routes) + rules.leaving(namespace, deployments, routes)
    if not begun:
        found += rules.health(deployments)
    return found


def _optional(cluster, path, what, verb):
    """Returns (object, []), or (None, [information]) if this account may not read it, or (None, []) if it does not
    exist."""
    try:
        return cluster.find(path), []
    except ApiError as exc:
        if exc.status != 403:
            raise
        return None, [_unread(what, verb)]


def _unread(what, verb):
    seen, then = "not read: denied to this account", f"no action needed; to include it, allow {verb} cluster-wide"
    return finding("permissions", INFO, what, "readable", seen, then)


def _identity(release, namespace, deployments):
    wanted = release["registry_deployment"]
    if any(d["metadata"]["name"] == wanted for d in deployments):
        return []
    return [
        finding(
            "identity",
            STOP,
            f"Deployment {namespace}/{wanted}",
            "present: the registry runs here",
            "none",
            "check monq_namespace and monq_kube_context",
        )
    ]


def _groups(cluster):
    found = cluster.find("/apis/extensions/v1beta1")
    return {f"extensions/v1beta1/{r['name']}" for r in (found or {}).get("resources", [])}


def refused(cluster, namespace, reviews, severity, then):
    """Findings for every verb that the API server denies to this account."""
    found = []
    for review, purpose in reviews:
        answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        if not answer.get("status", {}).get("allowed"):
            what = f"{permissions.described(review)} in {namespace}"
            found.append(finding("permissions", severity, what, f"allowed ({purpose})", "denied to this account", then))
    return found


def _elsewhere(cluster, namespace):
    """Ingresses in other namespaces, which may use Monq's hosts too. An account that may not read them is not a reason
    to stop."""
    found, unread = _optional(
        cluster, ingress_api(cluster) + "/ingresses", "Ingresses in other namespaces", OUTSIDE["ingresses"]
    )
    return [i for i in (found or {}).get("items") or [] if i["metadata"]["namespace"] != namespace], unread


def _certificates(cluster, namespace, wanted):
    found = []
    for item in wanted:
        name, data = item.get("secretName"), {}
        secret = cluster.find(core(namespace, "secrets", name)) if name else None
        if not secret or secret.get("type") != "kubernetes.io/tls":
            seen = f"a Secret of type {secret.get('type')}" if secret else "none"
            then = "create it, or correct monq_ingress_secrets"
            expected = "a TLS Secret (kubernetes.io/tls)"
            found.append(finding("domains", STOP, f"Secret {namespace}/{name}", expected, seen, then))
            continue
        for key in ("tls.crt", "tls.key"):
            data[key] = base64.b64decode((secret.get("data") or {}).get(key) or "")
        found += certificates.examine(name, item.get("hosts") or [], data["tls.crt"], data["tls.key"])
    return found
