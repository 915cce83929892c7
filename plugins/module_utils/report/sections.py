# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections of report.json."""

from __future__ import annotations

import re

from .. import timestamp
from ..engine import steps
from ..k8s.routes import hosts
from ..upgrade import replicas as counted

BACKUP = re.compile(r"(prepare|upgrade)\.backup(_in_outage)?\.database\.")
STATES = ("done", "failed", "unknown", "intent", "to do")
COPIED = ("attempt", "host", "error", "by", "redone")


def rows(listed, entries, modules):
    """The steps with their stage, seconds, and what the ledger knows of them. A client step counts as done if it is
    done in any home of monqctl."""
    made = []
    for row in listed:
        entry = entries.get(row["key"]) or {}
        state = row["state"]
        if row["kind"] == "client" and entry.get("state") in steps.DONE:
            state = "done"
        started, finished = entry.get("started"), entry.get("finished")
        made.append(
            {
                "key": row["key"],
                "stage": stage(row["key"], modules),
                "title": row["title"],
                "kind": row["kind"],
                "undo": row["undo"],
                "cutover": bool(row.get("cutover")),
                "state": state,
                "started": started,
                "finished": finished,
                "seconds": seconds(started, finished),
                **{name: entry.get(name) for name in COPIED},
            }
        )
    return made


def stage(key, modules=()):
    """The part of the run that a step belongs to: prepare, upgrade.begin, upgrade.routing, upgrade.<module>, verify or
    rollback."""
    first, second = key.split(".")[:2]
    if first != "upgrade":
        return first
    return f"upgrade.{second if second == 'routing' or second in modules else 'begin'}"


def seconds(started, finished):
    if not started or not finished:
        return None
    return max(0, int((timestamp.parsed(finished) - timestamp.parsed(started)).total_seconds()))


def counts(made):
    found = {"steps": len(made), **{state: 0 for state in STATES}}
    for row in made:
        state = row["state"] if row["state"] in found else "to do"
        found[state] += 1
    return found


def stages(made):
    """[{id, steps, done, started, finished, seconds}] in order. Client steps are repeated by every new home of monqctl,
    so they do not count for the times."""
    found = {}
    for row in made:
        one = found.setdefault(
            row["stage"], {"id": row["stage"], "steps": 0, "done": 0, "started": None, "finished": None}
        )
        one["steps"] += 1
        one["done"] += row["state"] == "done"
        if row["kind"] != "client" and row["started"]:
            one["started"] = min(filter(None, (one["started"], row["started"])))
            one["finished"] = max(filter(None, (one["finished"], row["finished"] or row["started"])))
    return [{**one, "seconds": seconds(one["started"], one["finished"])} for one in found.values()]


def irreversible(made):
    """What was or may have been done and stays: a count and the steps."""
    gone = [row for row in made if row["undo"] == "irreversible" and row["state"] != "to do"]
    return listed_irreversible([{name: row[name] for name in ("key", "title", "state", "finished")} for row in gone])


def listed_irreversible(steps_gone):
    """{count, sql, steps}; each step with the microservice whose database it changed, or null."""
    found = [{**row, "microservice": database_of(row["key"])} for row in steps_gone]
    return {"count": len(found), "sql": sum(bool(row["microservice"]) for row in found), "steps": found}


def database_of(key):
    """upgrade.<module>.database.<microservice>.<file>: the microservice; None for any other step."""
    parts = key.split(".")
    return parts[3] if len(parts) > 4 and parts[0] == "upgrade" and parts[2] == "database" else None


def point_of_no_return(made):
    first = next((row for row in made if row["undo"] == "irreversible"), None)
    return {
        "key": first["key"] if first else None,
        "passed": any(row["undo"] == "irreversible" and row["state"] != "to do" for row in made),
    }


