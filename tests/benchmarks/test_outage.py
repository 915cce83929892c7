"""The outage where monqctl's calls take their time. SCALE shortens all of them alike; what the collection itself needs
does not shrink with it, so the goals hold at SCALE=1, which takes about 20 minutes."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path

from benchmarks import figures, measure

SCALE = float(os.environ.get("SCALE") or 1)
START, PAUSE = 0.3, 60  # seconds: each start of the client; the notes' pause for the Ingress controller
TAKES = {
    ("release", "update", "images"): 60,
    ("registry", "update", "registry"): 10,
    ("release", "update", "db"): 2,
    ("release", "update", "microservices"): 15,
    ("instance", "clear", "cache"): 1,
}
# What has to lie inside the outage. The client's context is asked in between as well: a guard of ours, and no part of
# the floor.
INSIDE = (
    ["release", "update", "routing"],
    ["release", "update", "db"],
    ["release", "update", "microservices"],
    ["registry", "get", "microservices"],
    ["registry", "apply", "microservice"],
    ["instance", "clear", "cache"],
)


def delays():
    """Orders to the simulator: sleep before a call."""

    def row(match, seconds):
        command = ["sleep", str((seconds + START) * SCALE)]
        return {"match": list(match), "kind": "exec", "command": command, "times": 10**6}

    return [*(row(match, seconds) for match, seconds in TAKES.items()), row([], 0)]


def events(installation, mark):
    """Of the audit log since a mark."""
    return map(json.loads, Path(installation.sandbox.facts["audit_log"]).read_text().splitlines()[mark:])


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def begins(installation, mark):
    """When the first old route was deleted."""
    deleted = [
        moment(event["requestReceivedTimestamp"])
        for event in events(installation, mark)
        if event["verb"] == "delete"
        and (event.get("objectRef") or {}).get("resource") == "ingresses"
        and event["objectRef"]["namespace"] == installation.name
        and event["user"]["username"] == "operator"
    ]
    return min(deleted)


def rollouts(installation, mark, since):
    """Seconds for which Deployments were watched: a rollout is waited for as long as it takes."""
    return sum(
        moment(event["stageTimestamp"]) - moment(event["requestReceivedTimestamp"])
        for event in events(installation, mark)
        if event["verb"] == "watch"
        and event["stage"] == "ResponseComplete"
        and (event.get("objectRef") or {}).get("resource") == "deployments"
        and event["user"]["username"] == "operator"
        and moment(event["requestReceivedTimestamp"]) >= since
    )


def calls(installation, since):
    """[(argv, seconds)] of the calls of monqctl that began in the outage; the start of the client included."""
    rows = [json.loads(line) for line in Path(installation.facts["journal"]).read_text().splitlines()]
    begun, found = {}, []
    for row in rows:
        if row["event"] == "start":
            begun[row["pid"]] = row["time"]
        elif begun.get(row["pid"], 0) >= since:
            found.append((row["argv"], row["time"] - begun.pop(row["pid"]), row["time"]))
    return found


def outage(installation, mark):
    """(seconds of the outage, its floor)"""
    since = begins(installation, mark)
    found = calls(installation, since)
    closed = max(end for argv, _seconds, end in found if argv[:3] in INSIDE)
    inside = sum(seconds for argv, seconds, _end in found if argv[:3] in INSIDE)
    return closed - since, inside + PAUSE * SCALE + rollouts(installation, mark, since)


def run(install, name, act):
    installation = install(name)
    installation.faults(*delays())
    mark = installation.audit_mark()
    act(installation)
    installation.faults()
    return outage(installation, mark)


def test_outage(install):
    pause = {"monq_ingress_reload_pause": round(PAUSE * SCALE)}
    ours, floor = run(install, "site-run", lambda made: measure.play(made, "site", extra=pause))
    once, floor_once = run(
        install, "site-run", lambda made: measure.play(made, "site", extra={**pause, "monq_rollout_gate": "end"})
    )
    hand, _floor = run(install, "by-hand", lambda made: measure.by_hand(made, pause=PAUSE * SCALE))
    what, beside = "outage, realistic calls", "what must lie in it: calls, pause, rollouts"
    figures.add(what, ours, beside, floor, goal=1.05)
    figures.add(what, ours, "the notes typed by a script, images inside", hand, goal=0.45)
    figures.add("our own time in that outage", ours - floor, "", None, goal=8)
    figures.add(f"{what}, monq_rollout_gate: end", once, beside, floor_once)
