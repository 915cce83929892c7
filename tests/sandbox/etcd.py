# GNU General Public License v3.0+
"""Reads and writes the objects of one namespace in etcd directly, so that a saved state is restored exactly, including
UIDs."""

import base64

import web


def encode(text):
    return base64.b64encode(text.encode()).decode()


class Etcd:
    def __init__(self, url):
        self.web = web.Client(url)

    def _call(self, path, body):
        reply = self.web.request("POST", "/v3/kv/" + path, body)
        if reply.status != 200:
            raise SystemExit(f"etcd {path}: {reply.status} {reply.body[:200]!r}")
        return reply.json()

    def objects(self, namespace):
        """Returns key -> value (base64) of everything in the namespace except Events."""
        found = {}
        for row in (
            self._call("range", {"key": encode("/registry/"), "range_end": encode("/registry0")}).get("kvs") or []
        ):
            key = base64.b64decode(row["key"]).decode()
            parts = key.split("/")  # /registry/<resource>/<namespace>/<name>, or one level deeper
            if len(parts) >= 5 and namespace == parts[-2] and parts[2] != "events":
                found[key] = row["value"]
        return found

    def put_back(self, namespace, wanted):
        """Writes only what differs, so that an unchanged object keeps its resourceVersion."""
        seen = self.objects(namespace)
        for key in seen:
            if key not in wanted:
                self._call("deleterange", {"key": encode(key)})
        for key, value in wanted.items():
            if seen.get(key) != value:
                self._call("put", {"key": encode(key), "value": value})
