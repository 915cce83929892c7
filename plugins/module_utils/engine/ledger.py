# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ..errors import ApiError, LedgerError
from ..k8s.cluster import core

LABELS = {"app.kubernetes.io/managed-by": "monq.platform"}
GENERATION = "monq.platform/attempt"  # the name used by version 1.0, kept in the cluster
FINGERPRINT = "monq.platform/steps-sha256"
INPUTS = "monq.platform/steps-from"
FILES = "monq.platform/sql-sha256"
HOLDER = "monq.platform/lock-id"
PLAN = "monq.platform/plan"
CLOSED = "monq.platform/closed"
SNAPSHOTS_REMOVED = "monq.platform/snapshots-removed"  # by cleanup.yml, at that time: no rollback since
# The rollback's own ledger; it has the number of the generation that is rolled back.
ROLLBACK = "monq-rollback"
STATE = "monq.platform/state"
FINISHED = "finished"


class Ledger:
    """One ConfigMap, one key per step. Every write carries the resourceVersion that was read."""

    def __init__(self, cluster, namespace, release, prefix="monq-upgrade"):
        self._cluster = cluster
        self._namespace = namespace
        self.name = f"{prefix}-{release}"
        self.exists = False
        self.annotations = {}
        self.entries = {}
        self._version = None

    def load(self):
        self._take(self._cluster.find(core(self._namespace, "configmaps", self.name)))
        return self

    def _take(self, found):
        self.exists = bool(found)
        meta = (found or {}).get("metadata", {})
        self.annotations = meta.get("annotations") or {}
        self._version = meta.get("resourceVersion")
        self.entries = {}
        for key, text in ((found or {}).get("data") or {}).items():
            try:
                self.entries[key] = json.loads(text)
            except ValueError as exc:
                raise LedgerError(
                    "the ledger contains an entry that is not JSON",
                    f"ConfigMap {self._namespace}/{self.name}, key {key}",
                    "JSON written by this collection",
                    text[:200],
                    "find out who edited it, and restore the entry",
                ) from exc

    @property
    def generation(self):
        """The number of the upgrade; it increases with each rollback."""
        return int(self.annotations.get(GENERATION, "1"))

    def get(self, key):
        return self.entries.get(key)

    @property
    def closed(self):
        """The time when the release was finished and verified, or None."""
        return self.annotations.get(CLOSED)

    def take_over(self, lock_id):
        """Records the new holder, so that writes prepared by an earlier one fail on the resourceVersion."""
        if self._version is not None:
            self._save({"metadata": {"resourceVersion": self._version, "annotations": {HOLDER: lock_id}}}, "its holder")

    def note(self, annotations):
        """Writes annotations; creates the ledger where there is none."""
        if self._version is None:
            notes = {GENERATION: str(self.generation), **annotations}
            meta = {"name": self.name, "labels": LABELS, "annotations": notes}
            self._save({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}, "its annotations")
        else:
            meta = {"resourceVersion": self._version, "annotations": annotations}
            self._save({"metadata": meta}, "its annotations")

    def write(self, key, entry, annotations=None):
        text = json.dumps(entry, ensure_ascii=False, sort_keys=True)
        if self._version is None:
            meta = {
                "name": self.name,
                "labels": LABELS,
                "annotations": {GENERATION: str(self.generation), **(annotations or {})},
            }
            self._save({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {key: text}}, f"key {key}")
        else:
            self._save(
                {"metadata": {"resourceVersion": self._version, "annotations": annotations or {}}, "data": {key: text}},
                f"key {key}",
            )

    def _save(self, body, what):
        try:
            if self._version is None:
                self._take(self._cluster.create(core(self._namespace, "configmaps"), body))
            else:
                self._take(self._cluster.patch(core(self._namespace, "configmaps", self.name), body))
        except ApiError as exc:
            if exc.status == 409:
                raise LedgerError(
                    "another run wrote to the ledger",
                    f"ConfigMap {self._namespace}/{self.name}, {what}",
                    f"resourceVersion {self._version}",
                    exc.message,
                    "run status.yml to see who holds the lock, then run the same command again",
                ) from exc
            raise


def number(ledger, generation):
    """Sets the number of a ledger that does not exist yet; its first write stores it."""
    ledger.annotations = {GENERATION: str(generation)}
    return ledger


def of_upgrade(cluster, namespace, release):
    """The upgrade's ledger; if it does not exist yet, its number follows the last generation that was rolled back."""
    found = Ledger(cluster, namespace, release).load()
    if found.exists:
        return found
    last = Ledger(cluster, namespace, release, prefix=ROLLBACK).load()
    return number(found, last.generation + 1) if last.annotations.get(STATE) == FINISHED else found
