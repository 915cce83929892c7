# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .. import arguments
from ..engine.ledger import PLAN
from ..errors import InputError
from ..language import ENGLISH, mark
from . import document, text

UNDER_WAY = mark("Plan {plan}: the upgrade is under way under this plan")
AS_IT_WAS = mark("Plan {plan}: the installation is as it was at {made_at}, when the plan was made")


def make(store, reading, given, host, words=ENGLISH):
    """Writes a plan of the installation as it is; returns it in words, with what differs from the given one."""
    live = reading.plan(host)
    wanted, said = document.wanted(given, host), []
    if wanted:
        approved = store.find(wanted)
        said = document.explained(approved, live, document.differing(approved, live))
    path = store.save(live, words)
    shown = text.summary(live, path, words)
    if wanted:
        shown = text.compared(approved["id"], said, words) + "\n" + shown
    return {"id": live["id"], "text": shown, "path": path, "differences": said}


def follow(session, store, reading, now):
    """Holds this run to the approved plan, and records it in the ledger. Raises InputError or StepError where it does
    not apply; then nothing was changed. now: UTC."""
    given, run, words = session.params, session.run, arguments.words(session.params)
    host = given["spool_host"]
    wanted = document.wanted(given["given"], host)
    if not wanted:
        raise InputError(
            "this site demands an approved plan",
            document.VARIABLE,
            "the id or the file of a plan (monq_plan_required is true)",
            "none",
            "make one with plan.yml, have it approved, and add -e monq_plan=sha256:…",
        )
    if wanted == run.ledger.annotations.get(PLAN):  # a resumed run: the differences are its own
        return _result(wanted, words, UNDER_WAY)
    approved = store.find(wanted)
    if approved["id"] == run.ledger.annotations.get(PLAN):
        return _result(approved["id"], words, UNDER_WAY)
    document.require_fresh(approved, now, given["max_age"])
    document.require_same(approved, reading.plan(host))
    if not session.check_mode:
        run.approve(approved["id"])
    return _result(approved["id"], words, AS_IT_WAS, made_at=approved["made_at"])


def _result(plan, words, text, **values):
    return {"id": plan, "text": words._(text, plan=plan, **values), "differences": []}
