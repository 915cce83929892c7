# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps wait for a decision of the operator, and what may be answered."""

from __future__ import annotations

import socket

from ..errors import StepError
from . import decisions
from .attempts import alive
from .steps import DONE


def open_questions(run, holder=""):
    """[{key, state, started, attempt, error, answers: {answer: the option to type}}]. holder: the ID of the lock that
    is held: what its run works on is no question."""
    found = []
    for step in run.plan:
        entry = run.ledger.get(step.key) or {}
        if entry.get("state") in (None, *DONE) or (holder and entry.get("lock") == holder):
            continue
        try:
            decisions.judge(step, entry, None, alive(entry), socket.gethostname())
        except StepError as exc:
            if exc.details.get("attempt"):
                found.append(_question(run, step, entry))
    return found


def _question(run, step, entry):
    """An interrupted step that is not SQL is safe to repeat once nothing works on it any more."""
    answers = ("retry", "done") if step.ask else ("retry",)
    known = {name: entry.get(name) for name in ("state", "started", "attempt", "host", "error")}
    return {
        "key": step.key,
        "sql": step.ask,
        **known,
        "answers": {answer: run.choice(step.key, answer, entry["attempt"]) for answer in answers},
    }
