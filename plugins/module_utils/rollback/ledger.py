# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ..engine import progress
from ..engine.ledger import FINISHED, ROLLBACK, STATE, Ledger
from ..engine.steps import DONE
from ..errors import StepError
from .steps import ARCHIVE, CUT, down_since, platform

BEGUN = "begun"


class RollbackLedger(Ledger):
    """The rollback's own ConfigMap, with the number of the generation that is rolled back."""

    def __init__(self, cluster, namespace, release):
        super().__init__(cluster, namespace, release, prefix=ROLLBACK)

    @property
    def finished(self):
        return (self.get(ARCHIVE) or {}).get("state") in DONE

    @property
    def unfinished(self):
        return self.exists and not self.finished

    def results(self):
        """The results of the steps done so far, by key."""
        return {key: entry["result"] for key, entry in self.entries.items() if entry.get("result")}

    def write(self, key, entry, annotations=None, **more):
        state = FINISHED if key == ARCHIVE and entry.get("state") in DONE else BEGUN
        return super().write(key, entry, {**(annotations or {}), STATE: state}, **more)


def upgrade_ledger(cluster, namespace, release, generation=None):
    """The upgrade's ledger, or the archived one of that generation."""
    live = Ledger(cluster, namespace, release).load()
    if generation is None or (live.exists and live.generation == generation):
        return live
    return Ledger(cluster, namespace, archived(release, generation)).load()


def archived(release, generation):
    """The part that replaces the release in the names of archived objects."""
    return f"{release}-attempt-{generation}"


def standing(cluster, namespace, release, run, lock_id=""):
    """The rows "platform" and "changed" of a failure while a rollback is unfinished, and since when Monq is down or
    None; empty if there is none. run: the upgrade's."""
    found = RollbackLedger(cluster, namespace, release).load()
    if not found.unfinished:
        return {}
    upgrade, entries = upgrade_ledger(cluster, namespace, release, found.generation), found.entries
    down = progress.down_since(run.plan, upgrade.entries)
    done = [key for key in entries if entries[key].get("state") in DONE]
    mine = [key for key in done if lock_id and entries[key].get("lock") == lock_id]
    text = f"{len(done)} steps of the rollback done" + (f"; {len(mine)} of them under this lock" if lock_id else "")
    since = down_since(down, entries)
    return {"reachable": platform(down, entries), "changed_so_far": text, "down_since": since}


def unfinished_text(cluster, namespace, release):
    """One line on an unfinished rollback, or an empty string."""
    found = RollbackLedger(cluster, namespace, release).load()
    if not found.unfinished:
        return ""
    done = [key for key, entry in found.entries.items() if entry.get("state") in DONE]
    rest = [
        f"{key} ({entry.get('state')})"
        for key, entry in sorted(found.entries.items())
        if entry.get("state") not in DONE
    ]
    stands = "; ".join([f"{len(done)} steps done", *rest])
    return f"A ROLLBACK of generation {found.generation} is not finished: {stands}; finish it with rollback.yml"


def require_no_rollback(cluster, namespace, release, run, check_mode=False):
    """Raises StepError for an unfinished rollback, and for undecided SQL that a rolled back generation left in a
    database; called before an upgrade takes the lock."""
    found = RollbackLedger(cluster, namespace, release).load()
    if found.unfinished:
        raise StepError(
            "a rollback is not finished",
            f"ConfigMap {namespace}/{found.name}",
            "no rollback, or a finished one",
            f"generation {found.generation}: "
            f"{len([entry for entry in found.entries.values() if entry.get('state') in DONE])} steps done",
            "finish it with rollback.yml",
        )
    if check_mode or CUT in run.ledger.entries:
        return
    asked = {}
    for step in run.plan:
        if step.ask and step.key in run.ledger.entries and not run.is_done(step.key):
            try:
                run.require_decided(step.key)
            except StepError as exc:
                if "attempt" not in exc.details:  # decided, but wrongly
                    raise
                asked[step.key] = run.ledger.get(step.key)
    if asked:
        words = {key: {"answer": "done", "attempt": entry["attempt"]} for key, entry in asked.items()}
        raise StepError(
            "SQL of an earlier generation is in databases that were not rolled back",
            ", ".join(asked),
            "a decision on each: done if the database has it, retry if the database was restored by hand",
            "; ".join(f"{key}: {entry.get('error')}" for key, entry in asked.items()),
            "check the databases, then run the same command with this, replacing done by retry where it applies"
            "\n    -e '" + json.dumps({"monq_resolve": words}) + "'",
            steps=sorted(asked),
        )