def decisions(made, entries):
    """What the operator answered with monq_resolve: [{key, title, answer, attempt, at}], by step."""
    found = []
    for row in made:
        entry = entries.get(row["key"]) or {}
        said = [("redo", attempt, None) for attempt in entry.get("redone") or []]
        said += [("retry", attempt, None) for attempt in entry.get("retried") or []]
        if entry.get("by") == "operator":
            answer = "accept" if entry.get("state") == "accepted" else "done"
            said.append((answer, entry.get("attempt"), entry.get("finished")))
        found += [
            {"key": row["key"], "title": row["title"], "answer": answer, "attempt": attempt, "at": at}
            for answer, attempt, at in said
        ]
    return found


def runs(entries):
    """[{lock, host, started, finished, steps}]: who held the lock, by the last attempt of each step."""
    found = {}
    for entry in entries.values():
        if entry.get("lock") and entry.get("started"):
            one = found.setdefault(
                entry["lock"],
                {
                    "lock": entry["lock"],
                    "host": entry.get("host"),
                    "started": entry["started"],
                    "finished": None,
                    "steps": 0,
                },
            )
            one["steps"] += 1
            one["started"] = min(one["started"], entry["started"])
            one["finished"] = max(filter(None, (one["finished"], entry.get("finished"))), default=None)
    return sorted(found.values(), key=lambda one: (one["started"], one["lock"]))


def sql(release, modules, made, entries, digests):
    """The SQL files, in order: sha256 as known at the start, and what the database showed of each.

    seen: null where nobody looked.
    """
    by_key = {row["key"]: row for row in made}
    found = []
    for module in steps.ordered(release, "modules", modules):
        for one in release["modules"][module]["sql"]:
            key = steps.sql_key(module, one["microservice"], one["file"])
            row = by_key.get(key)
            if row:
                result = (entries.get(key) or {}).get("result")
                found.append(
                    {
                        "key": key,
                        "module": module,
                        "microservice": one["microservice"],
                        "file": one["file"],
                        "sha256": digests.get(key),
                        "state": row["state"],
                        "by": row["by"],
                        "seconds": row["seconds"],
                        "seen": result if isinstance(result, dict) and "catalogue" in result else None,
                    }
                )
    return found


def backups(made, entries):
    """The dumps, each once, with their proof."""
    found = []
    for row in made:
        result = (entries.get(row["key"]) or {}).get("result") or {}
        if BACKUP.match(row["key"]) and result.get("path") and not result.get("reused"):
            names = (
                "database",
                "server",
                "path",
                "bytes",
                "sha256",
                "tables",
                "rows",
                "started",
                "finished",
                "scratch",
            )
            found.append({"key": row["key"], **{name: result.get(name) for name in names}})
    return found


def replicas(before, seen, entries):
    """Counts of both stores before and after: {services: {name: …}, restored, appeared, vanished, hpa, by_hand}."""
    before, after = before or {}, seen.get("counts") or {}
    services = {}
    for name in sorted({*before, *after}):
        then, now = before.get(name) or {}, after.get(name) or {}
        services[name] = {
            **{store: {"before": then.get(store), "after": now.get(store)} for store in ("kubernetes", "registry")},
            "hpa": bool(then.get("hpa") or now.get("hpa")),
        }
    restored = sum(
        ((entry.get("result") or {}).get("changed") or 0)
        for key, entry in entries.items()
        if key.startswith("upgrade.") and ".replicas." in key
    )
    known = seen.get("replicas") or {}
    if after and not known:
        known = {"appeared": counted.appeared(before, after), "vanished": counted.vanished(before, after)}
    return {
        "services": services,
        "restored": restored,
        "known_after": bool(after),
        "appeared": known.get("appeared") or [],
        "vanished": known.get("vanished") or [],
        "hpa": known.get("hpa") or [],
        "by_hand": known.get("by_hand") or {},
    }


def routes(before, seen, entries):
    """{removed, served, before, after}; the last two map an Ingress to its hosts."""
    removed = ((entries.get("upgrade.routing.cut") or {}).get("result") or {}).get("removed") or []
    served = ((entries.get("upgrade.routing.wait") or {}).get("result") or {}).get("served") or []
    return {
        "removed": removed,
        "served": served,
        "before": before or {},
        "after": seen.get("routes"),
    }


def route_hosts(ingresses):
    return {one["metadata"]["name"]: sorted(set(hosts(one))) for one in ingresses}
