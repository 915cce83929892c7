# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from urllib.parse import urlencode

from ..errors import ApiError, ApiUnreachable
from ..redaction import text as redaction
from .connection import Connection
from .kubeconfig import access

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
LONGEST = 20_000  # characters of an answer that are looked through to show its beginning


class Cluster:
    """Plain JSON over keep-alive connections."""

    def __init__(self, connection, secrets=()):
        self._connection = connection
        self.secrets = redaction.known([*secrets, *connection.secrets])  # shown in no error text
        self.fence = lambda: None  # asked before every changing call; raises where the lock is lost

    @classmethod
    def connect(cls, kubeconfig=None, context=None, secrets=()):
        """The cluster of a context of the kubeconfig. Raises ApiUnreachable where the kubeconfig cannot be used; asks the server nothing."""
        try:
            return cls(Connection(access(kubeconfig, context)), secrets)
        except ApiUnreachable as exc:
            exc.obj, exc.seen = redaction.redact(exc.obj, secrets), redaction.redact(exc.seen, secrets)
            raise

    @property
    def server(self):
        return self._connection.server

    def call(self, method, path, body=None, query=None, content_type="application/json", plain=False):
        """One request; the parsed answer. Reads may be repeated by the pool, writes never. plain: a text, asked for once and not for long."""
        import urllib3

        if method != "GET" and "/leases" not in path:
            self.fence()
        target = path + ("?" + urlencode(query) if query else "")
        headers = {"Accept": "*/*" if plain else "application/json", "User-Agent": "monq.platform"}
        data = None
        if body is not None:
            headers["Content-Type"] = content_type
            data = json.dumps(body).encode()
        # A write that was lost on the way is a question for the ledger, not for a retry.
        retries = urllib3.Retry(3, other=0, backoff_factor=0.3) if method == "GET" and not plain else False
        try:
            timeout = urllib3.Timeout(connect=5, read=10 if plain else 60)
            answer = self._connection.request(method, target, headers, body=data, retries=retries, timeout=timeout)
        except urllib3.exceptions.HTTPError as exc:
            raise ApiUnreachable(
                "the Kubernetes API does not answer",
                self.server,
                "an answer",
                redaction.redact(f"{type(exc).__name__}: {exc}", self.secrets)[:500],
                "check that the API server is up and reachable from here, then run the same command again",
            ) from exc
        text = answer.data.decode("utf-8", "replace")
        if answer.status >= 400:
            raise _error(answer.status, answer.reason, text, method, path, self.secrets)
        return text if plain else _json(text, f"{method} {self.server}{path}", self.secrets)

    def get(self, path, **query):
        return self.call("GET", path, query=query)

    def find(self, path):
        """The object, or None where there is none."""
        try:
            return self.get(path)
        except ApiError as exc:
            if exc.status == 404:
                return None
            raise

    def items(self, path, **query):
        return self.get(path, **query).get("items") or []

    def text(self, path, **query):
        """What is no JSON, such as a log."""
        return self.call("GET", path, query=query, plain=True)

    def create(self, path, body):
        return self.call("POST", path, body)

    def replace(self, path, body):
        return self.call("PUT", path, body)

    def patch(self, path, body, content_type=MERGE):
        return self.call("PATCH", path, body, content_type=content_type)

    def delete(self, path, uid=None, propagation="Background"):
        """True when it was there. With a uid, only that very object is deleted."""
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


def _json(text, request, secrets):
    try:
        return json.loads(text)
    except ValueError as exc:
        raise ApiUnreachable(
            "what answers is not the Kubernetes API",
            request,
            "JSON",
            redaction.redact(text[:LONGEST], secrets)[:200] or "nothing",
            "see what stands between here and the API server: a proxy, a login page; then run the same command again",
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
    """The path of the Ingress API that this server has, oldest first: the vendor's objects are extensions/v1beta1."""
    for group in ("extensions/v1beta1", "networking.k8s.io/v1beta1", "networking.k8s.io/v1"):
        found = cluster.find(f"/apis/{group}")
        if found and any(r["name"] == "ingresses" for r in found.get("resources", [])):
            return f"/apis/{group}"
    raise ApiUnreachable("the Kubernetes API serves no Ingress", cluster.server, "extensions/v1beta1", "none", "check the API server's version: 1.16 to 1.21")


def ingresses(cluster, namespace, name=""):
    return f"{ingress_api(cluster)}/namespaces/{namespace}/ingresses" + (f"/{name}" if name else "")
