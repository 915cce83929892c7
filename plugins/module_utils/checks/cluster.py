# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import re

from ..engine.snapshots import orphans
from ..errors import ApiError
from ..k8s import objects, permissions
from ..k8s.cluster import core, ingress_api
from . import rules
from .finding import INFO, STOP, finding, inside_outage, lost_ledger

OUTSIDE = {resource: permissions.in_words(group, resource, verbs[0]) for group, resource, verbs, _purpose in permissions.OPTIONAL}
GRANT = "grant it to the account of monq_kubeconfig; docs/permissions/monq-upgrade.yml holds all that is needed"
SILENT = "nothing; a failure will tell less. The Role monq-upgrade-diagnostics of docs/permissions/monq-upgrade.yml allows it"


def examine(cluster, given, begin):
    """All findings on the cluster, the public certificates, and whether a ledger of this release stands here. begin: gives the run, and reads the ledger."""
    release, namespace, declared = given["plan"]["release"], given["namespace"], given["plan"]["modules"]
    nothing = {"certificates": [], "begun": False, "cut": False}
    version, found = _optional(cluster, "/version", "the API server's version", OUTSIDE["/version"])
    found += rules.server(version, _groups(cluster))
    seen, unread = _optional(cluster, f"/api/v1/namespaces/{namespace}", f"namespace {namespace}", OUTSIDE["namespaces"])
    found += unread
    # An account of the namespace alone may not read Namespaces; the registry's Deployment then tells (trap 11).
    if not seen and not unread:
        found.append(
            finding(
                "identity", STOP, f"namespace {namespace}", "present", "none in this cluster", "check monq_namespace and monq_kube_context"
            )
        )
        return {"findings": found, **nothing}
    denied = refused(cluster, namespace, permissions.reviews(namespace, named=permissions.names(release)), STOP, GRANT)
    found += denied
    if denied:
        return {"findings": found, **nothing}
    found += refused(cluster, namespace, permissions.reviews(namespace, permissions.DIAGNOSTICS), INFO, SILENT)
    run = begin()
    known = {"begun": bool(run.ledger.entries), "cut": "upgrade.routing.cut" in run.ledger.entries}
    snapshots = orphans(cluster, namespace, release["version"], run.ledger)
    if snapshots:  # whatever else differs from the release of before is that run's doing, and no finding
        return {"findings": [*found, lost_ledger(release, namespace, snapshots)], **nothing}
    deployments, routes = objects.deployments(cluster, namespace), objects.routes(cluster, namespace)
    certificates, missing = _certificates(cluster, namespace, given["ingress_secrets"])
    installed = _identity(release, namespace, deployments) + rules.modules(release, declared, deployments, routes) + missing
    # A Replace that was killed may have left a module without a Deployment: running it again is what brings it back.
    found += inside_outage(installed) if known["cut"] else installed
    if not known["cut"]:
        elsewhere, unread = _elsewhere(cluster, namespace)
        found += unread + rules.routing(release, declared, routes, given, elsewhere)
        found += rules.signature(release, declared, routes)
    if not known["begun"]:
        found += rules.health(deployments)
    return {"findings": found, "certificates": certificates, **known}


def _optional(cluster, path, what, verb):
    """(the answer, no finding), or (None, [information]) where this account may not look; (None, []) where there is nothing."""
    try:
        return cluster.find(path), []
    except ApiError as exc:
        if exc.status != 403:
            raise
        return None, [_unread(what, verb)]


def _unread(what, verb):
    seen = "could not be looked at: denied to this account"
    return finding("permissions", INFO, what, "looked at", seen, f"nothing; {verb} in the whole cluster would allow it")


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
    """A finding for every verb that the API server denies to this account."""
    found = []
    for review, purpose in reviews:
        answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        if not answer.get("status", {}).get("allowed"):
            what = f"{permissions.described(review)} in {namespace}"
            found.append(finding("permissions", severity, what, f"allowed ({purpose})", "denied to this account", then))
    return found


def _elsewhere(cluster, namespace):
    """Ingresses of other namespaces may hold Monq's hosts too; an account that may not read them is no reason to stop."""
    found, unread = _optional(cluster, ingress_api(cluster) + "/ingresses", "Ingresses of other namespaces", OUTSIDE["ingresses"])
    return [i for i in (found or {}).get("items") or [] if i["metadata"]["namespace"] != namespace], unread


def _certificates(cluster, namespace, wanted):
    certificates, missing = [], []
    for item in wanted:
        name = item.get("secretName")
        found = cluster.find(core(namespace, "secrets", name)) if name else None
        data = (found or {}).get("data") or {}
        # The result is shown: of a tls.crt that somebody put together with its key, the certificates alone.
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", base64.b64decode(data.get("tls.crt") or "").decode("latin-1"), re.S)
        if not found or found.get("type") != "kubernetes.io/tls" or not blocks:
            seen = "none" if not found else f"a Secret of type {found.get('type')}" + ("" if blocks else ", without a PEM certificate in tls.crt")
            missing.append(
                finding(
                    "domains",
                    STOP,
                    f"Secret {namespace}/{name}",
                    "a TLS Secret (kubernetes.io/tls)",
                    seen,
                    "create it, or correct monq_ingress_secrets",
                )
            )
        else:
            certificates.append({"secret": name, "hosts": item.get("hosts") or [], "pem": "".join(block + "\n" for block in blocks)})
    return certificates, missing
