# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket

from ..checks.cluster import refused
from ..checks.finding import STOP, WARNING, finding, lost_ledger, of_error
from ..engine import attempts, decisions, progress
from ..engine.snapshots import NAMES, orphans
from ..errors import MonqError
from ..k8s import permissions
from . import differences
from . import steps as rollback_steps
from .database import DatabaseRestore, proved


def overview(rollback, check_mode, read_dumps=True):
    """The report: what can be undone, what cannot, and every reason why the rollback cannot start."""
    run, given = rollback.run, rollback.given
    run.require_known_decisions()
    lost = orphans(rollback.cluster, rollback.namespace, rollback.release["version"], run.upgrade)
    report = {
        "needed": run.needed,
        "generation": run.generation,
        "begun": run.ledger.unfinished,
        "steps": [],
        "put_back": [],
        "irreversible": [],
        "counts": [],
        "findings": [lost_ledger(rollback.release, rollback.namespace, lost)] if lost else [],
        "platform": progress.LOST if lost else run.platform(),
        "outage": run.outage(),
    }
    if not run.needed:
        return report
    for step in run.plan:
        entry = run.ledger.get(step.key) or {}
        report["steps"].append(
            {
                "key": step.key,
                "state": "done" if run.is_done(step.key) else entry.get("state", "to do"),
                "title": step.title,
            }
        )
    report["irreversible"] = rollback_steps.irreversible(run.upgrade_plan, run.upgrade.entries, run.databases)
    found = _context(rollback.monqctl, given)
    if not run.is_done(rollback_steps.CHECK):
        found += _snapshots(rollback, report)
        found += _dumps(run, given, read_dumps)
    found += _denied(rollback.cluster, rollback.namespace, rollback.release)
    report["findings"] += reasons(run, given, check_mode) + (_at_their_steps(found) if run.ledger.unfinished else found)
    return report


def _at_their_steps(found):
    """The same findings once the rollback has begun, with stops as warnings: a stop would keep the operator's decision
    from its step."""
    then = "repair it first, or continue: the step checks again, and its error shows how to skip it"
    return [{**one, "severity": WARNING, "next": then} if one["severity"] == STOP else one for one in found]


def require(report):
    """Raises one MonqError for all findings that stop."""
    stops = [one for one in report["findings"] if one["severity"] == STOP]
    if stops:
        raise MonqError(
            "the rollback cannot start; this run has changed nothing",
            "; ".join(one["object"] for one in stops),
            "; ".join(one["expected"] for one in stops),
            "; ".join(one["seen"] for one in stops),
            "; ".join(dict.fromkeys(one["next"] for one in stops if one["next"])),
            findings=stops,
        )


def reasons(run, given, check_mode):
    """The stops that follow from the confirmations and the ledgers alone, which no decision on a step can override."""
    found = []
    if not check_mode and given["confirm"] != given["environment"]:
        found.append(
            finding(
                "rollback.confirmation",
                STOP,
                "monq_confirm_rollback",
                f"the name of the environment, {given['environment']}",
                repr(given["confirm"]),
                f"read what cannot be undone, then add -e monq_confirm_rollback={given['environment']}",
            )
        )
    closed = run.upgrade.closed or rollback_steps.is_closed(run.upgrade_plan, run.upgrade.entries)
    if closed and not given["closed"] and not run.ledger.unfinished:
        found.append(
            finding(
                "closed",
                STOP,
                f"ConfigMap {run.upgrade.name}",
                "an upgrade that is not finished",
                "the release is finished and verified, and has been in use since",
                "if its users have been told, add -e monq_rollback_closed=true",
            )
        )
    for key, entry in sorted(run.upgrade.entries.items()):
        alive = attempts.alive(entry)
        if alive:
            seen = f"pid {', '.join(map(str, alive))} on {entry['host']} is working on it"
            found.append(
                finding(
                    "alive",
                    STOP,
                    key,
                    "no running process",
                    seen,
                    "wait for it to finish, then run the same command again",
                )
            )
    found += _elsewhere(run)
    try:
        run.require_same_plan()
    except MonqError as exc:
        found.append(of_error("steps", exc))
    return found


