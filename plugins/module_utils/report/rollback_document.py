# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json of a rollback: from both ledgers."""

from __future__ import annotations

from .. import timestamp
from ..engine.steps import DONE
from ..rollback import steps as rollback_steps
from . import document, sections

ROLLED_BACK, UNFINISHED, FAILED, RUNNING = "rolled_back", "rollback_unfinished", "rollback_failed", "running"
PREFIX = "rollback.database."


def rollback(about, own, upgrade, upgrade_plan, configure, registry_replicas, probe=None):
    """The report's data. own, upgrade: {entries, generation} of the two ledgers; own also {databases}, those that this
    rollback was started with. probe: the outage as users saw it, or None."""
    entries, names = own["entries"], own["databases"]
    plan = rollback_steps.plan(upgrade_plan, names, configure, registry_replicas)
    listed = [
        {
            "key": step.key,
            "kind": step.kind,
            "undo": step.undo,
            "title": step.title,
            "state": _state(entries.get(step.key)),
        }
        for step in plan
    ]
    rows = sections.rows(listed, entries, about["modules"])
    finished = (entries.get(rollback_steps.ARCHIVE) or {}).get("state") in DONE
    stays = rollback_steps.irreversible(upgrade_plan, upgrade["entries"], names)
    out = outage(upgrade["entries"], entries, about["made"])
    return {
        **document.heading("rollback", about),
        "generation": own["generation"],
        "outcome": outcome(finished, entries, about.get("holder", "")),
        "platform": "down" if out["state"] == "running" else "up",
        "closed": None,
        "counts": sections.counts(rows),
        "outage": {"ledger": out, "probe": probe},
        "irreversible": sections.listed_irreversible(
            [
                {**row, **{name: upgrade["entries"][row["key"]].get(name) for name in ("state", "finished")}}
                for row in stays
            ]
        ),
        "decisions": sections.decisions(rows, entries),
        "failures": [
            {"at": row["finished"], "step": row["key"], "task": row["title"], "message": row["error"]}
            for row in rows
            if row["error"] and row["state"] != "done"
        ],
        "stages": sections.stages(rows),
        "steps": rows,
        "runs": sections.runs(entries),
        "rollback": results(entries),
        "plan": None,
    }


def _state(entry):
    state = (entry or {}).get("state", "to do")
    return "done" if state in DONE else state


def outcome(finished, entries, holder=""):
    if finished:
        return ROLLED_BACK
    if any(entry.get("state") in ("failed", "unknown") for entry in entries.values()):
        return FAILED
    return RUNNING if holder else UNFINISHED


def outage(upgrade, own, made):
    """From the cutover, or from the first step of the rollback that stopped something, until the old routes are
    back."""
    starts = [(upgrade.get(rollback_steps.CUT) or {}).get("started")]
    starts += [(own.get(key) or {}).get("started") for key in ("rollback.deployments.stop", "rollback.routing.remove")]
    begin = next(filter(None, starts), None)
    if not begin:
        return {"state": "none", "from": None, "to": None, "seconds": 0}
    end = own.get("rollback.routing.restore") or {}
    over = end.get("state") in DONE
    until = end.get("finished") if over else None
    passed = (timestamp.parsed(until or made) - timestamp.parsed(begin)).total_seconds()
    return {"state": "ended" if over else "running", "from": begin, "to": until, "seconds": max(0, int(passed))}


def results(entries):
    """What was restored, and what the operator must do by hand."""
    found = {key: entry.get("result") or {} for key, entry in entries.items()}
    changed = found.get("rollback.deployments.restore") or {}
    routes = found.get("rollback.routing.restore") or {}
    archive = found.get(rollback_steps.ARCHIVE) or {}
    names = ("database", "path", "sha256", "rows", "kept", "settings_left")
    return {
        "deployments": {word: changed.get(word) or [] for word in ("created", "updated", "deleted", "started")},
        "routes": {
            "removed": (found.get("rollback.routing.remove") or {}).get("removed") or [],
            "restored": [*(routes.get("created") or []), *(routes.get("updated") or [])],
        },
        "databases": [
            {"microservice": key[len(PREFIX) :], **{name: result.get(name) for name in names}}
            for key, result in sorted(found.items())
            if key.startswith(PREFIX) and result
        ],
        "registry_left": (found.get("rollback.replicas.registry") or {}).get("left") or {},
        "by_hand": (found.get(rollback_steps.CHECK) or {}).get("by_hand") or {},
        "archive": archive.get("ledger"),
        "asks_again": archive.get("carried") or [],
    }
