# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json

from ..errors import ApiError, SnapshotError
from ..k8s.cluster import core
from .ledger import LABELS, Ledger

CHUNK = 600 * 1024  # a Secret holds 1 MiB at most, base64 included
SHA = "monq.platform/sha256"
COUNT = "monq.platform/chunks"
NAMES = ("original", "original-replicas", "cut", "cut-replicas")  # an upgrade's


class SealedStore:
    """Write-once snapshots in immutable Secrets (manifests carry passwords): gzip, in chunks, sha256 kept in the ledger."""

    def __init__(self, cluster, namespace, release):
        self._cluster = cluster
        self._namespace = namespace
        self._prefix = f"monq-upgrade-{release}"

    def _name(self, name, index):
        return f"{self._prefix}-{name}-{index}"

    def seal(self, name, payload):
        """Saves payload under name: {secret, chunks, sha256}. What a killed run left whole is kept, a torn rest is replaced."""
        kept = self._kept(name)
        if kept:
            return kept
        data = gzip.compress(json.dumps(payload, ensure_ascii=False, sort_keys=True).encode(), mtime=0)
        digest = hashlib.sha256(data).hexdigest()
        chunks = [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)]
        for index, chunk in enumerate(chunks):
            body = {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "Opaque",
                "immutable": True,
                "metadata": {"name": self._name(name, index), "labels": LABELS, "annotations": {SHA: digest, COUNT: str(len(chunks))}},
                "data": {"chunk": base64.b64encode(chunk).decode()},
            }
            self._cluster.create(core(self._namespace, "secrets"), body)
        return {"secret": f"{self._prefix}-{name}", "chunks": len(chunks), "sha256": digest}

    def _kept(self, name):
        first = self._cluster.find(core(self._namespace, "secrets", self._name(name, 0)))
        if not first:
            return None
        seal = self._told(first, name)
        try:
            self.open(name, seal)
            return seal
        except SnapshotError:
            # The first part goes last: it is what tells that a rest is there, should this be killed too.
            for index in reversed(range(max(1, seal["chunks"]))):
                self._cluster.delete(core(self._namespace, "secrets", self._name(name, index)))
            return None

    def secrets(self):
        """The names of all Secrets that hold a whole snapshot. A torn rest binds nobody: sealing replaces it."""
        found = []
        for name in NAMES:
            seal = self._told(self._cluster.find(core(self._namespace, "secrets", self._name(name, 0))), name)
            with contextlib.suppress(SnapshotError):
                self.open(name, seal)
                found += [self._name(name, index) for index in range(seal["chunks"])]
        return found

    def _told(self, first, name):
        """The seal that the first part of a snapshot tells of."""
        notes = ((first or {}).get("metadata") or {}).get("annotations") or {}
        return {"secret": f"{self._prefix}-{name}", "chunks": int(notes.get(COUNT, "0")), "sha256": notes.get(SHA, "")}

    def open(self, name, seal):
        """The payload, or SnapshotError where a chunk is missing or its sha256 is not the sealed one."""
        data = b""
        for index in range(seal["chunks"]):
            found = self._cluster.find(core(self._namespace, "secrets", self._name(name, index)))
            if not found:
                raise SnapshotError(
                    "a part of a snapshot is missing",
                    f"Secret {self._namespace}/{self._name(name, index)}",
                    f"{seal['chunks']} parts",
                    f"{index}",
                    "without it counts and routes cannot be put back: restore the Secret from a backup of the cluster",
                )
            data += base64.b64decode((found.get("data") or {}).get("chunk", ""))
        seen = hashlib.sha256(data).hexdigest()
        if seen != seal["sha256"] or not data:
            raise SnapshotError(
                "a snapshot was altered",
                f"Secrets {self._namespace}/{self._prefix}-{name}-*",
                f"sha256 {seal['sha256']}",
                seen,
                "restore the Secrets from a backup of the cluster",
            )
        return json.loads(gzip.decompress(data).decode())


def orphans(cluster, namespace, release, ledger):
    """The Secrets of snapshots whose ledger was deleted; none where this account may not read Secrets. ledger: as it was read before."""
    try:
        found = [] if ledger.entries else SealedStore(cluster, namespace, release).secrets()
    except ApiError as exc:
        if exc.status != 403:
            raise
        return []
    # Looked at again: a run may have begun since.
    return [] if not found or Ledger(cluster, namespace, release).load().entries else found
