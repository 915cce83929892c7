# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import time

from ..errors import ApiError, ApiUnreachable, LedgerError

# pauses in seconds between attempts to write a result: enough for an API server to restart
PAUSES = (1, 2, 4, 8)


class Recorder:
    """Writes intents and results to a ledger so that none is lost: what the API server does not accept is spooled
    beside the backup, and imported by the next run."""

    def __init__(self, ledger, notes, spool=None, sleep=time.sleep):
        """notes: returns the annotations for a key and its entry."""
        self._ledger, self._notes, self._spool, self._sleep = ledger, notes, spool, sleep

    def write(self, key, entry):
        self._ledger.write(key, entry, self._notes(key, entry))

    def intend(self, key, entry):
        try:
            self.write(key, entry)
        except (ApiError, ApiUnreachable, LedgerError):
            # If only the response was lost, the step continues, and its fence decides.
            if not self._stored(key, entry):
                raise

    def record(self, key, entry):
        """Writes a result, which must not be lost: retries, then spools it beside the backup."""
        for pause in (*PAUSES, None):
            try:
                return self.write(key, entry)
            except (ApiError, ApiUnreachable, LedgerError) as exc:
                if self._stored(key, entry):  # only the response was lost
                    return None
                # The entry may be another run's by now: it is not overwritten.
                ours = (self._ledger.get(key) or {}).get("attempt") == entry.get("attempt")
                if pause is None or not ours or not _passing(exc):
                    return self._keep(key, entry, exc)
                self._sleep(pause)

    def _stored(self, key, entry):
        with contextlib.suppress(ApiError, ApiUnreachable, LedgerError):
            self._ledger.load()
            return self._ledger.get(key) == entry
        return False

    def _keep(self, key, entry, cause):
        state = f"{entry['state']}, attempt {entry.get('attempt')}"
        try:
            spool = self._spool if entry.get("attempt") else None
            path = spool.save(self._ledger.generation, key, entry) if spool else None
            kept = (
                f"the result is saved in {path}; the next run imports it"
                if path
                else "there is no folder to save it in"
            )
        except LedgerError as exc:
            kept = (
                f"it could not be saved on disk ({exc.obj}: {exc.seen}); keep this message: the step ended as {state}"
            )
        raise LedgerError(
            "the result of a step cannot be written to the ledger; nothing else was started",
            f"ConfigMap {self._ledger.name}, key {key}",
            f"the step's result: {state}",
            f"{cause.what}: {cause.seen}\n    {kept}",
            "check that the API server responds, then run the same command again",
        ) from cause

    def import_spooled(self, keys):
        """Imports results that an earlier run had to spool; returns the keys of those steps."""
        settled = []
        for path, key, entry in self._spool.pending(self._ledger.generation) if self._spool else []:
            if key not in keys:
                continue  # the rollback's, if this is the upgrade, or the reverse
            known = self._ledger.get(key) or {}
            same = known.get("state") in ("intent", "unknown") and known.get("attempt") == entry.get("attempt")
            if same:
                self.write(key, entry)
                settled.append(key)
            self._spool.settle(path, same)
        return settled


def _passing(exc):
    """Returns whether a retry may help: no response, or a server error."""
    if isinstance(exc, ApiError):
        return exc.status >= 500 or exc.status == 429
    return isinstance(exc, ApiUnreachable)
