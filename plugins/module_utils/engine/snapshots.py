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
NAMES = ("original", "original-replicas", "cut", "cut-replicas")  # those of an upgrade


class SnapshotStore:
    """Write-once snapshots in immutable Secrets, as manifests contain passwords: gzip, in chunks, sha256 in the
    ledger."""

    def __init__(self, cluster, namespace, release):
        self._cluster = cluster
        self._namespace = namespace
        self._prefix = f"monq-upgrade-{release}"

    def _name(self, name, index):
        return f"{self._prefix}-{name}-{index}"

    def save(self, name, payload):
        """Saves payload under name; returns its digest for the ledger: {secret, chunks, sha256}.

        A complete snapshot left by a killed run is kept; an incomplete one is overwritten.
        """
        kept = self._kept(name)
        if kept:
            return kept
        data = gzip.compress(json.dumps(payload, ensure_ascii=False, sort_keys=True).encode(), mtime=0)
        sha256 = hashlib.sha256(data).hexdigest()
        chunks = [data[i : i + CHUNK] for i in range(0, len(data), CHUNK)]
        for index, chunk in enumerate(chunks):
            notes = {SHA: sha256, COUNT: str(len(chunks))}
            body = {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "Opaque",
                "immutable": True,
                "metadata": {"name": self._name(name, index), "labels": LABELS, "annotations": notes},
                "data": {"chunk": base64.b64encode(chunk).decode()},
            }
            self._cluster.create(core(self._namespace, "secrets"), body)
        return {"secret": f"{self._prefix}-{name}", "chunks": len(chunks), "sha256": sha256}

    def _kept(self, name):
        first = self._cluster.find(core(self._namespace, "secrets", self._name(name, 0)))
        if not first:
            return None
        digest = self._digest(first, name)
        try:
            self.open(name, digest)
            return digest
        except SnapshotError:
            # The first part is deleted last: if this is killed too, it still shows that other parts exist.
            for index in reversed(range(max(1, digest["chunks"]))):
                self._cluster.delete(core(self._namespace, "secrets", self._name(name, index)))
            return None

    def secrets(self):
        """The names of all Secrets that belong to a complete snapshot. An incomplete one is ignored: the next save
        overwrites it."""
        found = []
        for name in NAMES:
            digest = self._digest(self._cluster.find(core(self._namespace, "secrets", self._name(name, 0))), name)
            with contextlib.suppress(SnapshotError):
                self.open(name, digest)
                found += [self._name(name, index) for index in range(digest["chunks"])]
        return found

    def _digest(self, first, name):
        """The digest that the first part of a snapshot claims."""
        notes = ((first or {}).get("metadata") or {}).get("annotations") or {}
        return {
            "secret": f"{self._prefix}-{name}",
            "chunks": int(notes.get(COUNT, "0")),
            "sha256": notes.get(SHA, ""),
        }

    def open(self, name, digest):
        """The payload. Raises SnapshotError if a part is missing or the sha256 differs from the digest."""
        data = b""
        for index in range(digest["chunks"]):
            found = self._cluster.find(core(self._namespace, "secrets", self._name(name, index)))
            if not found:
                raise SnapshotError(
                    "a part of a snapshot is missing",
                    f"Secret {self._namespace}/{self._name(name, index)}",
                    f"{digest['chunks']} parts",
                    f"{index}",
                    "counts and routes cannot be restored without it: restore the Secret from a backup of the cluster",
                )
            data += base64.b64decode((found.get("data") or {}).get("chunk", ""))
        seen = hashlib.sha256(data).hexdigest()
        if seen != digest["sha256"] or not data:
            raise SnapshotError(
                "a snapshot was altered",
                f"Secrets {self._namespace}/{self._prefix}-{name}-*",
                f"sha256 {digest['sha256']}",
                seen,
                "restore the Secrets from a backup of the cluster",
            )
        return json.loads(gzip.decompress(data).decode())


def orphans(cluster, namespace, release, ledger):
    """The Secrets of snapshots whose ledger was deleted; none if this account may not read Secrets.

    ledger: as read earlier.
    """
    try:
        found = [] if ledger.entries else SnapshotStore(cluster, namespace, release).secrets()
    except ApiError as exc:
        if exc.status != 403:
            raise
        return []
    # Read again: a run may have started since.
    return [] if not found or Ledger(cluster, namespace, release).load().entries else found
