# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ..errors import InputError, StepError

ANSWERS = ("retry", "done", "accept")
FORM = '{"answer": "retry or done or accept", "attempt": "the id out of the refusal"}'
SNAPSHOTS = ("prepare.snapshot.original", "prepare.replicas.original", "upgrade.snapshot.cut", "upgrade.replicas.cut")


def check(resolve, keys):
    """Refuses answers to steps that the plan does not have, and answers that are none."""
    for key, given in resolve.items():
        if key not in keys:
            raise InputError("monq_resolve names a step that is not part of the plan", key, "a step key out of a refusal", key, "correct monq_resolve")
        if not isinstance(given, dict) or given.get("answer") not in ANSWERS:
            raise InputError("monq_resolve holds an unknown answer", key, FORM, repr(given)[:200], "correct monq_resolve")


def judge(step, entry, given, alive, here, words=None):
    """What becomes of an attempt that was begun before: None to go on, or the operator's word; StepError where neither will do.

    alive: pids of this machine that are still at work on it. here: this machine's name. words: the operator's on other steps, to be shown again.
    """
    state, attempt = entry.get("state"), entry.get("attempt")
    if alive:
        raise StepError(
            "an earlier run is still at work on this step",
            step.key,
            "no living process",
            f"pid {', '.join(map(str, alive))} on {entry.get('host')}, begun {entry.get('started')}",
            "wait for it to end, then run the same command again",
        )
    if given is not None:
        check({step.key: given}, [step.key])
    # Without an attempt there is nothing to answer: an answer must not stand in for a step that nobody began.
    if given and (not attempt or given.get("attempt") != attempt):
        raise StepError(
            "monq_resolve answers another attempt",
            step.key,
            f"attempt {attempt or 'none: nothing to answer'}",
            str(given.get("attempt")),
            "look at the step's present state, then answer the attempt that is named here",
        )
    if given and given["answer"] != "retry" and step.key in SNAPSHOTS:
        raise StepError("a snapshot cannot be answered away", step.key, "retry", given["answer"], "repair the cause, then run the same command again")
    if given:
        return given["answer"]
    if step.ask and state in ("intent", "unknown"):
        raise StepError(
            "nobody saw the end of this migration",
            step.key,
            "done or not begun",
            f"{state} since {entry.get('started')}, attempt {attempt}" + (f": {entry['error']}" if entry.get("error") else ""),
            "look into the database, then run the same command with one of\n    "
            + choice(step.key, "retry", attempt, words)
            + "   it was not applied\n    "
            + choice(step.key, "done", attempt, words)
            + "   it was applied whole",
            attempt=attempt,
        )
    if state == "intent" and entry.get("host") != here and outlives_the_lock(step):
        raise StepError(
            "nobody saw the end of this step, and it was begun on another machine",
            step.key,
            "an end, or a beginning on this machine",
            f"intent since {entry.get('started')}, attempt {attempt}, pid {entry.get('pid')} on {entry.get('host')}, this is {here}",
            "make sure that nothing is at work there any more, then run the same command with\n    " + choice(step.key, "retry", attempt, words),
            attempt=attempt,
        )
    return None


def choice(key, answer, attempt, words=None):
    return "-e '" + json.dumps({"monq_resolve": {**(words or {}), key: {"answer": answer, "attempt": attempt}}}) + "'"


def outlives_the_lock(step):
    """Whether an orphan may still be at work for it: monqctl or pg_restore. A client step's orphan works in a home of its own; all others are single API
    calls under the lock."""
    if step.key == "rollback.installation.check":  # a gate that puts back what it finds
        return True
    others = step.key.endswith(".replicas.registry") or step.key == "rollback.registry_template.apply" or step.key.startswith("rollback.database.")
    return step.kind == "cluster" and bool(step.argv or others)
