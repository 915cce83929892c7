# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade may leave behind: what of it may be removed, and the list as text."""

from __future__ import annotations

import json
import re

SNAPSHOT, BUNDLE, DUMP, SCRATCH, DATABASE, REPORT = "snapshots", "bundles", "dumps", "scratch", "databases", "reports"
KINDS = {
    SNAPSHOT: "snapshots (Secrets)",
    BUNDLE: "support bundles",
    DUMP: "dumps",
    SCRATCH: "scratch databases of killed runs",
    DATABASE: "databases kept by a rollback",
    REPORT: "reports",
}
# Removed only where the operator names them: what a rollback needs, and what holds data that is nowhere else.
NAMED = (SNAPSHOT, DUMP, DATABASE, REPORT)
FILES = (
    (re.compile(r"support-\d{8}T\d{6}\.\d{3}Z\.tar\.gz"), BUNDLE),
    (re.compile(r".+\.\d{8}T\d{6}\.\d{3}Z\.dump(\.partial)?"), DUMP),
    (re.compile(r"(rollback-)?report\.(json|html|md)"), REPORT),
)


def item(kind, name, size, made, generation, rollback=False):
    """One thing that was left. made: seconds since 1970, or None. rollback: whether a rollback would need it."""
    return {
        "kind": kind,
        "name": name,
        "bytes": size,
        "made": made,
        "generation": generation,
        "rollback": rollback,
        "action": "",
        "why": "",
    }


def kind_of(file):
    """The kind of a file beside the backup, or None: manifest, summary and unsent results are not removed."""
    return next((kind for pattern, kind in FILES if pattern.fullmatch(file)), None)


def judge(items, also=()):
    """Sets action and why of each: remove, or keep."""
    for one in items:
        kind, named = one["kind"], one["kind"] in also
        if kind == SNAPSHOT and not one["rollback"]:
            one["action"] = "remove"  # of a generation that was rolled back
        elif kind in NAMED and not named:
            needed = "a rollback needs it" if one["rollback"] else "it holds what is nowhere else"
            one["action"], one["why"] = "keep", f"{needed}: named only by monq_cleanup_also"
        else:
            one["action"] = "remove"
    return items


def kept_generation(comment, prefix, databases):
    """(database, generation) of a database that a rollback set aside, by its comment; None if it is not one of this
    installation's."""
    if not (comment or "").startswith(prefix):
        return None
    try:
        found = json.loads(comment[len(prefix) :])
        if found["database"] in databases:
            return found["database"], int(found["generation"])
    except (ValueError, TypeError, KeyError):
        pass
    return None


def text(found):
    """The list for the operator, with sizes and ages, and how to remove it."""
    items = found["items"]
    if not items:
        return "The upgrade has left nothing that could be removed."
    lines = []
    for kind, title in KINDS.items():
        of_kind = [one for one in items if one["kind"] == kind]
        if of_kind:
            lines.append(f"{title}: {len(of_kind)}, {size(sum(one['bytes'] or 0 for one in of_kind))}")
        for one in of_kind:
            aged = f", {age(found['now'] - one['made'])} old" if one["made"] is not None else ""
            tail = f" ({one['why']})" if one["why"] else ""
            lines.append(f"  {one['action']:>8}  {one['name']}  {size(one['bytes'])}{aged}{tail}")
    lines += [f"not listed: {why}" for why in found["unread"]]
    gone = [one for one in items if one["action"] in ("remove", "removed")]
    freed = size(sum(one["bytes"] or 0 for one in gone))
    if found["refused"]:
        lines += ["Nothing can be removed now:", *(f"  {why}" for why in found["refused"])]
    elif found["removed"]:
        lines.append(f"Removed: {len(gone)} of {len(items)}, {freed}")
    elif gone:
        lines += [
            f"Nothing was removed. To remove {len(gone)} of {len(items)}, {freed}:",
            f"  run the same command with -e monq_cleanup_confirm={found['environment']}",
        ]
    kept = sorted({one["kind"] for one in items if one["action"] == "keep"})
    if kept and not found["refused"]:
        lines.append(f"  what is kept is removed with -e '{json.dumps({'monq_cleanup_also': kept})}' too")
    return "\n".join(lines)


def size(count):
    if count is None:
        return "size unknown"
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return ""


def age(seconds):
    seconds = max(0, int(seconds))
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"
