# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
import uuid

from ..engine.ledger import LABELS, ROLLBACK, Ledger, number
from ..engine.snapshots import COUNT, NAMES, SHA, SnapshotStore
from ..errors import ApiError, LedgerError, SnapshotError
from ..k8s.cluster import core
from .ledger import RollbackLedger, archived

SNAPSHOTS = (*NAMES, "rollback")


class Archive:
    """Moves ledgers and snapshots to names with their generation: copied create-only, compared, then deleted. May be
    killed anywhere and repeated."""

    def __init__(self, cluster, namespace, release, generation):
        self._cluster, self._namespace, self._release, self._generation = cluster, namespace, release, generation
        self._new = archived(release, generation)

    def upgrade(self, carried):
        """Archives the upgrade's snapshots first, the facts of its report next, its ledger last: as long as the ledger
        exists, the generation is not archived."""
        ledger = Ledger(self._cluster, self._namespace, self._release).load()
        if ledger.exists and ledger.generation == self._generation:
            copied = self._copy_map("monq-upgrade")
            digests = {
                text["secret"]: text["sha256"]
                for text in (entry.get("result") for entry in ledger.entries.values())
                if _is_digest(text)
            }
            for name in SNAPSHOTS:
                self._move_snapshot(name, digests.get(f"monq-upgrade-{self._release}-{name}"))
            self._delete_map(self._copy_map("monq-upgrade", "-report"))
            self._delete_map(copied)
            ledger = Ledger(self._cluster, self._namespace, self._release).load()
        if carried:
            if not ledger.exists:
                number(ledger, self._generation + 1)
            for key, entry in carried.items():
                if key not in ledger.entries:
                    ledger.write(key, entry)
        return {"ledger": f"monq-upgrade-{self._new}", "generation": self._generation, "carried": sorted(carried)}

    def rollback(self):
        self._delete_map(self._copy_map(ROLLBACK))

    # ---- ConfigMaps

    def _copy_map(self, prefix, suffix=""):
        """Copies a ConfigMap; returns the original once the copy is known to be identical."""
        path = core(self._namespace, "configmaps")
        found = self._cluster.find(f"{path}/{prefix}-{self._release}{suffix}")
        if not found:
            return None
        name, data = f"{prefix}-{self._new}{suffix}", found.get("data") or {}
        meta = {"name": name, "labels": LABELS, "annotations": found["metadata"].get("annotations") or {}}
        try:
            made = self._cluster.create(
                path, {"apiVersion": "v1", "kind": "ConfigMap", "immutable": True, "metadata": meta, "data": data}
            )
        except ApiError as exc:
            if exc.status != 409:
                raise
            made = self._cluster.get(f"{path}/{name}")
        wanted, seen = _sha256(data), _sha256(made.get("data") or {})
        if wanted != seen:
            raise LedgerError(
                "the archive already holds a different ledger of this generation",
                f"ConfigMap {self._namespace}/{name}",
                f"sha256 {wanted}",
                seen,
                f"compare both; move the archived one to another name, then run rollback.yml again: kubectl "
                f"-n {self._namespace} get configmap {name}",
            )
        return found

    def _delete_map(self, found):
        if found:
            self._cluster.delete(
                core(self._namespace, "configmaps", found["metadata"]["name"]), uid=found["metadata"]["uid"]
            )

    # ---- Secrets

    def _move_snapshot(self, name, sha):
        """sha: the sha256 in the ledger, if any. Without it, the Secret was left by a run that was killed while
        saving."""
        first = self._secret(self._release, name, 0)
        if not first:
            return
        notes = first["metadata"].get("annotations") or {}
        digest = {"chunks": int(notes.get(COUNT, "0")), "sha256": notes.get(SHA, "")}
        target, source = (
            SnapshotStore(self._cluster, self._namespace, release) for release in (self._new, self._release)
        )
        if not _opens(target, name, digest):
            try:
                source.open(name, {**digest, "sha256": sha or digest["sha256"]})
            except SnapshotError:
                if sha:
                    raise
            else:
                for index in range(digest["chunks"]):
                    self._copy_secret(name, index)
                target.open(name, digest)
        # The first part is deleted last: if this is killed, it still shows that other parts exist.
        for index in reversed(range(max(1, digest["chunks"]))):
            self._cluster.delete(core(self._namespace, "secrets", f"monq-upgrade-{self._release}-{name}-{index}"))

    def _secret(self, release, name, index):
        return self._cluster.find(core(self._namespace, "secrets", f"monq-upgrade-{release}-{name}-{index}"))

    def _copy_secret(self, name, index):
        if self._secret(self._new, name, index):
            return  # left by a killed run; the snapshot is compared as a whole
        found = self._secret(self._release, name, index)
        meta = {
            "name": f"monq-upgrade-{self._new}-{name}-{index}",
            "labels": LABELS,
            "annotations": found["metadata"].get("annotations") or {},
        }
        made = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "immutable": True,
            "metadata": meta,
            "data": found.get("data") or {},
        }
        self._cluster.create(core(self._namespace, "secrets"), made)


def clear_finished(cluster, namespace, release):
    """Archives the ledger of a finished rollback, so that the next one starts afresh."""
    found = RollbackLedger(cluster, namespace, release).load()
    if found.finished:
        Archive(cluster, namespace, release, found.generation).rollback()


def new_id():
    """A new attempt ID, like the step runner's."""
    return "a" + uuid.uuid4().hex[:7]


def _is_digest(result):
    return isinstance(result, dict) and {"secret", "chunks", "sha256"} <= set(result)


def _opens(store, name, digest):
    try:
        store.open(name, digest)
        return True
    except SnapshotError:
        return False


def _sha256(data):
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
