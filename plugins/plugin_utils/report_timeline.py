# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything stands in the report's picture: numbers only, no words."""

from __future__ import annotations

from ..module_utils import timestamp

WIDTH, LEFT, RIGHT = 1000, 170, 12  # of the picture, in its own units
LANE, BAR, TOP, BOTTOM = 26, 16, 46, 34
GAP = 26  # of a pause that is cut short
IDLE, SHARE = 120, 0.08  # a pause longer than this many seconds, and than this part of the work, is cut short
THIN = 1.5  # the narrowest bar that is seen
NICE = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
BETWEEN = 95  # at least, between two labels of the axis


class Axis:
    """Time to place; long pauses, such as those between prepare.yml and upgrade.yml, are cut short."""

    def __init__(self, spans):
        """spans: [(start, end)] in seconds."""
        merged = []
        for start, end in sorted(spans):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        longest = max(IDLE, SHARE * sum(end - start for start, end in merged))
        self.parts = merged[:1]
        for start, end in merged[1:]:
            if start - self.parts[-1][1] <= longest:
                self.parts[-1][1] = end
            else:
                self.parts.append([start, end])
        room = WIDTH - LEFT - RIGHT - GAP * (len(self.parts) - 1)
        self._scale = room / max(1.0, sum(end - start for start, end in self.parts))

    def x(self, moment):
        place = float(LEFT)
        for index, (start, end) in enumerate(self.parts):
            if moment <= end or index == len(self.parts) - 1:
                return round(place + min(max(0.0, moment - start), end - start) * self._scale, 1)
            place += (end - start) * self._scale + GAP
        return place

    def breaks(self):
        """The middles of the pauses that are cut short."""
        return [round(self.x(end) + GAP / 2, 1) for _start, end in self.parts[:-1]]

    def ticks(self):
        """[(x, moment)] of round times, and of the beginning of each part."""
        found = []
        step = next((nice for nice in NICE if nice * self._scale >= BETWEEN), NICE[-1])
        for start, end in self.parts:
            moments = [start] + [
                moment for moment in range(int(start) // step * step, int(end) + 1, step) if moment > start
            ]
            for moment in moments:
                x = self.x(moment)
                if x <= WIDTH - RIGHT - 50 and (not found or x - found[-1][0] >= BETWEEN * 0.75):
                    found.append((x, int(moment)))
        return found


def picture(report):
    """The picture's parts, or None without a single time. Client steps are left out: every new home repeats them."""
    steps = [row for row in report["steps"] if row["kind"] != "client" and row["started"]]
    spans = [(timestamp.seconds(row["started"]), timestamp.seconds(row["finished"] or row["started"])) for row in steps]
    if not spans:
        return None
    # The outage may begin before a rollback's own first step.
    outage = report["outage"]["ledger"]
    if outage["from"]:
        spans.append((timestamp.seconds(outage["from"]),) * 2)
    axis = Axis([(start, max(start, end)) for start, end in spans])
    lanes = _lanes(report, steps, axis)
    height = TOP + LANE * len(lanes) + BOTTOM
    return {
        "width": WIDTH,
        "height": height,
        "left": LEFT,
        "top": TOP,
        "bottom": TOP + LANE * len(lanes),
        "bar": BAR,
        "lanes": lanes,
        "outage": _band(report, axis, spans),
        "marks": _marks(report, steps, axis),
        "breaks": axis.breaks(),
        "ticks": [{"x": x, "at": _text(moment)} for x, moment in axis.ticks()],
        "probe": _probe(report, axis),
    }


def _text(moment):
    return timestamp.of_seconds(moment)


def _lanes(report, steps, axis):
    lanes = []
    for stage in report["stages"]:
        if not stage["started"]:
            continue
        x, end = axis.x(timestamp.seconds(stage["started"])), axis.x(timestamp.seconds(stage["finished"]))
        lane = {
            "stage": stage["id"],
            "y": TOP + LANE * len(lanes),
            "x": x,
            "width": max(THIN, round(end - x, 1)),
            "bars": [],
        }
        for row in steps:
            if row["stage"] == stage["id"]:
                start = axis.x(timestamp.seconds(row["started"]))
                width = round(axis.x(timestamp.seconds(row["finished"] or row["started"])) - start, 1)
                lane["bars"].append({"x": start, "width": max(THIN, width), "row": row})
        lanes.append(lane)
    return lanes


def _band(report, axis, spans):
    outage = report["outage"]["ledger"]
    if outage["state"] == "none":
        return None
    start, last = axis.x(timestamp.seconds(outage["from"])), max(end for _start, end in spans)
    end = axis.x(timestamp.seconds(outage["to"]) if outage["to"] else last)
    return {"x": start, "width": max(THIN, round(end - start, 1))}


def _marks(report, steps, axis):
    """[{x, kind, at, what}]: point of no return, failures, answers, another run that takes the lock."""
    found = []
    point = (report.get("point_of_no_return") or {}).get("key")
    first = next((row for row in steps if row["key"] == point), None)
    if first:
        found.append(("point", first["started"], first["key"]))
    found += [("failure", one["at"], one.get("step") or "") for one in report["failures"] if one.get("at")]
    found += [("answer", one["at"], one["key"]) for one in report["decisions"] if one["at"]]
    found += [("run", one["started"], one["lock"]) for one in report["runs"][1:]]
    return [{"x": axis.x(timestamp.seconds(at)), "kind": kind, "at": at, "what": what} for kind, at, what in found]


def _probe(report, axis):
    """[{x, width, state}] of the strip of the outage as users saw it: from each change to the next."""
    changes = (report["outage"].get("probe") or {}).get("changes") or []
    found = []
    for one, then in zip(changes, changes[1:]):
        x, end = axis.x(timestamp.seconds(one["at"])), axis.x(timestamp.seconds(then["at"]))
        found.append({"x": x, "width": max(THIN, round(end - x, 1)), "state": one["state"]})
    return found
