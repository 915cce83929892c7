# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .. import timestamp
from . import steps

ELSEWHERE = "to do in this home"  # a client step that is done in another home of monqctl
LOST = "unknown: the ledger of the upgrade was deleted"


def overview(run, lock_id="", lost=None):
    """The state of the upgrade, for plan, status and summary. lost: the finding if the ledger was deleted."""
    entries = run.ledger.entries
    rows = []
    for step in run.plan:
        entry = entries.get(step.key) or {}
        state = "done" if run.is_done(step.key) else entry.get("state", "to do")
        if step.kind == "client" and state == "done" and not run.is_done(step.key):
            state = ELSEWHERE
        row = {"key": step.key, "state": state, "undo": step.undo, "kind": step.kind, "title": step.title}
        row["cutover"] = steps.CUTOVER in step.traits
        row.update(
            {
                name: entry[name]
                for name in ("attempt", "started", "finished", "error", "result", "by")
                if entry.get(name) is not None
            }
        )
        rows.append(row)
    return {
        "steps": rows,
        "platform": "unknown" if lost else steps.outage(run.plan, entries),
        "finished": all(row["state"] == "done" for row in rows),
        "begun": run.ledger.exists,
        "generation": run.ledger.generation,
        "outage_seconds": outage_seconds(rows),
        "changed_so_far": LOST if lost else changed_so_far(run.plan, entries, lock_id),
        "reachable": LOST if lost else platform(run.plan, entries),
        "lost": f"THE LEDGER IS GONE: {lost['object']} was deleted. It was {lost['expected']}. Next: {lost['next']}"
        if lost
        else "",
    }


def outage_seconds(rows):
    """Seconds from the start of the cutover to the end of the last upgrade step; None before or during the outage."""
    upgrade = [row for row in rows if row["key"].startswith("upgrade.") and row["kind"] != "client"]
    cut = next((row for row in upgrade if row["cutover"]), None)
    if not cut or any(row["state"] != "done" for row in upgrade):
        return None
    return int((timestamp.parsed(upgrade[-1]["finished"]) - timestamp.parsed(cut["started"])).total_seconds())


def changed_so_far(plan, entries, lock_id=""):
    """The row "changed" of a failure: how many steps are done, and how many since the lock was taken (site.yml takes it
    once for each part)."""
    done = [step for step in plan if (entries.get(step.key) or {}).get("state") in steps.DONE]
    if not done:
        return f"nothing: none of {len(plan)} steps is done"
    text = f"{len(done)} of {len(plan)} steps done, the last: {done[-1].key}"
    mine = [step for step in done if lock_id and entries[step.key].get("lock") == lock_id]
    return text + (f"; {len(mine)} of them under this lock" if lock_id else "")


def platform(plan, entries):
    """The row "platform" of a failure: whether Monq is reachable, according to the ledger."""
    cut = steps.cutover(plan)
    if steps.outage(plan, entries) == "down":
        return f"DOWN since {entries[cut].get('started')}: the old routes are removed and the upgrade is not finished"
    return "up" if cut in entries else "up: the old routes have not been touched"


def down_since(plan, entries):
    """When the outage began, as recorded, or None while Monq is reachable."""
    return entries[steps.cutover(plan)].get("started") if steps.outage(plan, entries) == "down" else None


def standing(plan, entries, lock_id=""):
    """The rows "platform" and "changed" of a failure."""
    return platform(plan, entries), changed_so_far(plan, entries, lock_id)
