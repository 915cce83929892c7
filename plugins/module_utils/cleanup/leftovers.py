# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade may leave behind: what of it may be removed, and the list as text."""

from __future__ import annotations

import json
import re

from ..language import ENGLISH, mark

SNAPSHOT, BUNDLE, DUMP, SCRATCH, DATABASE, REPORT = "snapshots", "bundles", "dumps", "scratch", "databases", "reports"
KINDS = {
    SNAPSHOT: mark("snapshots (Secrets)"),
    BUNDLE: mark("support bundles"),
    DUMP: mark("dumps"),
    SCRATCH: mark("scratch databases of killed runs"),
    DATABASE: mark("databases kept by a rollback"),
    REPORT: mark("reports"),
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


ACTIONS = {"remove": mark("remove"), "removed": mark("removed"), "keep": mark("keep")}


def text(found, words=ENGLISH):
    """The list for the operator, with sizes and ages, and how to remove it."""
    items = found["items"]
    if not items:
        return words._("The upgrade has left nothing that could be removed.")
    lines = []
    for kind, title in KINDS.items():
        of_kind = [one for one in items if one["kind"] == kind]
        if of_kind:
            total = size(sum(one["bytes"] or 0 for one in of_kind), words)
            lines.append(f"{words.gettext(title)}: {len(of_kind)}, {total}")
        lines += [_row(one, found["now"], words) for one in of_kind]
    lines += [words._("not listed: {why}", why=words.sentence(why)) for why in found["unread"]]
    gone = [one for one in items if one["action"] in ("remove", "removed")]
    counted = {
        "gone": len(gone),
        "all": len(items),
        "freed": size(sum(one["bytes"] or 0 for one in gone), words),
    }
    if found["refused"]:
        lines += [words._("Nothing can be removed now:"), *(f"  {words.sentence(why)}" for why in found["refused"])]
    elif found["removed"]:
        lines.append(words._("Removed: {gone} of {all}, {freed}", **counted))
    elif gone:
        lines += [
            words._("Nothing was removed. To remove {gone} of {all}, {freed}:", **counted),
            words._(
                "  run the same command with -e monq_cleanup_confirm={environment}", environment=found["environment"]
            ),
        ]
    kept = sorted({one["kind"] for one in items if one["action"] == "keep"})
    if kept and not found["refused"]:
        option = "-e '" + json.dumps({"monq_cleanup_also": kept}) + "'"
        lines.append(words._("  what is kept is removed with {option} too", option=option))
    return "\n".join(lines)


def _row(one, now, words):
    aged = words._(", {age} old", age=age(now - one["made"], words)) if one["made"] is not None else ""
    tail = f" ({words.sentence(one['why'])})" if one["why"] else ""
    action = words.gettext(ACTIONS[one["action"]]) if one["action"] in ACTIONS else one["action"]
    return f"  {action:>8}  {one['name']}  {size(one['bytes'], words)}{aged}{tail}"


UNITS = (mark("B"), mark("KiB"), mark("MiB"), mark("GiB"), mark("TiB"))


def size(count, words=ENGLISH):
    if count is None:
        return words._("size unknown")
    value = float(count)
    for unit in UNITS:
        if value < 1024 or unit == UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {words.gettext(unit)}" if unit == UNITS[0] else f"{value:.1f} {words.gettext(unit)}"


def age(seconds, words=ENGLISH):
    seconds = max(0, int(seconds))
    if seconds >= 2 * 86400:
        return words.n("{n} day", "{n} days", seconds // 86400)
    if seconds >= 2 * 3600:
        return words.n("{n} hour", "{n} hours", seconds // 3600)
    if seconds >= 2 * 60:
        return words.n("{n} minute", "{n} minutes", seconds // 60)
    return words.n("{n} second", "{n} seconds", seconds)
