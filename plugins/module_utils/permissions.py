# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

# What the collection itself does in the namespace: (API group, resource, verbs, what for). monqctl has an account of its own.
NEEDED = (
    ("", "configmaps", ("get", "create", "patch"), "ledger"),
    ("coordination.k8s.io", "leases", ("get", "create", "update", "patch"), "lock"),
    ("", "secrets", ("get", "create", "patch", "delete"), "registry token and snapshots"),
    ("apps", "deployments", ("get", "list", "patch"), "snapshot, registry token"),
    ("apps", "deployments/scale", ("patch",), "replica counts"),
    ("apps", "replicasets", ("list",), "rollout"),
    ("", "pods", ("list",), "rollout"),
    ("extensions", "ingresses", ("get", "list", "delete"), "routing"),
    ("autoscaling", "horizontalpodautoscalers", ("list",), "replica counts"),
)

# What rollback.yml needs besides. An upgrade does not ask for it; events are read where that is allowed.
NEEDED_FOR_ROLLBACK = (
    ("", "configmaps", ("delete",), "archive of the ledger"),
    ("apps", "deployments", ("create", "update", "delete"), "Deployments as they were"),
    ("extensions", "ingresses", ("create", "update"), "routes as they were"),
    ("", "events", ("list",), "diagnostics"),
)


def reviews(namespace, needed=NEEDED):
    """[(SelfSubjectAccessReview, what for)] for every verb that is needed."""
    made = []
    for group, resource, verbs, purpose in needed:
        name, _slash, sub = resource.partition("/")
        for verb in verbs:
            attributes = {"namespace": namespace, "verb": verb, "group": group, "resource": name, "subresource": sub}
            made.append(({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}, purpose))
    return made


def described(review):
    spec = review["spec"]["resourceAttributes"]
    resource = spec["resource"] + ("/" + spec["subresource"] if spec["subresource"] else "")
    return f"{spec['verb']} {resource}" + (f".{spec['group']}" if spec["group"] else "")
