# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answer "redo" of monq_resolve: a step that counts as done, and was not, is executed again."""

from __future__ import annotations

import re

from ..errors import StepError
from .steps import CLOSES, CUTOVER, DONE, SNAPSHOT, cutover

STATE = "redo"  # an entry that was done, and is to be done again
KEPT = 20  # attempts of a step that were redone

# What a step of a module makes due again: all that the vendor's order puts on top of it.
_ON_REPLACE = r"replicas\..+|registry\.env|microservices\.rollout|cache\..+"
REPEATS = (
    (r"(upgrade\.\w+)\.database\..+", r"microservices\.replace|" + _ON_REPLACE),
    (r"(upgrade\.\w+)\.microservices\.replace", _ON_REPLACE),
    (r"(upgrade\.\w+)\.(?:replicas\.kubernetes|registry\.env)", r"microservices\.rollout"),
    (r"(upgrade\.routing)\.apply\..+", r"wait"),
    (r"(prepare)\.registry\.update", r"registry\.env|registry\.status"),
    (r"(prepare)\.registry_template\.apply", r"registry\.status"),
)
BEFORE_OUTAGE = re.compile(r"prepare\.(backup|registry|registry_token)\..+|upgrade\.backup\..+")
SQL = re.compile(r"upgrade\.\w+\.database\.([^.]+)\..+")


def followers(plan, key):
    """The later steps that have to be repeated with this one."""
    for pattern, repeated in REPEATS:
        found = re.fullmatch(pattern, key)
        if found:
            chosen = re.compile(f"{re.escape(found[1])}\\.(?:{repeated})")
            after = [step.key for step in plan]
            return [other for other in after[after.index(key) + 1 :] if chosen.fullmatch(other)]
    return []


def obstacle(plan, entries, step):
    """Why the step cannot be done again, or None."""
    if SNAPSHOT in step.traits:
        return "a snapshot is saved once: later steps and a rollback rely on it"
    if CUTOVER in step.traits:
        return "the outage begins once; old routes that came back are listed by verify"
    if CLOSES in step.traits or step.key.startswith("rollback."):
        return "it checks, or is repeated, by itself"
    if step.kind != "client" and BEFORE_OUTAGE.fullmatch(step.key) and cutover(plan) in entries:
        return "the outage has begun"
    sql = SQL.fullmatch(step.key)
    keys = [other.key for other in plan]
    for later in keys[keys.index(step.key) + 1 :] if sql else []:
        if later in entries and (SQL.fullmatch(later) or [None, None])[1] == sql[1]:
            return f"a later file has been run on the same database: {later}"
    return None


def requested(plan, entries, resolve, closed=None):
    """The steps to do again, as {key: the steps repeated with it}; those that were done again since are left out.

    Raises StepError for a step that is not done, for another attempt, and where what follows does not allow it.
    """
    found = {}
    for step in plan:
        given, entry = resolve.get(step.key), entries.get(step.key) or {}
        if not isinstance(given, dict) or given.get("answer") != "redo":
            continue
        if given.get("attempt") in entry.get("redone", []):
            continue
        if closed or entry.get("state") not in DONE or given.get("attempt") != entry.get("attempt"):
            seen = f"{entry.get('state', 'not started')}, attempt {entry.get('attempt', 'none')}"
            raise StepError(
                "monq_resolve asks to redo a step that is not done in this attempt",
                step.key,
                f"done in attempt {given.get('attempt')}, in an upgrade that is not closed",
                f"the upgrade was verified and closed {closed}" if closed else seen,
                "run status.yml: it shows the state and the attempt of each step",
            )
        because = obstacle(plan, entries, step)
        if because:
            raise StepError(
                "this step cannot be done again",
                step.key,
                "a step that nothing later relies on",
                because,
                "remove it from monq_resolve; what cannot be repaired is undone by rollback.yml",
            )
        found[step.key] = [key for key in followers(plan, step.key) if key in entries]
    return found


def marked(entry, attempt=None):
    """The entry of a step that is to be done again. attempt: the one that the operator named."""
    redone = [*entry.get("redone", []), attempt][-KEPT:] if attempt else entry.get("redone", [])
    return {**entry, "state": STATE, "redone": redone, **({"homes": []} if "homes" in entry else {})}
