# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report needs and the ledger does not hold: what preflight and verify.yml found, and failures. One small
ConfigMap, so that a report can be made again when everything else of the run is gone."""

from __future__ import annotations

import json
import sys

from ..arguments import known_secrets
from ..engine.ledger import GENERATION, LABELS
from ..errors import ApiError, ApiUnreachable, MonqError
from ..k8s import objects
from ..k8s.cluster import core
from ..k8s.rollout import desired
from ..outage.observations import summary
from ..redaction.data import sanitise
from ..upgrade.drift import drift
from ..upgrade.replicas import hpa_targets
from ..version import COLLECTION
from .sections import route_hosts

KEY = "facts"
FAILURES = 10  # the last ones
RUNS = 5  # the last ones before which preflight found something else
LONGEST = 4000  # characters of a failure's message
LARGEST = 700_000  # characters in all: a ConfigMap holds 1 MiB


def name_of(release):
    """The ConfigMap's name. release: its version, or the name under which it is archived."""
    return f"monq-upgrade-{release}-report"


def read(cluster, namespace, release, generation=None):
    """The facts of that generation; empty if there are none. generation: None for any."""
    return _facts(cluster.find(core(namespace, "configmaps", name_of(release))), generation)


def _facts(found, generation):
    notes = ((found or {}).get("metadata") or {}).get("annotations") or {}
    if not found or (generation is not None and notes.get(GENERATION) != str(generation)):
        return {}
    try:
        facts = json.loads((found.get("data") or {}).get(KEY) or "{}")
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


class Recording:
    """Adds to the facts of a generation. A run is never failed by it: problem says why nothing was recorded."""

    def __init__(self, cluster, namespace, release, generation, secrets=()):
        self._cluster, self._namespace, self._release = cluster, namespace, release
        self._generation, self._secrets = generation, secrets
        self.problem = ""

    def begun(self, lock, at, findings):
        """Records what preflight found, none of it blocking, when the run with this lock began; nothing if the run
        before found the same."""
        findings = sanitise(findings, self._secrets)

        def change(facts):
            runs = facts.get("preflight") or []
            if findings == (runs[-1]["findings"] if runs else []):
                return facts
            return {**facts, "preflight": [*runs, {"at": at, "lock": lock, "findings": findings}][-RUNS:]}

        return self._add(change)

    def verified(self, seen):
        """Records what verify.yml saw. seen: see observed()."""
        return self._add(lambda facts: {**facts, "verified": seen})

    def failed(self, failure, seen):
        """Records a failure, {at, task, message, step, lock}, and what was seen right after it."""
        failure = {**failure, "message": str(failure.get("message") or "")[:LONGEST]}
        return self._add(
            lambda facts: {
                **facts,
                "failures": [*(facts.get("failures") or []), failure][-FAILURES:],
                "seen_at_failure": seen,
            }
        )

    def watched(self, spans):
        """Records what was seen of the outage from outside. spans: {lock id: {changes, until}}."""
        return self._add(lambda facts: {**facts, "watched": {**(facts.get("watched") or {}), **spans}})

    def _add(self, change):
        """Returns the new facts, whether or not they could be written."""
        path, facts = core(self._namespace, "configmaps", name_of(self._release)), {}
        try:
            found = self._cluster.find(path)
            known = _facts(found, self._generation)
            changed = change(known)
            if changed is known:
                return known
            facts = sanitise(changed, self._secrets)
            text = json.dumps(facts, ensure_ascii=False, sort_keys=True)
            if len(text) > LARGEST:
                self.problem = f"{len(text)} characters are too many for a ConfigMap"
                return facts
            body = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": name_of(self._release),
                    "labels": LABELS,
                    "annotations": {GENERATION: str(self._generation)},
                },
                "data": {KEY: text},
            }
            if found:
                body["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
                self._cluster.patch(path, body)
            else:
                self._cluster.create(path.rpartition("/")[0], body)
        except (ApiError, ApiUnreachable) as exc:
            self.problem = f"{exc.what}: {exc.seen}"
            facts = facts or sanitise(change({}), self._secrets)
        return facts


def observed(deployments, hpas, routes, registry=None, before=None, **more):
    """What is there now: counts of both stores, routes with their hosts. registry: {name: count}, or None. before: the
    same of the snapshot, which cleanup.yml may remove later."""
    owned, counts = hpa_targets(hpas), {}
    for one in deployments:
        name = one["metadata"]["name"]
        counts[name] = {"kubernetes": desired(one), "registry": None, "hpa": name in owned}
    for name, count in (registry or {}).items():
        counts.setdefault(name, {"kubernetes": None, "registry": None, "hpa": name in owned})["registry"] = count
    if before:
        stores = ("kubernetes", "registry", "hpa")
        known = {name: {store: row.get(store) for store in stores} for name, row in before["replicas"].items()}
        more["before"] = {"replicas": known, "routes": route_hosts(before["routes"])}
    return {"counts": counts, "routes": route_hosts(routes), **more}


def after_failure(cluster, namespace, before, findings=(), software=None):
    """What can be seen right after a failure; empty if the API server does not answer. before: the Deployments of the
    snapshot, or None."""
    try:
        deployments = objects.deployments(cluster, namespace)
        seen = observed(deployments, objects.hpas(cluster, namespace), objects.routes(cluster, namespace))
    except (ApiError, ApiUnreachable):
        return {"findings": list(findings)}
    changed = drift(before, deployments) if before else {}
    return {**seen, "drift": changed, "findings": list(findings), "software": software or {}}


def of_preflight(session, at, findings):
    """Records the findings that the run goes on with, under its lock; returns warnings. Before the first step there is
    nothing to record: a run that does nothing leaves nothing."""
    if session.check_mode or not session.run.ledger.entries:
        return []
    generation, release = session.run.ledger.generation, session.release["version"]
    recording = Recording(session.cluster, session.namespace, release, generation, known_secrets(session.params))
    recording.begun(session.params["lock_id"], at, list(findings))
    warnings = []
    if recording.problem:
        warnings.append(f"the report lacks preflight's findings: {recording.problem}")
    return warnings


def of_verification(session, report, seen):
    """Records what verify.yml saw when it closed the release; returns warnings."""
    software = {"collection": COLLECTION, "python": sys.version.split()[0]}
    for name, ask in (
        ("kubernetes_server", lambda: session.cluster.get("/version").get("gitVersion")),
        ("monqctl", lambda: ".".join(map(str, session.monqctl.version()))),
    ):
        try:
            software[name] = ask()
        except MonqError as exc:
            software[name] = f"unknown: {exc.what}"
    whole = observed(**seen, **report, software=software)
    generation, release = session.run.ledger.generation, session.release["version"]
    secrets = known_secrets(session.params)
    recording = Recording(session.cluster, session.namespace, release, generation, secrets)
    recording.verified(whole)
    warnings = []
    if recording.problem:
        warnings.append(f"the report lacks what this run saw: {recording.problem}")
    return warnings


def of_watch(session, spans):
    """Records what was seen of the outage, under the lock; returns why not, or an empty text."""
    try:
        session.lease.require(session.params["lock_id"])
    except MonqError as exc:
        return exc.what
    generation, release = session.run.ledger.generation, session.release["version"]
    recording = Recording(session.cluster, session.namespace, release, generation, known_secrets(session.params))
    recording.watched(spans)
    return recording.problem


def watched(facts, spans):
    """The outage as users saw it, or None: from what is recorded, and from the files that are here, which know more."""
    return summary({**(facts.get("watched") or {}), **spans}.values())
