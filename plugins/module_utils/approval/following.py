# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..engine.ledger import PLAN
from ..errors import InputError
from . import document, text


def make(store, reading, given, host):
    """Writes a plan of the installation as it is; returns it in words, with what differs from the given one."""
    live = reading.plan(host)
    wanted, said = document.wanted(given, host), []
    if wanted:
        approved = store.find(wanted)
        said = document.explained(approved, live, document.differing(approved, live))
    path = store.save(live)
    words = text.summary(live, path)
    if wanted:
        same = "is the installation's present state" if not said else "no longer applies:\n    " + "\n    ".join(said)
        words = f"The plan {approved['id']} {same}\n{words}"
    return {"id": live["id"], "text": words, "path": path, "differences": said}


def follow(session, store, reading, now):
    """Holds this run to the approved plan, and records it in the ledger. Raises InputError or StepError where it does
    not apply; then nothing was changed. now: UTC."""
    given, run = session.params, session.run
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
        return _result(wanted, "the upgrade is under way under this plan")
    approved = store.find(wanted)
    if approved["id"] == run.ledger.annotations.get(PLAN):
        return _result(approved["id"], "the upgrade is under way under this plan")
    document.require_fresh(approved, now, given["max_age"])
    document.require_same(approved, reading.plan(host))
    if not session.check_mode:
        run.approve(approved["id"])
    return _result(approved["id"], f"the installation is as it was at {approved['made_at']}, when the plan was made")


def _result(plan, words):
    return {"id": plan, "text": f"Plan {plan}: {words}", "differences": []}
