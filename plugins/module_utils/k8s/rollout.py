# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fnmatch

# A pod waiting for one of these reasons does not start by itself.
STUCK = {
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "RegistryUnavailable",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
}


def desired(deployment):
    """The desired count, spec.replicas; an absent field means 1, and 0 is a valid count."""
    count = deployment["spec"].get("replicas")
    return 1 if count is None else count


def healthy(deployment):
    status = deployment.get("status") or {}
    wanted = desired(deployment)
    return (status.get("availableReplicas") or 0) >= wanted and (status.get("updatedReplicas") or 0) >= wanted


def matches(name, patterns):
    """Whether a Deployment's name is one of those that the patterns stand for."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def selected(deployments, patterns):
    return [d for d in deployments if matches(d["metadata"]["name"], patterns)]


def images(deployment):
    """The images of its containers."""
    return [container["image"] for container in deployment["spec"]["template"]["spec"].get("containers") or []]


def owner(obj, kind):
    return next((o["uid"] for o in obj["metadata"].get("ownerReferences") or [] if o["kind"] == kind), None)


def revision(obj):
    return (obj["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision")


def pods_of(deployment, replica_sets, pods):
    """The pods of a Deployment's current revision, by owner rather than label: only new pods count, even if old ones
    are stuck."""
    wanted = revision(deployment)
    sets = {
        rs["metadata"]["uid"]
        for rs in replica_sets
        if owner(rs, "Deployment") == deployment["metadata"]["uid"] and revision(rs) == wanted
    }
    return [pod for pod in pods if owner(pod, "ReplicaSet") in sets]


def pending(deployment):
    """The reason why the rollout is not finished, or None: observed, updated, available, no old pods."""
    meta, status, wanted = deployment["metadata"], deployment.get("status") or {}, desired(deployment)
    if (status.get("observedGeneration") or 0) < meta.get("generation", 1):
        return "the controller has not seen the change yet"
    if deployment["spec"].get("paused"):
        return "the Deployment is paused"
    updated, total, available = (status.get(key) or 0 for key in ("updatedReplicas", "replicas", "availableReplicas"))
    if updated < wanted:
        return f"{updated} of {wanted} pods are updated"
    if total > updated:
        return f"{total - updated} old pods still exist"
    if available < wanted:
        return f"{available} of {wanted} pods are available"
    return None


def stuck(deployment, pods):
    """The reason why the rollout will not finish by itself, or None: quota, scheduling, image, crash loop."""
    for condition in (deployment.get("status") or {}).get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"{condition.get('reason')}: {condition.get('message')}"
    return next((why for why in map(stuck_pod, pods) if why), None)


def stuck_pod(pod):
    """The reason why a pod will not start by itself, or None."""
    if pod["metadata"].get("deletionTimestamp"):
        return None
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in (status.get("initContainerStatuses") or []) + (status.get("containerStatuses") or []):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in STUCK:
            return (
                f"pod {name}: {waiting['reason']}: {waiting.get('message', '')} (image {container.get('image', '?')})"
            )
    for condition in status.get("conditions") or []:
        unscheduled = condition["type"] == "PodScheduled" and condition["status"] == "False"
        if unscheduled and condition.get("reason") == "Unschedulable":
            return f"pod {name}: Unschedulable: {condition.get('message', '')}"
    return None


def exempt(name, before):
    """The reason why a Deployment is not waited for, or None: it was unhealthy or paused before the outage. One that
    only the registry knew then is new, and is waited for."""
    row = before.get(name)
    if row and row["paused"]:
        return "was paused before the outage"
    if row and row["kubernetes"] is not None and not row["healthy"]:
        return "was unhealthy before the outage"
    return None