def _elsewhere(run):
    """Findings for steps that the upgrade started on another machine with unknown outcome: they may still be running
    there. Once the rollback has begun, this was decided."""
    found = []
    if run.ledger.unfinished:
        return found
    for step in run.upgrade_plan:
        entry, given = run.upgrade.get(step.key) or {}, run.decision(step.key)
        if (
            entry.get("state") != "intent"
            or entry.get("host") in (None, socket.gethostname())
            or not decisions.outlives_its_run(step)
        ):
            continue
        if not given or given.get("attempt") != entry.get("attempt"):
            found.append(
                finding(
                    "alive",
                    STOP,
                    step.key,
                    "a recorded result, or a start on this machine",
                    f"intent since {entry.get('started')}, attempt {entry.get('attempt')}, pid {entry.get('pid')} on "
                    f"{entry['host']}",
                    "make sure that nothing is still working on it there, then add "
                    + run.choice(step.key, "retry", entry.get("attempt")),
                )
            )
    return found


def _context(client, given):
    """Findings on monqctl's context: a different one is a different registry, which must be neither compared nor
    changed (trap 11)."""
    if given["plan"]["configure"]:
        return []
    try:
        client.require_context()
        return []
    except MonqError as exc:
        return [of_error("identity", exc)]


def _snapshots(rollback, report):
    """Opens every snapshot, so that an altered one is found before anything is changed, and reports the differences."""
    try:
        for name in NAMES:
            rollback.snapshot(name)
    except MonqError as exc:
        return [of_error("snapshot", exc)]
    report["counts"] = [
        f"{name} in {'Kubernetes' if store == 'kubernetes' else 'the registry'}: {then} before prepare, {later} right "
        f"before the outage; {then} will be restored"
        for name, store, then, later in differences.differing_counts(
            rollback.snapshot("original-replicas"), rollback.snapshot("cut-replicas")
        )
    ]
    report["put_back"] = _put_back(rollback)
    return []


def _put_back(rollback):
    """The current differences as text. A broken registry is a reason to roll back, not a reason against it."""
    lines = [f"Deployment {change.name}: {differences.described(change)}" for change in rollback.deployment_changes()]
    lines += [f"Ingress {change.name}: {differences.described(change)} (new route)" for change in rollback.new_routes()]
    lines += [f"Ingress {change.name}: {differences.described(change)} (old route)" for change in rollback.old_routes()]
    reads = [
        lambda: ["K8s template in the registry: apply"] if rollback.template_differs() else [],
        lambda: [
            f"{name} in the registry: {seen} -> {wanted}"
            for name, seen, wanted in ([] if rollback.manual else rollback.registry_counts())
        ],
        lambda: [
            f"{name} in the registry: its saved entry"
            for name, _entry in ([] if rollback.manual else rollback.registry_entries()[0])
        ],
    ]
    for read in reads:
        try:
            lines += read()
        except MonqError as exc:
            return [*lines, f"template and counts in the registry, where they differ (not readable now: {exc.what})"]
    return lines + [f"enter in the registry by hand: {name} {count}" for name, count in rollback.by_hand().items()]


def _dumps(run, given, read):
    found = []
    server = given.get("postgresql")
    for item in given["databases"]:
        name, database = item["microservice"], item["database"]
        if run.is_done(f"rollback.database.{name}"):
            continue
        step, result = rollback_steps.dump_of(run.upgrade.entries, name)
        if not result:
            found.append(
                finding(
                    "dump",
                    STOP,
                    f"database of {name}",
                    "a dump in the ledger",
                    "none",
                    "leave it out of monq_rollback_databases, or correct the microservice's name",
                )
            )
            continue
        try:
            proved(result, database, read)
            for one in DatabaseRestore(server).problems(database, result) if server else []:
                then = "; or leave its database out of monq_rollback_databases" if one["severity"] == STOP else ""
                words = one["expected"], one["seen"], one["next"] + then
                found.append(finding("database", one["severity"], f"database {database}", *words))
        except MonqError as exc:
            one = of_error("dump", exc)
            one["parameters"]["step"] = step
            found.append({**one, "next": f"{one['next']}; or leave its database out of monq_rollback_databases"})
    return found


def _denied(cluster, namespace, release):
    needed = permissions.reviews(namespace, named=permissions.names(release)) + permissions.reviews(
        namespace, permissions.NEEDED_FOR_ROLLBACK, permissions.names_for_rollback(release)
    )
    found = refused(cluster, namespace, needed, "permissions", STOP)
    diagnostics = permissions.reviews(namespace, permissions.DIAGNOSTICS)
    return found + refused(cluster, namespace, diagnostics, "permissions.diagnostics", WARNING)
