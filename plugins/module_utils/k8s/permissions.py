# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

# What the collection itself needs in the namespace: (API group, resource, verbs, purpose). monqctl has its own account.
NEEDED = (
    ("", "configmaps", ("get", "create", "patch"), "ledger, what the report needs"),
    ("coordination.k8s.io", "leases", ("get", "create", "update", "patch"), "lock"),
    ("", "secrets", ("get", "create", "patch", "delete"), "registry token and snapshots"),
    ("apps", "deployments", ("get", "list", "patch"), "snapshot, registry token"),
    ("apps", "deployments/scale", ("patch",), "replica counts"),
    ("apps", "replicasets", ("list",), "rollout"),
    ("", "pods", ("list",), "rollout"),
    ("extensions", "ingresses", ("get", "list", "delete"), "routing"),
    ("autoscaling", "horizontalpodautoscalers", ("list",), "replica counts"),
)

# Part of the same Role. Without it, rollouts are followed by listing every second, a higher load on the API server.
FOLLOWED = (
    ("apps", "deployments", ("watch",), "following a rollout"),
    ("", "pods", ("watch",), "following a rollout"),
)

# Part of the same Role. Without it, preflight says what it could not check.
EXAMINED = (("", "resourcequotas", ("list",), "whether a quota leaves room for new pods"),)

# What rollback.yml needs in addition; not checked for an upgrade.
NEEDED_FOR_ROLLBACK = (
    ("", "configmaps", ("patch", "delete"), "the rollback's ledger, archiving the upgrade's"),
    ("apps", "deployments", ("create", "update", "delete"), "restoring Deployments"),
    ("extensions", "ingresses", ("create", "update"), "restoring routes"),
)

# Read after a failure, if allowed, for its message and the support bundle. A run works without it.
DIAGNOSTICS = (
    ("", "events", ("list",), "why a pod does not start"),
    ("", "pods/log", ("get",), "the last log line of a failing container"),
    ("", "configmaps", ("list",), "ledgers of earlier generations"),
    ("", "services", ("list",), "support bundle"),
)

# Read outside the namespace if the account may; otherwise reported as information, not as a stop. A path is a URL of
# the API server.
OPTIONAL = (
    ("", "/version", ("get",), "the API server's version"),
    ("", "namespaces", ("get",), "whether the namespace exists"),
    ("extensions", "ingresses", ("list",), "Ingresses in other namespaces that use a host and path of Monq"),
    ("apps", "deployments", ("list",), "the Ingress controller, where Monq's routes have snippets"),
    ("apps", "daemonsets", ("list",), "the Ingress controller, where Monq's routes have snippets"),
    ("", "configmaps", ("get",), "the Ingress controller's setting for snippets"),
)


def names(release):
    """{(API group, resource, verb): objects} for verbs that are needed on these objects only."""
    ledger, deployment = f"monq-upgrade-{release['version']}", release["registry_deployment"]
    return {
        # not get: the rollback's ledger and archived ones are read too
        ("", "configmaps", "patch"): (ledger, f"{ledger}-report"),
        ("coordination.k8s.io", "leases", "get"): ("monq-upgrade",),
        ("coordination.k8s.io", "leases", "update"): ("monq-upgrade",),
        ("coordination.k8s.io", "leases", "patch"): ("monq-upgrade",),
        ("", "secrets", "patch"): (release["registry_token"]["secret"],),
        ("apps", "deployments", "get"): (deployment,),
        ("apps", "deployments", "patch"): (deployment,),
    }


def names_for_rollback(release):
    """The same for NEEDED_FOR_ROLLBACK. An archive is created and never changed."""
    ledgers = (f"monq-upgrade-{release['version']}", f"monq-rollback-{release['version']}")
    report = f"monq-upgrade-{release['version']}-report"
    return {("", "configmaps", "patch"): ledgers, ("", "configmaps", "delete"): (*ledgers, report)}


def reviews(namespace, needed=NEEDED, named=None):
    """[(SelfSubjectAccessReview, purpose)] for every verb that is needed; named: see names."""
    made = []
    for group, resource, verbs, purpose in needed:
        name, _slash, sub = resource.partition("/")
        for verb in verbs:
            for only in (named or {}).get((group, resource, verb), (None,)):
                attributes = {
                    "namespace": namespace,
                    "verb": verb,
                    "group": group,
                    "resource": name,
                    "subresource": sub,
                    **({"name": only} if only else {}),
                }
                review = {
                    "apiVersion": "authorization.k8s.io/v1",
                    "kind": "SelfSubjectAccessReview",
                    "spec": {"resourceAttributes": attributes},
                }
                made.append((review, purpose))
    return made


def described(review):
    spec = review["spec"]["resourceAttributes"]
    return in_words(
        spec["group"],
        spec["resource"] + ("/" + spec["subresource"] if spec["subresource"] else ""),
        spec["verb"],
        spec.get("name"),
    )


def in_words(group, resource, verb, name=None):
    """A permission as kubectl auth can-i takes it: patch deployments.apps, get configmaps/monq-upgrade-6.0.0."""
    return f"{verb} {resource}" + (f".{group}" if group else "") + (f"/{name}" if name else "")
