# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import json
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

from ..errors import ApiError, ApiUnreachable
from ..redaction import text as redaction
from . import repetition
from .connection import Connection
from .kubeconfig import access

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
AGENT = "monq.platform"
LONGEST = 20_000  # characters of a response that are redacted to show its beginning


class Cluster:
    """Plain JSON calls of the Kubernetes API over keep-alive connections."""

    def __init__(self, connection, secrets=()):
        self._connection = connection
        self.credentials = list(connection.secrets)  # its own, for code that shows other programs' texts
        self.secrets = redaction.known([*secrets, *self.credentials])  # shown in no error text
        self.fence = lambda: None  # called before every changing call; raises if the lock is lost

    @classmethod
    def connect(cls, kubeconfig=None, context=None, secrets=()):
        """The cluster of a kubeconfig's context. Raises ApiUnreachable if the kubeconfig cannot be used; does not
        contact the server."""
        try:
            return cls(Connection(access(kubeconfig, context)), secrets)
        except ApiUnreachable as exc:
            exc.obj, exc.seen = redaction.redact(exc.obj, secrets), redaction.redact(exc.seen, secrets)
            raise

    @property
    def server(self):
        return self._connection.server

    def call(self, method, path, body=None, query=None, content_type="application/json", plain=False):
        """Sends a request and returns the parsed response. It is sent again where that does no harm, see repetition.

        plain: returns text; no retries, short timeout. Raises ApiError for an error status, ApiUnreachable without a
        response, and what the fence raises.
        """
        headers = {"Accept": "*/*" if plain else "application/json", "User-Agent": AGENT}
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = json.dumps(body).encode()
        answer, lost = self._answer(method, _target(path, query), headers, data, plain)
        if lost and answer.status == repetition.CONFLICT and method in ("POST", "PUT", "PATCH"):
            found = self.find(path if method != "POST" else f"{path}/{body['metadata']['name']}")
            if found and repetition.landed(body, found):
                return found
        if lost and answer.status == repetition.ABSENT and method == "DELETE":
            return {}
        text = answer.data.decode("utf-8", "replace")
        if answer.status >= 400:
            raise _error(answer.status, answer.reason, text, method, path, self.secrets)
        return text if plain else _json(text, f"{method} {self.server}{path}", self.secrets)

    def _answer(self, method, target, headers, data, plain):
        """Returns (response, whether an earlier attempt was lost on the way)."""
        import urllib3

        timeout = urllib3.Timeout(connect=5, read=10 if plain else 60)
        pauses, losses = iter(() if plain else repetition.PAUSES), iter(() if plain else repetition.LOST)
        lost = False
        while True:
            if method != "GET" and "/leases" not in target:
                self.fence()
            try:
                with self._answered():
                    answer = self._connection.request(
                        method, target, headers, body=data, retries=False, timeout=timeout
                    )
            except ApiUnreachable as exc:
                again = next(losses, None) if repetition.after_loss(method, exc.__cause__) else None
                if again is None:
                    raise
                lost = True
                time.sleep(again)
                continue
            again = next(pauses, None) if repetition.after_status(method, answer.status) else None
            if again is None:
                return answer, lost
            asked = (getattr(answer, "headers", None) or {}).get("Retry-After", "")
            time.sleep(repetition.pause(asked, again))

    @contextlib.contextmanager
    def watch(self, path, version, seconds):
        """Yields an iterator over the events after that resourceVersion. The server ends it after so many seconds.
        Raises ApiError and ApiUnreachable, also from the iterator."""
        import urllib3

        query = {"watch": "true", "allowWatchBookmarks": "true", "resourceVersion": version, "timeoutSeconds": seconds}
        headers = {"Accept": "application/json", "User-Agent": AGENT}
        timeout = urllib3.Timeout(connect=5, read=seconds + 5)
        with self._answered():
            answer = self._connection.request(
                "GET", _target(path, query), headers, retries=False, timeout=timeout, preload_content=False
            )
        try:
            if answer.status >= 400:
                raise _error(
                    answer.status, answer.reason, answer.data.decode("utf-8", "replace"), "GET", path, self.secrets
                )
            yield self._events(answer, path)
        finally:
            answer.close()

    def _events(self, answer, path):
        rest = b""
        with self._answered():
            for chunk in answer.stream(1 << 16):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield _json(line.decode("utf-8", "replace"), f"GET {self.server}{path}", self.secrets)

    @contextlib.contextmanager
    def _answered(self):
        import urllib3

        try:
            yield
        except urllib3.exceptions.HTTPError as exc:
            raise ApiUnreachable(
                "the Kubernetes API does not respond",
                self.server,
                "a response",
                redaction.redact(f"{type(exc).__name__}: {exc}", self.secrets)[:500],
                "check that the API server is up and reachable from here, then run the same command again",
            ) from exc

    def clock(self):
        """The server's time in seconds since 1970; None if no response tells it."""
        import urllib3

        timeout = urllib3.Timeout(connect=5, read=10)
        with self._answered():
            answer = self._connection.request("GET", "/version", {"User-Agent": AGENT}, retries=False, timeout=timeout)
        try:
            return parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (KeyError, TypeError, ValueError):
            return None

    def get(self, path, **query):
        return self.call("GET", path, query=query)

    def find(self, path):
        """The object, or None if it does not exist."""
        try:
            return self.get(path)
        except ApiError as exc:
            if exc.status == 404:
                return None
            raise

    def items(self, path, **query):
        return self.get(path, **query).get("items") or []

    def text(self, path, **query):
        """A response that is not JSON, such as a log."""
        return self.call("GET", path, query=query, plain=True)

    def attempt(self, method, path, body):
        """A dry run of a write: it passes admission, and nothing is stored. Raises what the write would."""
        self.call(method, path, body, {"dryRun": "All"}, MERGE if method == "PATCH" else "application/json")

    def create(self, path, body):
        return self.call("POST", path, body)

    def replace(self, path, body):
        return self.call("PUT", path, body)

    def patch(self, path, body, content_type=MERGE):
        return self.call("PATCH", path, body, content_type=content_type)

    def delete(self, path, uid=None, propagation="Background"):
        """Deletes an object; returns whether it existed. With a uid, only that very object is deleted."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self.call("DELETE", path, options)
        except ApiError as exc:
            if exc.status == 404:
                return False
            raise
        return True


def _target(path, query):
    return path + ("?" + urlencode(query) if query else "")


def _json(text, request, secrets):
    try:
        return json.loads(text)
    except ValueError as exc:
        raise ApiUnreachable(
            "the response did not come from the Kubernetes API",
            request,
            "JSON",
            redaction.redact(text[:LONGEST], secrets)[:200] or "nothing",
            "find out what is between here and the API server, such as a proxy or a login page; then run the same "
            "command again",
        ) from exc


def _error(status, reason, text, method, path, secrets):
    try:
        message = json.loads(text).get("message", text)
    except (ValueError, AttributeError):
        message = text
    return ApiError(status, reason, redaction.redact(str(message)[:LONGEST], secrets), method, path)


def core(namespace, kind, name=""):
    return f"/api/v1/namespaces/{namespace}/{kind}" + (f"/{name}" if name else "")


def apps(namespace, kind, name=""):
    return f"/apis/apps/v1/namespaces/{namespace}/{kind}" + (f"/{name}" if name else "")


def ingress_api(cluster):
    """The path of the server's Ingress API, the oldest first: the vendor's objects are extensions/v1beta1."""
    for group in ("extensions/v1beta1", "networking.k8s.io/v1beta1", "networking.k8s.io/v1"):
        found = cluster.find(f"/apis/{group}")
        if found and any(r["name"] == "ingresses" for r in found.get("resources", [])):
            return f"/apis/{group}"
    raise ApiUnreachable(
        "the Kubernetes API does not serve Ingresses",
        cluster.server,
        "extensions/v1beta1",
        "none",
        "check the API server's version: 1.16 to 1.21",
    )


def ingresses(cluster, namespace, name=""):
    return f"{ingress_api(cluster)}/namespaces/{namespace}/ingresses" + (f"/{name}" if name else "")
