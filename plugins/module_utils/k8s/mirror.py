# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading

from ..errors import ApiError, ApiUnreachable, MonqError

POLL = 1.0  # seconds between two lists if a watch is denied or fails
WATCH = 30  # seconds until a watch is restarted, so that a silently dead connection is noticed


class Mirror:
    """A list of objects that a thread keeps current: one list, then one watch."""

    def __init__(self, cluster, path, changed):
        """changed: an Event that is set when the list changes or can no longer be kept current."""
        self._cluster, self._path, self._changed = cluster, path, changed
        self._objects, self._version = {}, ""
        self._error = None
        self._lock, self._ended = threading.Lock(), threading.Event()

    def start(self):
        """Reads the list and starts watching it. Raises ApiError or ApiUnreachable if it cannot be read."""
        self._list()
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def stop(self):
        self._ended.set()

    def objects(self):
        """The current objects. Raises the error that ended the watch."""
        with self._lock:
            if self._error:
                raise self._error
            return list(self._objects.values())

    def _list(self):
        found = self._cluster.get(self._path)
        objects = {item["metadata"]["uid"]: item for item in found.get("items") or []}
        with self._lock:
            self._objects = objects
        self._version = (found.get("metadata") or {}).get("resourceVersion", "")
        self._changed.set()

    def _follow(self):
        try:
            while not self._ended.is_set():
                if not self._watch():
                    self._ended.wait(POLL)
                    self._list()
        except MonqError as exc:
            with self._lock:
                self._error = exc
            self._changed.set()

    def _watch(self):
        """Watches until the server ends it; returns False if the list must be read again."""
        try:
            with self._cluster.watch(self._path, self._version, WATCH) as events:
                for event in events:
                    if self._ended.is_set():
                        return True
                    if not self._take(event):
                        return False
            return True
        except (ApiError, ApiUnreachable):
            return False  # denied, too old, or the connection was lost: list again

    def _take(self, event):
        """Applies an event; returns False if it is not a change, such as an expired resourceVersion."""
        item = event.get("object") or {}
        meta = item.get("metadata") or {}
        if event.get("type") not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK") or "resourceVersion" not in meta:
            return False
        self._version = meta["resourceVersion"]
        if event["type"] == "BOOKMARK":
            return True
        with self._lock:
            if event["type"] == "DELETED":
                self._objects.pop(meta["uid"], None)
            else:
                self._objects[meta["uid"]] = item
        self._changed.set()
        return True
