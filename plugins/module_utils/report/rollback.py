# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from . import findings

MAY_NOT = "The rollback cannot start. This run has changed nothing."


def overview(report):
    """The overview shown before anything is changed: what would be restored, what cannot be undone, and what prevents
    the rollback."""
    if not report["needed"] and report["findings"]:
        return "\n".join([*findings.rows(report["findings"]), *findings.explained(report["findings"]), MAY_NOT])
    if not report["needed"]:
        return "There is nothing to roll back: no upgrade ledger records a change here."
    done = sum(row["state"] == "done" for row in report["steps"])
    goes_on = " (already started: it continues)" if report["begun"] else ""
    lines = [
        f"Rollback of generation {report['generation']}{goes_on}: {len(report['steps'])} steps, {done} done; the "
        f"platform is {report['platform']}"
    ]
    lines += [f"{row['state']:>8}  {row['key']}  ({row['title']})" for row in report["steps"]]
    lines += _part("To be restored", report["put_back"])
    lines += _part("Cannot be undone", [f"{row['key']}  ({row['title']})" for row in report["irreversible"]])
    lines += _part("Counts that changed between the two snapshots", report["counts"])
    lines += findings.rows(report["findings"]) + findings.explained(report["findings"])
    if any(found["severity"] == "stop" for found in report["findings"]):
        lines.append(MAY_NOT)
    return "\n".join(lines)


def summary(report, results):
    """The summary for the operator. results: those of the rollback's steps, by key."""
    archive = results.get("rollback.ledger.archive") or {}
    lines = [
        f"Rolled back: generation {report['generation']}; its ledger is archived as ConfigMap {archive.get('ledger')}"
    ]
    changed = results.get("rollback.deployments.restore") or {}
    lines.append(
        "  Deployments: "
        + ", ".join(f"{len(changed.get(word) or [])} {word}" for word in ("created", "updated", "deleted"))
    )
    routes = results.get("rollback.routing.restore") or {}
    removed = (results.get("rollback.routing.remove") or {}).get("removed") or []
    lines.append(
        f"  routes: {len(removed)} new ones removed, "
        f"{len((routes.get('created') or []) + (routes.get('updated') or []))} old ones restored"
    )
    for key, result in sorted(results.items()):
        scratch = ((result or {}).get("scratch") or {}) if key.startswith("rollback.backup.") else {}
        if scratch.get("state") == "failed":
            lines.append(f"  not proved: {result['path']}, of the database before the rollback: {scratch['reason']}")
        if key.startswith("rollback.database.") and result:
            lines.append(
                f"  database {result['database']}: from {result['path']}, sha256 {result['sha256']}, {result['rows']} "
                f"rows"
            )
            lines.append(
                f"    the pre-rollback database is kept as {result['kept']}; drop it when no longer needed: "
                f'DROP DATABASE "{result["kept"]}"'
            )
            lines += [
                f"    a superuser must copy this setting from {result['kept']}: {name}"
                for name in result.get("settings_left") or []
            ]
            lines += [f"    not restored: {text}" for text in result.get("lost") or []]
    left = (results.get("rollback.replicas.registry") or {}).get("left") or {}
    lines += [f"  not restored in the registry: {name}: {why}" for name, why in sorted(left.items())]
    by_hand = (results.get("rollback.installation.check") or {}).get("by_hand") or {}
    lines += [f"  enter in the registry by hand: {name} {count}" for name, count in sorted(by_hand.items())]
    lines += [f"  not undone: {row['key']}  ({row['title']})" for row in report["irreversible"]]
    lines += [f"  the next upgrade will ask about: {key}" for key in archive.get("carried") or []]
    return "\n".join(lines)


def _part(title, rows):
    return [f"{title}:"] + [f"  {row}" for row in rows] if rows else []
