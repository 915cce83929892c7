"""Load on the API server, as a hook of the proxy before it: throttles, delays and loses requests in a fixed order."""

from __future__ import annotations

import collections
import threading
import time

from .api_proxy import DROP, Answer

THROTTLED = Answer(429, "TooManyRequests", (("Retry-After", "1"),))


class Load:
    """throttled, lost, dropped: one of so many requests, answers, connections; 0 for none. delay: seconds of each
    request. Counts what the run sent, and what became of it."""

    def __init__(self, throttled=0, lost=0, dropped=0, delay=0.0):
        self._every = {"throttled": throttled, "lost": lost, "dropped": dropped}
        self._delay = delay
        self.seen = collections.Counter()  # by method, and by what was done to them
        self._turn, self._lock = collections.Counter(), threading.Lock()

    @property
    def requests(self):
        return sum(self.seen[method] for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))

    def accepts(self):
        return not self._is_due("dropped")

    def before(self, request):
        with self._lock:
            self.seen[request.method] += 1
        time.sleep(self._delay)
        return THROTTLED if self._is_due("throttled") else None

    def after(self, _request, _status):
        return DROP if self._is_due("lost") else None

    def _is_due(self, what):
        with self._lock:
            self._turn[what] += 1
            due = bool(self._every[what]) and self._turn[what] % self._every[what] == 0
            self.seen[what] += due
            return due
