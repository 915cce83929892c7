# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json of an upgrade: from the ledger, the snapshots and the recorded facts."""

from __future__ import annotations

from .. import timestamp
from ..engine import steps
from . import sections
from . import upgrade as texts

FORMAT = "1.0"  # a second number that rises means more keys; the first one rises where a key changes its meaning
FINISHED, FAILED, RUNNING, UNFINISHED = "finished", "failed", "running", "unfinished"


def upgrade(about, overview, ledger, before, facts):
    """The report's data.

    about: {made, installation, collection, holder, release, modules}. ledger: {entries, digests, closed, plan}. before:
    {replicas, routes}, from the snapshots; the facts of a verified upgrade hold their own. facts: what verify.yml and
    failures recorded, see facts.py.
    """
    entries, release = ledger["entries"], about["release"]
    rows = sections.rows(overview["steps"], entries, about["modules"])
    done = [row for row in overview["steps"] if row["state"] == "done"]
    seen = facts.get("verified") or facts.get("seen_at_failure") or {}
    before = seen.get("before") or before
    return {
        **heading("upgrade", about),
        "generation": overview["generation"],
        "outcome": outcome(ledger, facts, about.get("holder", "")),
        "platform": overview["platform"],
        "closed": ledger["closed"],
        "counts": sections.counts(rows),
        "outage": {"ledger": outage(overview, rows, about["made"]), "probe": facts.get("probe")},
        "irreversible": sections.irreversible(rows),
        "point_of_no_return": sections.point_of_no_return(rows),
        "decisions": sections.decisions(rows, entries),
        "failures": facts.get("failures") or [],
        "stages": sections.stages(rows),
        "steps": rows,
        "runs": sections.runs(entries),
        "sql": sections.sql(release, about["modules"], rows, entries, ledger["digests"]),
        "backups": sections.backups(rows, entries),
        "replicas": sections.replicas(before.get("replicas"), seen, entries),
        "routes": sections.routes(before.get("routes"), seen, entries),
        "drift": seen.get("drift") or {},
        "preflight": facts.get("preflight") or [],
        "findings": seen.get("findings") or [],
        "versions": {
            "wanted": {
                name: release["modules"][name]["version"]
                for name in steps.ordered(release, "modules", about["modules"])
            },
            "seen": seen.get("versions") or {},
            "software": seen.get("software") or {},
        },
        "unproved": {name: list(dict.fromkeys(keys)) for name, keys in texts.unseen(done).items()},
        "rollback": None,
        "plan": {"id": ledger["plan"]} if ledger.get("plan") else None,
    }


def heading(kind, about):
    release = about["release"]
    return {
        "format": FORMAT,
        "kind": kind,
        "made": about["made"],
        "collection": about["collection"],
        "release": {"product": release["product"], "from": release["previous"], "to": release["version"]},
        "installation": about["installation"],
    }


def outcome(ledger, facts, holder=""):
    """finished, failed, running (under a lock that no recorded failure had) or unfinished."""
    failures = facts.get("failures") or []
    if ledger["closed"]:
        return FINISHED
    if holder and not (failures and failures[-1].get("lock") == holder):
        return RUNNING
    return FAILED if failures else UNFINISHED


def outage(overview, rows, made):
    """{state, from, to, seconds} by the ledger. state: none, running or ended."""
    cut = next((row for row in rows if row["cutover"] and row["started"]), None)
    if not cut:
        return {"state": "none", "from": None, "to": None, "seconds": 0}
    seconds = overview["outage_seconds"]
    if seconds is None:
        passed = int((timestamp.parsed(made) - timestamp.parsed(cut["started"])).total_seconds())
        return {"state": "running", "from": cut["started"], "to": None, "seconds": max(0, passed)}
    end = [row["finished"] for row in rows if row["key"].startswith("upgrade.") and row["kind"] != "client"][-1]
    return {"state": "ended", "from": cut["started"], "to": end, "seconds": seconds}
