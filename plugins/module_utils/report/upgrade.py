# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from ..language import ENGLISH, mark
from . import findings as shown

WIDTHS = {"en": (8, 12), "ru": (10, 12)}  # of the columns state and undo
PLATFORM = {"up": mark("UP"), "down": mark("DOWN"), "unknown": mark("UNKNOWN")}
STATES = {
    "done": mark("done"),
    "accepted": mark("accepted"),
    "failed": mark("failed"),
    "unknown": mark("unknown"),
    "intent": mark("intent"),
    "redo": mark("redo"),
    "to do": mark("to do"),
    "to do in this home": mark("to do in this home"),
}
UNDO = {"reversible": mark("reversible"), "compensable": mark("compensable"), "irreversible": mark("irreversible")}


def word(table, name, words):
    """A word that stands for a state; what is not known stays as it is."""
    return words.gettext(table[name]) if name in table else str(name)


def findings(found, words=ENGLISH):
    """All findings without duplicates, stops first."""
    rank = {"stop": 0, "warning": 1, "info": 2}
    unique = [f for i, f in enumerate(found) if f not in found[:i]]
    stops = sum(f["severity"] == "stop" for f in unique)
    lines = [
        words.n(
            "Preflight failed: {stops} of {n} findings block the upgrade. This run has changed nothing.",
            "Preflight failed: {stops} of {n} findings block the upgrade. This run has changed nothing.",
            len(unique),
            stops=stops,
        )
        if stops
        else words.n(
            "Preflight passed: {n} findings, none blocking.",
            "Preflight passed: {n} findings, none blocking.",
            len(unique),
        )
    ]
    ordered = sorted(unique, key=lambda f: rank[f["severity"]])
    return "\n".join(lines + shown.rows(ordered, words) + shown.explained(unique, words))


def plan(ledger, words=ENGLISH):
    """One line for each step: state, whether it can be undone, key, title."""
    rows, lock = ledger["steps"], words.sentence(ledger["lock"])
    if ledger.get("lost"):  # nothing is known about the steps
        return "\n".join(
            [
                words._("the platform is UNKNOWN; lock: {lock}", lock=lock),
                words.sentence(ledger["lost"]),
                *[words.sentence(text) for text in [ledger.get("rollback")] if text],
            ]
        )
    done = sum(row["state"] == "done" for row in rows)
    lines = [
        words.n(
            "{n} steps, {done} done; generation {generation}; the platform is {platform}; lock: {lock}",
            "{n} steps, {done} done; generation {generation}; the platform is {platform}; lock: {lock}",
            len(rows),
            done=done,
            generation=ledger["generation"],
            platform=word(PLATFORM, ledger["platform"], words),
            lock=lock,
        )
    ]
    if ledger.get("running"):
        lines.append(words._("running now: {what}", what=words.sentence(ledger["running"])))
    if ledger.get("rollback"):
        lines.append(words.sentence(ledger["rollback"]))
    wide, wider = WIDTHS[words.code]
    for row in rows:
        state, undo = word(STATES, row["state"], words), word(UNDO, row["undo"], words)
        lines.append(f"{state:>{wide}}  {undo:<{wider}}  {row['key']}  ({words.sentence(row['title'])})")
        if row.get("error"):
            said = words._("attempt {attempt}: {error}", attempt=row.get("attempt"), error=words.sentence(row["error"]))
            lines.append(f"{'':>24}{said}")
    irreversible = [row["key"] for row in rows if row["undo"] == "irreversible" and row["state"] != "done"]
    lines.append(point_of_no_return(rows, words))
    if irreversible:
        lines.append(
            words.n(
                "{n} of the remaining steps cannot be undone; the first is {first}",
                "{n} of the remaining steps cannot be undone; the first is {first}",
                len(irreversible),
                first=irreversible[0],
            )
        )
    return "\n".join(lines)


def point_of_no_return(rows, words=ENGLISH):
    """The first irreversible step, whether it is passed, and what rollback.yml cannot undo."""
    first = next((row["key"] for row in rows if row["undo"] == "irreversible"), None)
    if not first:
        return words._("point of no return: none, every step can be undone")
    gone = irrevocable(rows)
    if not gone:
        told = [words.sentence(row["title"]) for row in rows if row["kind"] == "client" and row["state"] == "done"]
        kept = "; ".join(told) or words._("Release Hub, credential")
        return words._(
            "point of no return: {first}, not reached; until then rollback.yml can undo everything except "
            "monqctl's own configuration ({kept})",
            first=first,
            kept=kept,
        )
    sql = [row["key"] for row in gone if ".database." in row["key"]]
    tail = (
        words._("SQL has begun with {step}: databases can only be restored from dumps", step=sql[0])
        if sql
        else words._("no SQL has run yet")
    )
    stays = words.n(
        "{n} steps cannot be undone, rollback.yml can undo the rest",
        "{n} steps cannot be undone, rollback.yml can undo the rest",
        len(gone),
    )
    return words._("point of no return: {first}, PASSED: {stays}; {tail}", first=first, stays=stays, tail=tail)


