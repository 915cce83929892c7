# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed since right before the outage, in ten lines at most: for whoever is asked for help."""

from __future__ import annotations

NAME = "before_outage.json"
NAMED = 3  # objects that a line names
WIDTH = 60  # characters of what is said of one object

TEXTS = {
    "since": "Compared with {then}, right before the outage:",
    "same": "nothing of what was compared has changed",
    "images": "other images in {count} Deployments: {named}",
    "deployments": "Deployments: {named}",
    "counts": "other counts in {count} Deployments: {named}",
    "ready": "fewer pods ready in {count} Deployments: {named}",
    "routes": "Ingresses: {named}",
    "pods": "pods not ready that were not there, or ready: {count}: {named}",
    "registry": "the registry's status: {count} rows: {named}",
    "versions": "versions: {named}",
    "unread": "not compared, as it cannot be read now or could not then: {named}",
    "change": "{name} {then} -> {now}",
    "gone": "{count} gone: {named}",
    "new": "{count} new: {named}",
    "of": "{name} {ready} of {wanted} (then {before} of {expected})",
    "more": "{named} and {count} more",
}


def condition(deployments=None, pods=None, ingresses=None, registry=None, versions=None):
    """The facts to compare, out of objects of the API. None: not readable. registry: {name: state}."""
    return {
        "deployments": None if deployments is None else {one["metadata"]["name"]: _of(one) for one in deployments},
        "not_ready": None if pods is None else dict(filter(None, map(_not_ready, pods))),
        "ingresses": None
        if ingresses is None
        else {i["metadata"]["name"]: i["metadata"].get("uid") for i in ingresses},
        "registry": registry,
        "versions": versions,
    }


def _of(deployment):
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or []
    return {
        "images": [one.get("image") for one in containers],
        "replicas": 1 if spec.get("replicas") is None else spec["replicas"],
        "ready": status.get("readyReplicas") or 0,
    }


def _not_ready(pod):
    """(name, why) of a pod that should be ready and is not, or None."""
    status = pod.get("status") or {}
    ready = any(row.get("type") == "Ready" and row.get("status") == "True" for row in status.get("conditions") or [])
    if ready or status.get("phase") == "Succeeded" or pod["metadata"].get("deletionTimestamp"):
        return None
    states = [one.get("state") or {} for one in status.get("containerStatuses") or []]
    waiting = [state["waiting"].get("reason") for state in states if state.get("waiting")]
    return pod["metadata"]["name"], next(filter(None, waiting), status.get("phase") or "unknown")


def text(before, now):
    """The lines. before: a condition with its time, "at"; now: a condition."""
    found = [*_deployments(before, now), *_routes(before, now), *_pods(before, now), *_rows(before, now)]
    unread = [name for name in condition() if before.get(name) is None or now.get(name) is None]
    found = found or [_say("same")]
    found += [_say("unread", named=", ".join(unread))] if unread else []
    return "\n".join([_say("since", then=before.get("at")), *(f"  {line}" for line in found)]) + "\n"


def _say(text_id, /, **parameters):
    return TEXTS[text_id].format(**parameters)


def _listed(rows):
    named = ", ".join(row if len(row) <= WIDTH * 2 else row[: WIDTH * 2 - 1] + "…" for row in rows[:NAMED])
    return _say("more", named=named, count=len(rows) - NAMED) if len(rows) > NAMED else named


def _line(name, rows):
    return [_say(name, count=len(rows), named=_listed(rows))] if rows else []


def _both(before, now, name):
    return (before.get(name), now.get(name)) if before.get(name) is not None and now.get(name) is not None else ({}, {})


def _deployments(before, now):
    then, seen = _both(before, now, "deployments")
    same = sorted(set(then) & set(seen))
    images = [
        _say("change", name=name, then=_tags(then[name]["images"]), now=_tags(seen[name]["images"]))
        for name in same
        if then[name]["images"] != seen[name]["images"]
    ]
    counts = [
        _say("change", name=name, then=then[name]["replicas"], now=seen[name]["replicas"])
        for name in same
        if then[name]["replicas"] != seen[name]["replicas"]
    ]
    ready = [
        _say(
            "of",
            name=name,
            ready=seen[name]["ready"],
            wanted=seen[name]["replicas"],
            before=then[name]["ready"],
            expected=then[name]["replicas"],
        )
        for name in same
        if seen[name]["ready"] < min(seen[name]["replicas"], then[name]["ready"])
    ]
    come_and_gone = _come_and_gone("deployments", set(then) - set(seen), set(seen) - set(then))
    return [*_line("images", images), *come_and_gone, *_line("counts", counts), *_line("ready", ready)]


def _tags(images):
    return " ".join(str(image).rpartition("/")[2] for image in images)


def _come_and_gone(name, gone, new):
    parts = [("gone", sorted(gone)), ("new", sorted(new))]
    named = "; ".join(_say(what, count=len(rows), named=_listed(rows)) for what, rows in parts if rows)
    return [_say(name, named=named)] if named else []


def _routes(before, now):
    """By UID: an Ingress that was made again under its name is another one."""
    then, seen = _both(before, now, "ingresses")
    gone = {name for name, uid in then.items() if seen.get(name) != uid}
    return _come_and_gone("routes", gone, {name for name, uid in seen.items() if then.get(name) != uid})


def _pods(before, now):
    then, seen = _both(before, now, "not_ready")
    return _line("pods", [f"{name}: {why}" for name, why in sorted(seen.items()) if name not in then])


def _rows(before, now):
    found = []
    for what in ("registry", "versions"):
        then, seen = _both(before, now, what)
        rows = [
            _say("change", name=name, then=then.get(name, "none"), now=seen.get(name, "none"))
            for name in sorted({*then, *seen})
            if then.get(name) != seen.get(name)
        ]
        found += _line(what, rows)
    return found
