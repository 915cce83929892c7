# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several installations in one run: which batch may begin, and one table for all of them."""

from __future__ import annotations

from ..engine import progress
from ..language import ENGLISH, mark
from . import status

HEADS = (mark("installation"), mark("result"), mark("outage"), mark("platform"))
VERDICTS = {
    "done": mark("done"),
    "upgraded": mark("upgraded, not verified yet"),
    "rolled back": mark("rolled back"),
    "checked": mark("checked"),
    "failed": mark("failed at {at}"),
    "question": mark("failed at {at}: needs a decision"),
    "interrupted": mark("interrupted at {at}"),
    "locked": mark("locked by {at}"),
    "unreachable": mark("unreachable: {at}"),
    "killed": mark("its process was killed at {at}"),
    "not begun": mark("not begun"),
    "unfinished": mark("not finished"),
}
# The same in the sum of the first line.
SUMS = {
    **VERDICTS,
    "failed": mark("failed"),
    "question": mark("asking for a decision"),
    "interrupted": mark("interrupted"),
    "locked": mark("locked"),
    "unreachable": mark("unreachable"),
    "killed": mark("killed"),
}
GOOD = ("done", "upgraded", "rolled back", "checked")
PLATFORM = {"up": mark("up"), "down": mark("DOWN"), "unknown": mark("unknown")}
TITLE = mark("All {count} installations of this run: {sums}")
ASKED = mark("next, with the answer that the text of each of them asks for:")
NEXT = mark("next, for all that are not done:")
WAIT = mark("next, when the runs that hold the locks have ended:")
LEAST = 4  # characters of a column


# ---- batches


def batches(serial, hosts):
    """The batches that Ansible makes of the hosts for this value of serial."""
    sizes, left, found = list(serial) if isinstance(serial, (list, tuple)) else [serial], list(hosts), []
    while left:
        size = _size(sizes[min(len(found), len(sizes) - 1)], len(hosts)) if sizes else 0
        size = size if size > 0 else len(left)
        found.append(left[:size])
        left = left[size:]
    return found


def _size(text, count):
    text = str(text)
    return max(1, int(float(text[:-1]) / 100 * count)) if text.endswith("%") else int(text)


def earlier(serial, hosts, host):
    """(hosts of the batches before this host's, hosts of the batches after it)."""
    made = batches(serial, hosts)
    mine = next(number for number, batch in enumerate(made) if host in batch)
    return [name for batch in made[:mine] for name in batch], [name for batch in made[mine + 1 :] for name in batch]


# ---- one row


def row(ledger, result=None):
    """{verdict, at, outage, platform} of one installation. ledger: what ledger_info returned, or {}. result: that of
    the task that failed, or None."""
    found = {"outage": ledger.get("outage_seconds"), "platform": ledger.get("platform", ""), "at": ""}
    rows = ledger.get("steps") or []
    open_ = next((one for one in rows if one["state"] not in ("done", "to do", progress.ELSEWHERE)), {})
    if result is not None:
        return {**found, **_failed(result, open_)}
    holder = ledger.get("holder") or {}
    if holder and status.silent(holder, ledger.get("now")) is None:
        return {**found, "verdict": "locked", "at": holder.get("holder", "?")}
    if rows and rows[-1]["state"] == "done":
        return {**found, "verdict": "done"}
    if open_:
        verdict = "interrupted" if open_["state"] == "intent" else "failed"
        return {**found, "verdict": "question" if ledger.get("questions") else verdict, "at": open_["key"]}
    return {**found, "verdict": "unfinished" if ledger.get("begun") else "not begun"}


def _failed(result, open_):
    message = str(result.get("msg") or "")
    if result.get("error") == "LockError" and result.get("holder"):
        return {"verdict": "locked", "at": result["holder"]}
    at = result.get("step") or open_.get("key") or result.get("task") or ""
    if "monq_resolve" in message or result.get("last_exit"):
        return {"verdict": "question", "at": at}
    return {"verdict": "interrupted" if open_.get("state") == "intent" else "failed", "at": at}


# ---- the table


def table(rows, command, words=ENGLISH):
    """The text. rows: {host: what row() returned}, in the order of the inventory. command(hosts): what to type for
    these."""
    lines = [[words.gettext(head) for head in HEADS]]
    lines += [[host, *_cells(one, words)] for host, one in rows.items()]
    wide = [max(LEAST, *(len(line[column]) for line in lines)) for column in range(len(HEADS))]
    counted = {}
    for one in rows.values():
        counted[one["verdict"]] = counted.get(one["verdict"], 0) + 1
    sums = ", ".join(f"{number} {words.gettext(SUMS[name])}" for name, number in counted.items())
    text = [words._(TITLE, count=len(rows), sums=sums)]
    text += ["  " + "  ".join(cell.ljust(size) for cell, size in zip(line, wide)).rstrip() for line in lines]
    return "\n".join(text + _next(rows, command, words))


def _cells(one, words):
    known = one.get("outage")
    return [
        words._(VERDICTS[one["verdict"]], at=words.sentence(one.get("at") or "?")),
        "-" if known is None else words._("{seconds} s", seconds=known),
        words.gettext(PLATFORM.get(one.get("platform"), "-")),
    ]


def _next(rows, command, words):
    """The commands to type, one for all hosts that need the same."""
    kinds = {ASKED: [], WAIT: [], NEXT: []}
    for host, one in rows.items():
        if one["verdict"] not in GOOD:
            kinds[{"question": ASKED, "locked": WAIT}.get(one["verdict"], NEXT)].append(host)
    lines = []
    for what, hosts in kinds.items():
        lines += ["  " + words.gettext(what), "    " + command(hosts)] if hosts else []
    return lines
