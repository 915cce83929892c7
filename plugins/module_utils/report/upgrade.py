# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from . import findings as shown


def findings(found):
    """All findings without duplicates, stops first."""
    rank = {"stop": 0, "warning": 1, "info": 2}
    unique = [f for i, f in enumerate(found) if f not in found[:i]]
    stops = sum(f["severity"] == "stop" for f in unique)
    lines = [
        f"Preflight failed: {stops} of {len(unique)} findings block the upgrade. This run has changed nothing."
        if stops
        else f"Preflight passed: {len(unique)} findings, none blocking."
    ]
    return "\n".join(lines + shown.rows(sorted(unique, key=lambda f: rank[f["severity"]])) + shown.explained(unique))


def plan(ledger):
    """One line for each step: state, whether it can be undone, key, title."""
    rows = ledger["steps"]
    if ledger.get("lost"):  # nothing is known about the steps
        return "\n".join(
            [
                f"the platform is UNKNOWN; lock: {ledger['lock']}",
                ledger["lost"],
                *filter(None, [ledger.get("rollback")]),
            ]
        )
    done = sum(row["state"] == "done" for row in rows)
    lines = [
        f"{len(rows)} steps, {done} done; generation {ledger['generation']}; the platform is "
        f"{ledger['platform'].upper()}; lock: {ledger['lock']}"
    ]
    if ledger.get("running"):
        lines.append(f"running now: {ledger['running']}")
    if ledger.get("rollback"):
        lines.append(ledger["rollback"])
    for row in rows:
        lines.append(f"{row['state']:>8}  {row['undo']:<12}  {row['key']}  ({row['title']})")
        if row.get("error"):
            lines.append(f"{'':>24}attempt {row.get('attempt')}: {row['error']}")
    irreversible = [row["key"] for row in rows if row["undo"] == "irreversible" and row["state"] != "done"]
    lines.append(point_of_no_return(rows))
    if irreversible:
        lines.append(f"{len(irreversible)} of the remaining steps cannot be undone; the first is {irreversible[0]}")
    return "\n".join(lines)


def point_of_no_return(rows):
    """The first irreversible step, whether it is passed, and what rollback.yml cannot undo."""
    first = next((row["key"] for row in rows if row["undo"] == "irreversible"), None)
    if not first:
        return "point of no return: none, every step can be undone"
    gone = irrevocable(rows)
    if not gone:
        told = [row["title"] for row in rows if row["kind"] == "client" and row["state"] == "done"]
        kept = (
            f"monqctl's own configuration ({'; '.join(told)})"
            if told
            else "monqctl's own configuration (Release Hub, credential)"
        )
        return f"point of no return: {first}, not reached; until then rollback.yml can undo everything except {kept}"
    sql = [row["key"] for row in gone if ".database." in row["key"]]
    tail = f"SQL has begun with {sql[0]}: databases can only be restored from dumps" if sql else "no SQL has run yet"
    stays = f"{len(gone)} steps cannot be undone, rollback.yml can undo the rest"
    return f"point of no return: {first}, PASSED: {stays}; {tail}"


def irrevocable(rows):
    """The irreversible steps that were or may have been done: failed attempts and those with unknown outcome count
    too."""
    return [row for row in rows if row["undo"] == "irreversible" and row["state"] != "to do"]


def summary(ledger, verified):
    """The summary for the operator: steps, outage, backups, counts, drift, findings."""
    rows = {row["key"]: row for row in ledger["steps"]}
    done = [row for row in ledger["steps"] if row["state"] == "done"]
    lines = [
        "Summary of the upgrade",
        f"  steps: {len(done)} of {len(rows)} done, generation {ledger['generation']}; the platform is "
        f"{ledger['platform'].upper()}",
    ]
    if ledger["outage_seconds"] is not None:
        lines.append(f"  outage: {ledger['outage_seconds']} s, from {rows['upgrade.routing.cut']['started']}")
    for module, version in (verified.get("versions") or {}).items():
        lines.append(f"  version: {module} {version or 'unknown'}")
    lines += _backups(done) + _replicas(rows, verified) + _drift(verified)
    for found in verified.get("findings") or []:
        number = f"{found['id']} " if found.get("id") else ""
        lines.append(
            f"  [{found['severity'].upper()}] {number}{found['object']}: expected {found['expected']}, "
            f"seen {found['seen']}"
        )
    lines.append("  " + point_of_no_return(ledger["steps"]))
    lines += [
        f"  cannot be undone: {row['key']} ({row['title']})" + ("" if row["state"] == "done" else f": {row['state']}")
        for row in irrevocable(ledger["steps"])
    ]
    lines += _unseen(done)
    answered = [row["key"] for row in done if row.get("by") == "operator"]
    lines += [f"  decided by the operator: {key}" for key in answered]
    return "\n".join(lines)


def unseen(done):
    """What only monqctl's word stands for: {images, caches}."""
    rows = [row["key"] for row in done if not row.get("result") and row.get("by") != "operator"]
    return {
        "images": [key.split(".")[1] for key in rows if key.endswith(".images")],
        "caches": [key.split(".")[-1] for key in rows if ".cache." in key],
    }


def _unseen(done):
    found = unseen(done)
    named = [("images copied for", found["images"]), ("caches cleared of", found["caches"])]
    return [f"  on monqctl's word alone: {what} {', '.join(names)}" for what, names in named if names]


def _backups(done):
    lines = []
    for row in done:
        result = row.get("result") or {}
        if (
            re.search(r"\.backup(_in_outage)?\.database\.", row["key"])
            and result.get("path")
            and not result.get("reused")
        ):
            scratch = result.get("scratch") or {}
            restored = scratch.get("state", "unknown") + (f" ({scratch['reason']})" if scratch.get("reason") else "")
            restored += "" if scratch.get("as_rollback") else ", owners and privileges not proved"
            lines.append(
                f"  backup of {result.get('database')}: {result['path']}, {result.get('rows')} rows, sha256 "
                f"{result.get('sha256')}, scratch restore: {restored}"
            )
    return lines


def _replicas(rows, verified):
    counts = verified.get("replicas") or {}
    restored = sum(
        (row.get("result") or {}).get("changed", 0)
        for key, row in rows.items()
        if ".replicas." in key and key.startswith("upgrade.")
    )
    lines = [f"  replica counts restored: {restored}"]
    for name, title in (
        ("appeared", "new services"),
        ("vanished", "services that are gone"),
        ("hpa", "left to their HPA"),
    ):
        if counts.get(name):
            lines.append(f"  {title}: {', '.join(counts[name])}")
    for name, count in sorted((counts.get("by_hand") or {}).items()):
        lines.append(f"  enter in the registry by hand: {name} {count}")
    return lines


def _drift(verified):
    drift = verified.get("drift") or {}
    return [f"  changed by Replace: {name}: {', '.join(lines)}" for name, lines in sorted(drift.items())]
