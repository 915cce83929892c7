# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

from . import findings, installation, permissions
from .errors import ApiError
from .kubernetes_client import core, ingress_api


def examine(cluster, given, run):
    """All findings on the cluster, the public certificates, and whether a ledger of this release stands here."""
    release, namespace, declared = given["plan"]["release"], given["namespace"], given["plan"]["modules"]
    known = {"begun": bool(run.ledger.entries), "cut": "upgrade.routing.cut" in run.ledger.entries}
    found = findings.server(cluster.get("/version"), _groups(cluster))
    if not _exists(cluster, namespace):
        found.append(
            findings.finding(
                "identity", findings.STOP, f"namespace {namespace}", "present", "none in this cluster", "check monq_namespace and monq_kube_context"
            )
        )
        return {"findings": found, "certificates": [], **known}
    denied = _denied(cluster, namespace)
    found += [
        findings.finding(
            "permissions", findings.STOP, f"{what} in {namespace}", f"allowed ({why})", "denied to this account", "grant it to the account of monq_kubeconfig"
        )
        for what, why in denied
    ]
    if denied:
        return {"findings": found, "certificates": [], **known}
    deployments, routes = installation.deployments(cluster, namespace), installation.routes(cluster, namespace)
    found += _identity(release, namespace, deployments) + findings.modules(release, declared, deployments, routes)
    if not known["cut"]:
        found += findings.routing(release, declared, routes, given, _elsewhere(cluster, namespace))
        found += findings.signature(release, declared, routes)
    if not known["begun"]:
        found += findings.health(deployments)
    certificates, missing = _certificates(cluster, namespace, given["ingress_secrets"])
    return {"findings": found + missing, "certificates": certificates, **known}


def _exists(cluster, namespace):
    """An account of the namespace alone may not read Namespaces; the registry's Deployment then tells (trap 11)."""
    try:
        return bool(cluster.find(f"/api/v1/namespaces/{namespace}"))
    except ApiError as exc:
        if exc.status != 403:
            raise
        return True


def _identity(release, namespace, deployments):
    wanted = release["registry_deployment"]
    if any(d["metadata"]["name"] == wanted for d in deployments):
        return []
    return [
        findings.finding(
            "identity",
            findings.STOP,
            f"Deployment {namespace}/{wanted}",
            "present: the registry runs here",
            "none",
            "check monq_namespace and monq_kube_context",
        )
    ]


def _groups(cluster):
    found = cluster.find("/apis/extensions/v1beta1")
    return {f"extensions/v1beta1/{r['name']}" for r in (found or {}).get("resources", [])}


def _denied(cluster, namespace):
    denied = []
    for review, purpose in permissions.reviews(namespace):
        answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        if not answer.get("status", {}).get("allowed"):
            denied.append((permissions.described(review), purpose))
    return denied


def _elsewhere(cluster, namespace):
    """Ingresses of other namespaces may hold Monq's hosts too; an account that may not read them is no reason to stop."""
    try:
        found = cluster.items(ingress_api(cluster) + "/ingresses")
    except ApiError as exc:
        if exc.status != 403:
            raise
        return []
    return [i for i in found if i["metadata"]["namespace"] != namespace]


def _certificates(cluster, namespace, wanted):
    certificates, missing = [], []
    for item in wanted:
        name = item.get("secretName")
        found = cluster.find(core(namespace, "secrets", name)) if name else None
        data = (found or {}).get("data") or {}
        if not found or found.get("type") != "kubernetes.io/tls" or not data.get("tls.crt"):
            seen = "none" if not found else f"a Secret of type {found.get('type')}"
            missing.append(
                findings.finding(
                    "domains",
                    findings.STOP,
                    f"Secret {namespace}/{name}",
                    "a TLS Secret (kubernetes.io/tls)",
                    seen,
                    "create it, or correct monq_ingress_secrets",
                )
            )
        else:
            certificates.append({"secret": name, "hosts": item.get("hosts") or [], "pem": base64.b64decode(data["tls.crt"]).decode()})
    return certificates, missing
