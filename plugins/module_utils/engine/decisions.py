# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's decisions on attempts whose outcome is not known: monq_resolve."""

from __future__ import annotations

import json

from ..errors import InputError, StepError
from .steps import OUTLIVES, REPAIRS, SNAPSHOT

ANSWERS = ("retry", "done", "accept", "redo")
FORM = '{"answer": "retry, done, accept or redo", "attempt": "the ID shown in the error"}'


def check(resolve, keys):
    """Raises InputError for a step that is not in the plan, and for an unknown answer."""
    for key, given in resolve.items():
        if key not in keys:
            raise InputError(
                "monq_resolve names a step that is not part of the plan",
                key,
                "a step key as shown in an error",
                key,
                "correct monq_resolve",
            )
        if not isinstance(given, dict) or given.get("answer") not in ANSWERS:
            seen = repr(given)[:200]
            raise InputError("monq_resolve holds an unknown answer", key, FORM, seen, "correct monq_resolve")


def judge(step, entry, given, alive, here, decided=None):
    """Decides on an earlier attempt: returns None to continue, or the operator's answer.

    Raises StepError if a decision is needed, or if the given one does not apply. alive: pids on this machine that still
    work on it. here: this machine's name. decided: decisions on other steps, repeated in the command that is shown.
    """
    state, attempt = entry.get("state"), entry.get("attempt")
    if alive:
        raise StepError(
            "an earlier run is still working on this step",
            step.key,
            "no running process",
            f"pid {', '.join(map(str, alive))} on {entry.get('host')}, started {entry.get('started')}",
            "wait for it to finish, then run the same command again",
        )
    if given is not None:
        check({step.key: given}, [step.key])
        if given["answer"] == "redo" and given.get("attempt") in entry.get("redone", []):
            given = None  # fulfilled; what became of the new attempt is a question of its own
    if given and given["answer"] == "redo":
        raise StepError(
            "monq_resolve asks to redo a step that is not done",
            step.key,
            "retry, done or accept: redo is for a done step of the upgrade",
            f"{state or 'not started'}, attempt {attempt}",
            "decide on the attempt shown here; run status.yml to see all of them",
        )
    # Without an attempt there is nothing to decide: a decision must not replace a step that never started.
    if given and (not attempt or given.get("attempt") != attempt):
        raise StepError(
            "monq_resolve refers to a different attempt",
            step.key,
            f"attempt {attempt or 'none: there is nothing to decide'}",
            str(given.get("attempt")),
            "check the step's present state, then decide on the attempt shown here",
        )
    if given and given["answer"] != "retry" and SNAPSHOT in step.traits:
        raise StepError(
            "snapshot steps cannot be skipped with monq_resolve",
            step.key,
            "retry",
            given["answer"],
            "fix the cause, then run the same command again",
        )
    if given:
        return given["answer"]
    if step.ask and state in ("intent", "unknown"):
        raise StepError(
            "the outcome of this SQL step is unknown: it may have been applied, wholly or in part",
            step.key,
            "done, or not started",
            f"{state} since {entry.get('started')}, attempt {attempt}"
            + (f": {entry['error']}" if entry.get("error") else ""),
            "check the database, then run the same command with one of\n    "
            + choice(step.key, "retry", attempt, decided)
            + "   it was not applied\n    "
            + choice(step.key, "done", attempt, decided)
            + "   it was applied completely",
            attempt=attempt,
        )
    if state == "intent" and entry.get("host") != here and outlives_its_run(step):
        raise StepError(
            "the outcome of this step is unknown: it was started on another machine",
            step.key,
            "a recorded result, or a start on this machine",
            f"intent since {entry.get('started')}, attempt {attempt}, pid {entry.get('pid')} on {entry.get('host')}, "
            f"this is {here}",
            "make sure that nothing is still working on it there, then run the same command with\n    "
            + choice(step.key, "retry", attempt, decided),
            attempt=attempt,
        )
    return None


def choice(key, answer, attempt, decided=None):
    """The option to type. decided: decisions given earlier, included because only the last monq_resolve counts."""
    resolve = {**(decided or {}), key: {"answer": answer, "attempt": attempt}}
    return "-e '" + json.dumps({"monq_resolve": resolve}) + "'"


def outlives_its_run(step):
    """Returns whether a process of the step, such as monqctl or pg_restore, may outlive its run. All other steps are
    single API calls under the lock, or client steps, which work in their own home."""
    return OUTLIVES in step.traits or REPAIRS in step.traits
