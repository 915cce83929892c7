# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of the outage from outside: changes of state, and the times at which nobody looked."""

from __future__ import annotations

from .. import timestamp

OK, UNSEEN = "ok", "not_observed"
FAILURES = ("refused", "tls", "timeout", "not_found", "server_error", "unexpected")
LARGEST = 5000  # changes that are kept of one process; from then on nothing is observed


def merged(spans):
    """[{at, state}] of what several processes saw, one after the other. The last one says that nobody looks any more.

    spans: [{changes: [{at, state}], until}]. Between two spans nobody looked; where they overlap, the later one counts.
    """
    found = []
    ordered = sorted((span for span in spans if span["changes"]), key=lambda span: span["changes"][0]["at"])
    for number, span in enumerate(ordered):
        following = ordered[number + 1]["changes"][0]["at"] if number + 1 < len(ordered) else None
        rows = [row for row in span["changes"] if following is None or row["at"] < following]
        if following is None or span["until"] < following:
            rows = [*rows, {"at": span["until"], "state": UNSEEN}]
        for row in rows:
            if not found or found[-1]["state"] != row["state"]:
                found.append({"at": row["at"], "state": row["state"]})
    return found


def summary(spans):
    """The outage as users saw it, or None where nobody looked: {state, from, to, seconds, failing_seconds,
    unseen_seconds, changes}.

    from, to: the first and the last failure. seconds: between them. unseen_seconds: how many of these nobody looked.
    state: none, running (the last observation is a failure) or ended.
    """
    changes = merged(spans)
    if not changes:
        return None
    pieces = list(zip(changes, changes[1:]))
    failing = [(one["at"], then["at"]) for one, then in pieces if one["state"] in FAILURES]
    if not failing:
        return {**_nothing(), "changes": changes}
    start, end = failing[0][0], failing[-1][1]
    unseen = sum(
        _between(one["at"], then["at"]) for one, then in pieces if one["state"] == UNSEEN and start <= one["at"] < end
    )
    return {
        "state": "running" if pieces[-1][0]["state"] in FAILURES else "ended",
        "from": start,
        "to": end,
        "seconds": _between(start, end),
        "failing_seconds": sum(_between(*one) for one in failing),
        "unseen_seconds": unseen,
        "changes": changes,
    }


def _nothing():
    return {"state": "none", "from": None, "to": None, "seconds": 0, "failing_seconds": 0, "unseen_seconds": 0}


def _between(start, end):
    return max(0, int((timestamp.parsed(end) - timestamp.parsed(start)).total_seconds()))
