# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import namedtuple

from ..k8s import routes
from ..k8s.rollout import desired, selected
from ..upgrade.replicas import hpa_targets

CONTROLLER = "deployment.kubernetes.io/"  # the Deployment controller's own annotations, such as the revision

# action: create, update, recreate (a selector cannot be changed), delete. content: what is restored. present: the
# current object; for a creation, the old object still being deleted, if any.
Change = namedtuple("Change", "action name present content")


def content(obj):
    """The part of an object that is compared and restored: labels, annotations, spec."""
    meta = obj["metadata"]
    notes = {key: value for key, value in (meta.get("annotations") or {}).items() if not key.startswith(CONTROLLER)}
    return {"labels": meta.get("labels") or {}, "annotations": notes, "spec": obj["spec"]}


def body(change, kind, api_version, namespace):
    """The object to send. A new one inherits nothing of the old one's identity; an existing one keeps its own,
    protected by its resourceVersion."""
    meta = {
        "name": change.name,
        "namespace": namespace,
        "labels": change.content["labels"],
        "annotations": dict(change.content["annotations"]),
    }
    if change.action == "update":
        there = change.present["metadata"]
        meta.update(
            {key: there[key] for key in ("uid", "resourceVersion", "finalizers", "ownerReferences") if key in there}
        )
        meta["annotations"].update(
            {key: value for key, value in (there.get("annotations") or {}).items() if key.startswith(CONTROLLER)}
        )
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": change.content["spec"]}


def leaving(obj):
    """Returns whether an object is being deleted. A finalizer may delay that, but it will be gone."""
    return bool(obj and obj["metadata"].get("deletionTimestamp"))


def described(change):
    return change.action + (" (still being deleted)" if leaving(change.present) else "")


def _going(there, saved):
    """Returns whether the deletion began after the snapshot: what was already being deleted then is not restored."""
    return leaving(there) and not leaving(saved)


# ---- Deployments


def count(saved, present, owned):
    """The count to restore. A Deployment with an HPA keeps its current count, unless one of the counts is 0, where an
    HPA is off."""
    then = desired(saved)
    now = desired(present) if present else 0
    return now if owned and then and now else then


def deployments(original, now, hpas, registry):
    """The [Change] that restore the Deployments, except the registry's own, whose update cannot be undone."""
    present, owned = _by_name(now), hpa_targets(hpas)
    changes = []
    for saved in sorted(original, key=lambda d: d["metadata"]["name"]):
        name = saved["metadata"]["name"]
        if name == registry:
            continue
        there, wanted = present.get(name), content(saved)
        gone = there is None or _going(there, saved)
        wanted = {
            **wanted,
            "spec": {**wanted["spec"], "replicas": count(saved, None if gone else there, name in owned)},
        }
        if gone:
            changes.append(Change("create", name, there, wanted))
        elif content(there) != wanted:
            fixed = there["spec"].get("selector") == wanted["spec"].get("selector")
            changes.append(Change("update" if fixed else "recreate", name, there, wanted))
    return changes


def brought(original, cut, now, patterns, registry):
    """The [Change] that delete what the upgrade added: Deployments in neither snapshot, named like the modules' own."""
    known = set(_by_name(original)) | set(_by_name(cut)) | {registry}
    return [
        Change("delete", d["metadata"]["name"], d, None)
        for d in selected(now, patterns)
        if d["metadata"]["name"] not in known
    ]


def running(now, patterns, registry):
    """The modules' Deployments with a count other than 0, except the registry's."""
    return [d for d in selected(now, patterns) if d["metadata"]["name"] != registry and desired(d) != 0]


def patterns_of(release, modules):
    return [pattern for module in modules for pattern in release["modules"][module]["deployments"]]


# ---- routes


def new_routes(now, known, domains):
    """The [Change] that remove the new routes: not in a snapshot, every host in Monq's domains, and without an owner.
    Restored old routes do not count as new."""
    uids = {i["metadata"]["uid"] for i in known}
    return [
        Change("delete", i["metadata"]["name"], i, None)
        for i in now
        if i["metadata"]["uid"] not in uids
        and not any(i["metadata"]["name"] == old["metadata"]["name"] and content(i) == content(old) for old in known)
        and not i["metadata"].get("ownerReferences")
        and routes.hosts(i)
        and all(routes.within(host, domains) for host in routes.hosts(i))
    ]


def old_routes(original, cut, now, select, removed=()):
    """The [Change] that restore the routes that the upgrade removed. select: chooses the routes to remove from a list
    of Ingresses, as [{name, uid}]; removed: the names of those actually removed, whatever the variables say now."""
    gone = {name: obj for name, obj in {**_by_name(cut), **_by_name(original)}.items() if name in removed}
    wanted = {**gone, **_doomed(cut, select), **_doomed(original, select)}
    untouched = {i["metadata"]["uid"] for i in [*original, *cut]}
    present, changes = _by_name(now), []
    for name, saved in sorted(wanted.items()):
        there = present.get(name)
        if there is None or _going(there, saved):
            changes.append(Change("create", name, there, content(saved)))
        elif there["metadata"]["uid"] not in untouched and content(there) != content(saved):
            changes.append(Change("update", name, there, content(saved)))
    return changes


def _doomed(ingresses, select):
    known = _by_name(ingresses)
    return {row["name"]: known[row["name"]] for row in select(ingresses)}


# ---- the registry


def entries(saved, now, registry):
    """Returns [(name, entry)] of the microservices whose entry differs or is missing in the registry, and {name: why it
    cannot be restored}. The registry's own is left alone."""
    if not now:  # its entries cannot be matched with names
        return [], {}
    changed = [(name, entry) for name, entry in sorted(saved.items()) if now.get(name) != entry and name != registry]
    return changed, {name: "new in the registry" for name in sorted(now) if saved and name not in saved}


def differing_counts(original, cut):
    """[(name, store, original, cut)] of counts that changed between the two snapshots."""
    found = []
    for name in sorted(set(original) & set(cut)):
        for store in ("kubernetes", "registry"):
            then, later = original[name][store], cut[name][store]
            if (
                then is not None
                and later is not None
                and then != later
                and not (store == "kubernetes" and original[name]["hpa"] and then and later)
            ):
                found.append((name, store, then, later))
    return found


def _by_name(objects):
    return {obj["metadata"]["name"]: obj for obj in objects}
