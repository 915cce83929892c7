# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to Monq, as a user's browser would ask it: a connection of its own, one second, no redirects."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from ..errors import InputError
from .observations import OK

URL, EXPECT = "monq_probe_url", "monq_probe_expect"
KEYS = ("status", "regex", "verify")
LIMIT = 1.0  # seconds for an answer
MOST = 65536  # bytes of an answer that are read for the regular expression
HEADERS = {"User-Agent": "monq.platform outage probe", "Connection": "close", "Cache-Control": "no-cache"}


class Expectation:
    """Which answer means that Monq is reachable, and what any other means."""

    def __init__(self, given=None):
        """given: status, a list of codes (200 by default); regex, searched in the body; verify, whether the
        certificate is checked. Raises InputError for anything else."""
        given = dict(given or {})
        unknown = sorted(set(given) - set(KEYS))
        if unknown:
            raise _wrong(EXPECT, f"only {', '.join(KEYS)}", ", ".join(map(str, unknown)))
        status = given.get("status", [200])
        try:
            self.status = [int(code) for code in (status if isinstance(status, (list, tuple)) else [status])]
        except (TypeError, ValueError):
            self.status = []
        if not self.status or not all(100 <= code <= 599 for code in self.status):
            raise _wrong(f"{EXPECT}.status", "a list of HTTP status codes", repr(status))
        try:
            self.regex = re.compile(given["regex"].encode()) if given.get("regex") else None
        except (re.error, AttributeError) as exc:
            raise _wrong(f"{EXPECT}.regex", "a regular expression", str(exc)) from exc
        self.verify = given.get("verify", True) not in (False, "false", "no", "False")

    def state(self, status, body):
        if status in self.status:
            return OK if not self.regex or self.regex.search(body) else "unexpected"
        if status == 404:
            return "not_found"  # the default backend answers for a route that is gone
        return "server_error" if status >= 500 else "unexpected"


def address(url):
    """(scheme, host, port, path) of a URL. Raises InputError for one that cannot be asked."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise _wrong(URL, "http://… or https://…", str(exc)) from exc
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not url.isascii():
        raise _wrong(URL, "http://… or https://… in ASCII, without a password in it", parts.scheme or "no scheme")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname, port, path


def _wrong(name, expected, seen):
    return InputError(f"{name.partition('.')[0]} cannot be used", name, expected, seen, "correct it in the inventory")


class Question:
    """Asks the URL; a call returns the state that was seen."""

    def __init__(self, url, expectation, limit=LIMIT):
        self._scheme, self._host, self._port, self._path = address(url)
        self._expectation, self._limit = expectation, limit
        self._context = None
        if self._scheme == "https":
            self._context = ssl.create_default_context()
            if not expectation.verify:
                self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE
        self._thread, self._seen = None, None

    def __call__(self):
        """The state after at most the limit: a name server or an answer that trickles cannot hold it up."""
        if not (self._thread and self._thread.is_alive()):
            self._seen = None
            self._thread = threading.Thread(target=self._ask, daemon=True)
            self._thread.start()
        self._thread.join(self._limit)
        return self._seen or "timeout"

    def _ask(self):
        try:
            self._seen = self._expectation.state(*self._answer())
        except (socket.timeout, TimeoutError):
            self._seen = "timeout"
        except ssl.SSLError:
            self._seen = "tls"
        except http.client.HTTPException as exc:
            self._seen = "refused" if isinstance(exc, http.client.RemoteDisconnected) else "unexpected"
        except OSError:
            self._seen = "refused"  # no connection, no such name, or one that broke
        except Exception:  # pylint: disable=broad-exception-caught
            self._seen = "unexpected"  # whatever it was, it is no page of Monq, and watching goes on

    def _answer(self):
        """(status, the beginning of the body)"""
        end = time.monotonic() + self._limit
        if self._context:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._limit, context=self._context)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._limit)
        try:
            connection.request("GET", self._path, headers=HEADERS)
            answer, body = connection.getresponse(), b""
            while self._expectation.regex and len(body) < MOST and time.monotonic() < end:
                piece = answer.read1(MOST - len(body))
                if not piece:
                    break
                body += piece
            return answer.status, body
        finally:
            connection.close()
