# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the cluster accepts what a run will write: each kind of write as a dry run, which passes admission and stores
nothing."""

from __future__ import annotations

import time

from ..errors import ApiError, ApiUnreachable
from ..k8s import permissions
from ..k8s.cluster import apps, core, ingresses
from .finding import INFO, STOP, WARNING, finding

SLOW = 3.0  # seconds; an ordinary write takes milliseconds
NAME = "monq-upgrade-dry-run"


def writes(cluster, namespace, deployment, route):
    """[(the write in words, method, path, body)]: one of each kind that a run sends inside the outage. deployment,
    route: an object of either kind, or None."""
    note = {"metadata": {"annotations": {"monq.platform/dry-run": "true"}}}
    found = []
    for resource, kind in (("configmaps", "ConfigMap"), ("secrets", "Secret")):
        body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": NAME}}
        found.append((("", resource, "create", None), "POST", core(namespace, resource), body))
    if deployment:
        name, count = deployment["metadata"]["name"], deployment["spec"].get("replicas", 1)
        path = apps(namespace, "deployments", name)
        found.append((("apps", "deployments", "patch", name), "PATCH", path, note))
        scale = {"spec": {"replicas": count}}
        found.append((("apps", "deployments/scale", "patch", name), "PATCH", f"{path}/scale", scale))
    if route:
        path = ingresses(cluster, namespace, route["metadata"]["name"])
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "dryRun": ["All"]}
        found.append((("extensions", "ingresses", "delete", route["metadata"]["name"]), "DELETE", path, body))
    return [(permissions.in_words(*words), *request) for words, *request in found]


def examine(cluster, namespace, deployment, route, clock=time.monotonic):
    """Findings for each write that is refused, or that takes so long that a run with a hundred of them does."""
    found = []
    for words, method, path, body in writes(cluster, namespace, deployment, route):
        began = clock()
        try:
            cluster.attempt(method, path, body)
        except ApiError as exc:
            found += _refused(namespace, words, exc)
        except ApiUnreachable as exc:
            found.append(finding("admission.refused", STOP, namespace=namespace, write=words, answer=str(exc.seen)))
        else:
            took = clock() - began
            if took >= SLOW:
                values = {"namespace": namespace, "write": words, "seconds": round(took)}
                found.append(finding("admission.slow", WARNING, **values))
    return found


def _refused(namespace, words, error):
    if error.status == 403 and " cannot " in error.message:  # a finding of the permissions
        return []
    values = {"namespace": namespace, "write": words, "answer": f"{error.status} {error.message}"[:500]}
    if error.status == 400 and "dry run" in error.message:
        return [finding("admission.untried", INFO, **values)]
    return [finding("admission.refused", STOP, **values)]
