# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..errors import ApiError, MonqError
from ..language import mark
from ..redaction.text import redact
from . import rollout
from .cluster import core
from .objects import deployments, pods, replica_sets

LONGEST = 400  # characters of one line
LAST_LINES = 20
GONE = mark("{name}: the Deployment is gone")
NO_WARNING = mark("events: no warning about {name}")
EVENTS = mark("events: {reason}")
UNREADABLE = mark("not readable by this account")


def of_deployment(cluster, namespace, name):
    """Lines that explain why a Deployment does not roll out. What cannot be read is mentioned, and is not a failure."""
    try:
        # Listed, because the account may be allowed to get only the registry's Deployment by name.
        deployment = next((one for one in deployments(cluster, namespace) if one["metadata"]["name"] == name), None)
        if not deployment:
            return [GONE.format(name=name)]
        sets = replica_sets(cluster, namespace)
        found = rollout.pods_of(deployment, sets, pods(cluster, namespace))
    except (MonqError, ValueError, KeyError) as exc:
        return [f"{name}: pods: {_unread(exc, cluster.secrets)}"]
    pod = failing_pod(found)
    lines = [pod_line(pod, cluster.secrets)] if pod else [f"{name}: no pod"]
    involved = {
        name,
        *(s["metadata"]["name"] for s in sets if rollout.owner(s, "Deployment") == deployment["metadata"]["uid"]),
    }
    involved |= {pod["metadata"]["name"]} if pod else set()
    lines.append(_event(cluster, namespace, name, involved))
    if pod:
        lines.append(_log(cluster, namespace, pod))
    return [short(line) for line in lines if line]


def failing_pod(found):
    """The most telling pod: one with a failing container, else one that is not ready, else None."""
    living = [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]
    ranked = sorted(living, key=lambda pod: (failing_container(pod) is None, is_ready(pod), pod["metadata"]["name"]))
    return ranked[0] if ranked and not is_ready(ranked[0]) else None


def is_ready(pod):
    return any(
        row["type"] == "Ready" and row["status"] == "True" for row in (pod.get("status") or {}).get("conditions") or []
    )


def failing_container(pod):
    """The status of the first container that is stuck, has failed or was restarted and is not ready."""
    status = pod.get("status") or {}
    for container in (status.get("initContainerStatuses") or []) + (status.get("containerStatuses") or []):
        state = container.get("state") or {}
        ended = state.get("terminated") or {}
        if (
            (state.get("waiting") or {}).get("reason") in rollout.STUCK
            or ended.get("exitCode")
            or (container.get("restartCount") and not container.get("ready"))
        ):
            return container
    return None


def pod_line(pod, secrets=()):
    """The pod's line: pod x: container y: CrashLoopBackOff, exited with status 1 (Error), 3 restarts: message"""
    container, status = failing_container(pod), pod.get("status") or {}
    name = f"pod {pod['metadata']['name']}"
    if not container:
        why = [
            f"{c['reason']}: {c.get('message', '')}"
            for c in status.get("conditions") or []
            if c.get("status") == "False" and c.get("reason")
        ]
        return f"{name}: {status.get('phase', 'unknown')}" + (f", {redact(why[0], secrets)}" if why else "")
    state = container.get("state") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    parts = [waiting.get("reason") or ("terminated" if state.get("terminated") else "not ready")]
    if ended:
        parts.append(
            f"exited with status {ended.get('exitCode')}" + (f" ({ended['reason']})" if ended.get("reason") else "")
        )
    if container.get("restartCount"):
        parts.append(f"{container['restartCount']} restarts")
    message = waiting.get("message") or ended.get("message") or ""
    return f"{name}: container {container.get('name', '?')}: {', '.join(parts)}" + (
        f": {redact(message, secrets)}" if message else ""
    )


def newest_warning(events, involved):
    """The newest Warning about one of these objects, or None."""
    warnings = [
        e for e in events if e.get("type") == "Warning" and (e.get("involvedObject") or {}).get("name") in involved
    ]
    return max(warnings, key=_when, default=None)


def _when(event):
    series = (event.get("series") or {}).get("lastObservedTime")
    return (
        series
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or (event.get("metadata") or {}).get("creationTimestamp")
        or ""
    )


def _event(cluster, namespace, name, involved):
    try:
        event = newest_warning(cluster.items(core(namespace, "events"), fieldSelector="type=Warning"), involved)
    except (MonqError, ValueError) as exc:
        return EVENTS.format(reason=_unread(exc, cluster.secrets))
    if not event:
        return NO_WARNING.format(name=name)
    thing = event["involvedObject"]
    said = redact(str(event.get("message") or ""), cluster.secrets)
    return f"event {_when(event)}: {thing.get('kind', '?')} {thing['name']}: {event.get('reason')}: {said}"


def _log(cluster, namespace, pod):
    container = failing_container(pod)
    name = pod["metadata"]["name"]
    if not container or not container.get("name"):
        return ""
    # A container that waits for its restart has no log yet; the previous one has.
    crashed = bool(container.get("restartCount")) and not (container.get("state") or {}).get("running")
    where = f"log of {name}/{container['name']}" + (" (previous)" if crashed else "")
    query = {"container": container["name"], "tailLines": LAST_LINES, **({"previous": "true"} if crashed else {})}
    try:
        lines = [
            line.strip()
            for line in cluster.text(core(namespace, "pods", name) + "/log", **query).splitlines()
            if line.strip()
        ]
    except (MonqError, ValueError) as exc:
        return f"{where}: {_unread(exc, cluster.secrets)}"
    return f"{where}: {redact(lines[-1], cluster.secrets)}" if lines else f"{where}: empty"


def _unread(exc, secrets):
    if isinstance(exc, ApiError):
        if exc.status == 403:
            return UNREADABLE
        if exc.status == 404:
            return "not found"
        return f"not readable: {exc.status} {redact(str(exc.message), secrets)}"
    return f"not readable: {redact(exc.what if isinstance(exc, MonqError) else str(exc), secrets)}"


def short(line):
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