def irrevocable(rows):
    """The irreversible steps that were or may have been done: failed attempts and those with unknown outcome count
    too."""
    return [row for row in rows if row["undo"] == "irreversible" and row["state"] != "to do"]


def summary(ledger, verified, words=ENGLISH):
    """The summary for the operator: steps, outage, backups, counts, drift, findings."""
    rows = {row["key"]: row for row in ledger["steps"]}
    done = [row for row in ledger["steps"] if row["state"] == "done"]
    lines = [
        words._("Summary of the upgrade"),
        words._(
            "  steps: {done} of {all} done, generation {generation}; the platform is {platform}",
            done=len(done),
            all=len(rows),
            generation=ledger["generation"],
            platform=word(PLATFORM, ledger["platform"], words),
        ),
    ]
    if ledger["outage_seconds"] is not None:
        began = rows["upgrade.routing.cut"]["started"]
        lines.append(words._("  outage: {seconds} s, from {began}", seconds=ledger["outage_seconds"], began=began))
    for module, version in (verified.get("versions") or {}).items():
        lines.append(
            words._("  version: {module} {version}", module=module, version=version or words.gettext("unknown"))
        )
    lines += _backups(done, words) + _replicas(rows, verified, words) + _drift(verified, words)
    for found in verified.get("findings") or []:
        number = f"{found['id']} " if found.get("id") else ""
        lines.append(
            words._(
                "  [{severity}] {object}: expected {expected}, seen {seen}",
                severity=shown.severity(found, words),
                object=number + shown.text(found, "object", words),
                expected=shown.text(found, "expected", words),
                seen=shown.text(found, "seen", words),
            )
        )
    lines.append("  " + point_of_no_return(ledger["steps"], words))
    lines += [
        words._("  cannot be undone: {key} ({title})", key=row["key"], title=words.sentence(row["title"]))
        + ("" if row["state"] == "done" else f": {word(STATES, row['state'], words)}")
        for row in irrevocable(ledger["steps"])
    ]
    lines += _unseen(done, words)
    answered = [row["key"] for row in done if row.get("by") == "operator"]
    lines += [words._("  decided by the operator: {key}", key=key) for key in answered]
    return "\n".join(lines)


def unseen(done):
    """What only monqctl's word stands for: {images, caches}."""
    rows = [row["key"] for row in done if not row.get("result") and row.get("by") != "operator"]
    return {
        "images": [key.split(".")[1] for key in rows if key.endswith(".images")],
        "caches": [key.split(".")[-1] for key in rows if ".cache." in key],
    }


def _unseen(done, words):
    found = unseen(done)
    named = [
        (mark("  on monqctl's word alone: images copied for {names}"), found["images"]),
        (mark("  on monqctl's word alone: caches cleared of {names}"), found["caches"]),
    ]
    return [words._(text, names=", ".join(names)) for text, names in named if names]


def _backups(done, words):
    lines = []
    for row in done:
        result = row.get("result") or {}
        if (
            re.search(r"\.backup(_in_outage)?\.database\.", row["key"])
            and result.get("path")
            and not result.get("reused")
        ):
            scratch = result.get("scratch") or {}
            restored = word(PROOFS, scratch.get("state", "unknown"), words)
            restored += f" ({words.sentence(scratch['reason'])})" if scratch.get("reason") else ""
            restored += "" if scratch.get("as_rollback") else words._(", owners and privileges not proved")
            lines.append(
                words._(
                    "  backup of {database}: {path}, {rows} rows, sha256 {sha256}, scratch restore: {restored}",
                    database=result.get("database"),
                    path=result["path"],
                    rows=result.get("rows"),
                    sha256=result.get("sha256"),
                    restored=restored,
                )
            )
    return lines


PROOFS = {
    "restored": mark("restored"),
    "skipped": mark("skipped"),
    "failed": mark("failed"),
    "unknown": mark("unknown"),
}


def _replicas(rows, verified, words):
    counts = verified.get("replicas") or {}
    restored = sum(
        (row.get("result") or {}).get("changed", 0)
        for key, row in rows.items()
        if ".replicas." in key and key.startswith("upgrade.")
    )
    lines = [words._("  replica counts restored: {count}", count=restored)]
    for name, text in (
        ("appeared", mark("  new services: {names}")),
        ("vanished", mark("  services that are gone: {names}")),
        ("hpa", mark("  left to their HPA: {names}")),
    ):
        if counts.get(name):
            lines.append(words._(text, names=", ".join(counts[name])))
    for name, count in sorted((counts.get("by_hand") or {}).items()):
        lines.append(words._("  enter in the registry by hand: {name} {count}", name=name, count=count))
    return lines


def _drift(verified, words):
    drift = verified.get("drift") or {}
    return [
        words._("  changed by Replace: {name}: {lines}", name=name, lines=", ".join(map(words.sentence, lines)))
        for name, lines in sorted(drift.items())
    ]
