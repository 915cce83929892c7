# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from ..language import ENGLISH, mark
from . import findings
from .upgrade import PLATFORM, STATES, WIDTHS, word

CHANGE = re.compile(r"(\w+ \S+): (create|update|recreate|delete)((?: \([a-z ]+\))*)")
ACTIONS = {
    "create": mark("create"),
    "update": mark("update"),
    "recreate": mark("recreate"),
    "delete": mark("delete"),
    "(still being deleted)": mark("(still being deleted)"),
    "(new route)": mark("(new route)"),
    "(old route)": mark("(old route)"),
}
MAY_NOT = mark("The rollback cannot start. This run has changed nothing.")


def overview(report, words=ENGLISH):
    """The overview shown before anything is changed: what would be restored, what cannot be undone, and what prevents
    the rollback."""
    listed = findings.rows(report["findings"], words) + findings.explained(report["findings"], words)
    if not report["needed"] and report["findings"]:
        return "\n".join([*listed, words._(MAY_NOT)])
    if not report["needed"]:
        return words._("There is nothing to roll back: no upgrade ledger records a change here.")
    done = sum(row["state"] == "done" for row in report["steps"])
    lines = [
        words.n(
            "Rollback of generation {generation}{goes_on}: {n} steps, {done} done; the platform is {platform}",
            "Rollback of generation {generation}{goes_on}: {n} steps, {done} done; the platform is {platform}",
            len(report["steps"]),
            generation=report["generation"],
            goes_on=words._(" (already started: it continues)") if report["begun"] else "",
            done=done,
            platform=_platform(report["platform"], words),
        )
    ]
    wide = WIDTHS[words.code][0]
    lines += [
        f"{word(STATES, row['state'], words):>{wide}}  {row['key']}  ({words.sentence(row['title'])})"
        for row in report["steps"]
    ]
    irreversible = [f"{row['key']}  ({words.sentence(row['title'])})" for row in report["irreversible"]]
    lines += _part(words._("To be restored"), [_restored(text, words) for text in report["put_back"]])
    lines += _part(words._("Cannot be undone"), irreversible)
    counts = [words.sentence(text) for text in report["counts"]]
    lines += _part(words._("Counts that changed between the two snapshots"), counts) + listed
    if any(found["severity"] == "stop" for found in report["findings"]):
        lines.append(words._(MAY_NOT))
    return "\n".join(lines)


def _restored(text, words):
    """A row of what is restored: an object and what is done to it, or a sentence."""
    found = CHANGE.fullmatch(text)
    if not found:
        return words.sentence(text)
    name, action, notes = found.groups()
    said = [action, *re.findall(r"\(.*?\)", notes)]
    return f"{name}: " + " ".join(words.gettext(ACTIONS.get(part, part)) for part in said)


def _platform(said, words):
    """up or down, or a sentence on it."""
    return words.gettext(PLATFORM[said]).lower() if said in PLATFORM else words.sentence(said)


CHANGED = (("created", mark("{n} created")), ("updated", mark("{n} updated")), ("deleted", mark("{n} deleted")))


def summary(report, results, words=ENGLISH):
    """The summary for the operator. results: those of the rollback's steps, by key."""
    archive = results.get("rollback.ledger.archive") or {}
    lines = [
        words._(
            "Rolled back: generation {generation}; its ledger is archived as ConfigMap {ledger}",
            generation=report["generation"],
            ledger=archive.get("ledger"),
        )
    ]
    changed = results.get("rollback.deployments.restore") or {}
    counts = ", ".join(words._(text, n=len(changed.get(name) or [])) for name, text in CHANGED)
    lines.append(f"  Deployments: {counts}")
    routes = results.get("rollback.routing.restore") or {}
    removed = (results.get("rollback.routing.remove") or {}).get("removed") or []
    restored = (routes.get("created") or []) + (routes.get("updated") or [])
    lines.append(
        words._(
            "  routes: {removed} new ones removed, {restored} old ones restored",
            removed=len(removed),
            restored=len(restored),
        )
    )
    for key, result in sorted(results.items()):
        scratch = ((result or {}).get("scratch") or {}) if key.startswith("rollback.backup.") else {}
        if scratch.get("state") == "failed":
            lines.append(
                words._(
                    "  not proved: {path}, of the database before the rollback: {reason}",
                    path=result["path"],
                    reason=words.sentence(scratch["reason"]),
                )
            )
        if key.startswith("rollback.database.") and result:
            lines += _database(result, words)
    left = (results.get("rollback.replicas.registry") or {}).get("left") or {}
    lines += [
        words._("  not restored in the registry: {name}: {why}", name=name, why=words.sentence(why))
        for name, why in sorted(left.items())
    ]
    by_hand = (results.get("rollback.installation.check") or {}).get("by_hand") or {}
    lines += [
        words._("  enter in the registry by hand: {name} {count}", name=name, count=count)
        for name, count in sorted(by_hand.items())
    ]
    lines += [
        words._("  not undone: {key}  ({title})", key=row["key"], title=words.sentence(row["title"]))
        for row in report["irreversible"]
    ]
    lines += [words._("  the next upgrade will ask about: {key}", key=key) for key in archive.get("carried") or []]
    return "\n".join(lines)


def _database(result, words):
    kept = result["kept"]
    return [
        words._(
            "  database {database}: from {path}, sha256 {sha256}, {rows} rows",
            **{name: result[name] for name in ("database", "path", "sha256", "rows")},
        ),
        words._(
            '    the pre-rollback database is kept as {kept}; drop it when no longer needed: DROP DATABASE "{kept}"',
            kept=kept,
        ),
        *[
            words._("    a superuser must copy this setting from {kept}: {name}", kept=kept, name=name)
            for name in result.get("settings_left") or []
        ],
        *[words._("    not restored: {text}", text=words.sentence(text)) for text in result.get("lost") or []],
    ]


def _part(title, rows):
    return [f"{title}:"] + [f"  {row}" for row in rows] if rows else []
