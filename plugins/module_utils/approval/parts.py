# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a plan, from what was read. What changes by itself is in none of them: status, resource versions, ages,
counts that an HPA owns, restarts. Pure: no input, no output."""

from __future__ import annotations

import base64
import hashlib

from ..engine import steps as engine_steps
from ..k8s import rollout, routes
from ..upgrade import replicas as counts
from .document import digest

# Set by kubectl, controllers and restarts, and no part of what somebody has decided.
TRANSIENT = ("kubectl.kubernetes.io/", "deployment.kubernetes.io/", "field.cattle.io/", "monq.platform/")
NOT_READ = "not read: monqctl has no context yet in this home"
OF_THE_RUN = ("confirmation",)  # checks that are about the command, not about the installation


def identity(namespace, uid, context):
    return {"namespace": namespace, "uid": uid, "monqctl_context": context}


def variables(plan, inputs, given):
    """What decides the steps and their work. plan: the argument of that name. inputs: names in it."""
    decide = {name: plan[name] for name in inputs}
    return {
        **decide,
        "configure": plan["configure"],
        "online": plan["online"],
        "domain": given["domain"],
        "alias_domains": list(given["alias_domains"]),
        "alias_ingresses": sorted(given["alias_ingresses"]),
        "ingress_secrets": given["ingress_secrets"],
        "databases": given["databases"],
    }


def steps(plan):
    """What is done to the installation; client steps belong to a home of monqctl."""
    chosen = [step for step in plan if step.kind != "client"]
    return {"fingerprint": engine_steps.fingerprint(plan), "keys": [step.key for step in chosen]}


def ledger(run):
    """Which upgrade of this installation it is, and what is done."""
    client = {step.key for step in run.plan if step.kind == "client"}
    entries = {key: entry for key, entry in run.ledger.entries.items() if key not in client}
    done = [key for key, entry in entries.items() if entry.get("state") in engine_steps.DONE]
    return {
        "generation": run.ledger.generation,
        "closed": run.ledger.closed or "",
        "done": sorted(done),
        "open": {key: entry.get("state", "") for key, entry in sorted(entries.items()) if key not in done},
    }


def ingresses(found, release, modules, given):
    """(those that are removed, those that stay): {name: {uid, hosts, sha256}}"""
    doomed = routes.to_cut(found, release, modules, given["alias_domains"], given["alias_ingresses"])
    uids = {route["uid"] for route in doomed}
    rows = [(one["metadata"]["uid"] in uids, one["metadata"]["name"], _ingress(one)) for one in found]
    return tuple({name: row for gone, name, row in rows if gone is which} for which in (True, False))


def _ingress(found):
    decided = {"spec": found["spec"], "annotations": _lasting(found["metadata"].get("annotations"))}
    return {"uid": found["metadata"]["uid"], "hosts": sorted(set(routes.hosts(found))), "sha256": digest(decided)}


def deployments(found, patterns):
    """{name: {images, paused, sha256}} of the modules' Deployments. patterns: those of the modules."""
    return {one["metadata"]["name"]: _deployment(one) for one in rollout.selected(found, patterns)}


def _deployment(found):
    template = found["spec"]["template"]
    decided = {
        "spec": template["spec"],
        "labels": (template.get("metadata") or {}).get("labels") or {},
        "annotations": _lasting((template.get("metadata") or {}).get("annotations")),
    }
    return {"images": rollout.images(found), "paused": bool(found["spec"].get("paused")), "sha256": digest(decided)}


def replicas(found, hpas, registry, patterns):
    """{name: {kubernetes, registry}}; a count that an HPA owns is left out, unless it is 0, where an HPA is off.
    registry: {name: count}, or None where it cannot be read."""
    rows = {}
    names = {one["metadata"]["name"] for one in rollout.selected(found, patterns)}
    for name, row in counts.table(found, hpas, registry).items():
        if name in names or row["kubernetes"] is None:
            owned = row["hpa"] and row["kubernetes"] != 0
            rows[name] = {"kubernetes": "HPA" if owned else row["kubernetes"], "registry": row["registry"]}
    return rows if registry is not None else {**rows, "registry": NOT_READ}


def template(now, then):
    """now: the template in the registry; then: transformed."""
    return {"now": digest(now), "then": digest(then), "changes": now != then}


def certificates(secrets):
    """{Secret's name: fingerprint of its certificate chain}. secrets: {name: object or None}"""
    found = {}
    for name, secret in secrets.items():
        chain = base64.b64decode(((secret or {}).get("data") or {}).get("tls.crt") or "")
        found[name] = hashlib.sha256(chain).hexdigest() if secret else "missing"
    return found


def findings(found):
    """What preflight warned of: [check, severity, object]."""
    rows = [
        [one["check"], one["severity"], one["object"]]
        for one in found
        if one["severity"] != "info" and one["check"] not in OF_THE_RUN
    ]
    return sorted(rows)


def _lasting(annotations):
    return {name: text for name, text in (annotations or {}).items() if not name.startswith(TRANSIENT)}
