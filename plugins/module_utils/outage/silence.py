# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A silence of Alertmanager (API v2): short, and prolonged as long as the run lives, so that it lapses by itself."""

from __future__ import annotations

import datetime
import json
import time
import urllib.error
import urllib.request
from urllib.parse import quote, urlsplit

from ..errors import InputError, MonqError

VARIABLE = "monq_silence"
KEYS = ("url", "matchers", "max", "headers")
LENGTH = 20 * 60  # seconds that it lasts from now on
REST = 5 * 60  # seconds that are left of it at the end
MOST = 4 * 3600  # seconds in all, unless max says otherwise
TIMEOUT = 5.0
COMMENTS = {
    "upgrade": "Monq is being upgraded from {previous} to {version}: planned outage on {host}. Lapses if the run dies",
    "rollback": "Monq is being rolled back from {version} to {previous}: outage on {host}. Lapses if the run dies",
}


class Settings:
    """monq_silence, checked."""

    def __init__(self, given):
        """Raises InputError for what cannot be used."""
        unknown = sorted(set(given) - set(KEYS))
        if unknown:
            raise _wrong("", f"only {', '.join(KEYS)}", ", ".join(map(str, unknown)))
        self.url = str(given.get("url") or "").rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise _wrong(".url", "http://… or https://… of Alertmanager, without a password in it", "something else")
        matchers = given.get("matchers")
        if not isinstance(matchers, list) or not matchers:
            # Without one, every alert of the company would be silent.
            raise _wrong(".matchers", "a list of {name, value}, and isRegex or isEqual where needed", repr(matchers))
        self.matchers = [_matcher(one) for one in matchers]
        try:
            self.most = int(given.get("max") or MOST)
        except (TypeError, ValueError):
            self.most = 0
        if self.most <= 0:
            raise _wrong(".max", "seconds", repr(given.get("max")))
        headers = given.get("headers") or {}
        if not isinstance(headers, dict):
            raise _wrong(".headers", "names with values", type(headers).__name__)
        self.headers = {str(name): str(value) for name, value in headers.items()}


def _matcher(given):
    known = {"name", "value", "isRegex", "isEqual"}
    if not isinstance(given, dict) or not given.get("name") or "value" not in given or set(given) - known:
        raise _wrong(".matchers", "{name, value}, and isRegex or isEqual where needed", repr(given))
    return {
        "name": str(given["name"]),
        "value": str(given["value"]),
        "isRegex": given.get("isRegex", False) in (True, "true", "yes"),
        "isEqual": given.get("isEqual", True) not in (False, "false", "no"),
    }


def _wrong(part, expected, seen):
    return InputError(f"{VARIABLE} cannot be used", VARIABLE + part, expected, seen, "correct it in the inventory")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given):
        return None


class Silence:
    """The silences of one installation: found again by their author, so that no run has to remember an id."""

    def __init__(self, settings, author, comment, now=time.time, timeout=TIMEOUT):
        self._settings, self._author, self._comment = settings, author, comment
        self._now, self._timeout = now, timeout
        self._opener = urllib.request.build_opener(_NoRedirect)
        self.began = None  # when it began: it ends for good when max is over

    def prolong(self, length=None):
        """Makes it last that many seconds from now (LENGTH), or creates it. Returns the second at which it ends. Raises
        MonqError where Alertmanager does not do it."""
        now, found = self._now(), self._ours()
        if self.began is None:
            self.began = _seconds(found[0]["startsAt"]) if found else now
        end = min(now + (length or LENGTH), self.began + self._settings.most)
        if end <= now:
            raise MonqError("the silence has reached monq_silence.max", VARIABLE, "", "", "")
        if found:
            self._until(found[0], end)
        else:
            self._post({"startsAt": _text(now), "endsAt": _text(end)})
        return end

    def shorten(self, rest=REST):
        """Leaves that many seconds of each; returns how many there are."""
        end, found = self._now() + rest, self._ours()
        for one in found:
            if _seconds(one["endsAt"]) > end:
                self._until(one, end)
        return len(found)

    def _until(self, one, end):
        # With another begin or other matchers, Alertmanager would make a second silence of it.
        self._post({"id": one["id"], "startsAt": one["startsAt"], "endsAt": _text(end)}, one["matchers"])

    def _post(self, times, matchers=None):
        body = {"createdBy": self._author, "comment": self._comment, **times}
        self._request("POST", "/api/v2/silences", {**body, "matchers": matchers or self._settings.matchers})

    def _ours(self):
        """Those that are active and that this installation's runs have made."""
        listed = self._request("GET", "/api/v2/silences")
        return [
            one
            for one in (listed if isinstance(listed, list) else [])
            if one.get("createdBy") == self._author and (one.get("status") or {}).get("state") == "active"
        ]

    def _request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "monq.platform", **self._settings.headers}
        request = urllib.request.Request(self._settings.url + quote(path), data, headers, method=method)
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return json.loads(answer.read(8 << 20) or b"null")
        except urllib.error.HTTPError as exc:
            with exc:
                raise self._failed(f"status {exc.code}") from None
        except (OSError, ValueError) as exc:
            reason = getattr(exc, "reason", None) or exc
            raise self._failed(type(reason).__name__ if isinstance(exc, ValueError) else str(reason)) from None

    @staticmethod
    def _failed(seen):
        """Names no URL: it is the site's, and may hold what is not meant for logs."""
        return MonqError("Alertmanager did not take the silence", f"{VARIABLE}.url", "status 200", seen, "")


def _text(seconds):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _seconds(text):
    whole = text[:19]  # the fraction has as many digits as its server likes
    return datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc).timestamp()
