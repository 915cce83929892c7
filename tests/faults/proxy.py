"""A reverse proxy before the sandbox's kube-apiserver: it sees each request of the run under test, and may spoil it at
an exact place.

The run gets a copy of the kubeconfig that names the proxy; everything else (the simulator, the tests' own kubectl) goes
to the API server itself.
A hook is asked twice for each request: `before(request)`, ahead of the API server, and `after(request, status)`, when
the API server has done its work
and the run does not know yet. It gives back None (go on), an Answer (told to the run instead), or DROP (the connection
is reset).
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import json
import socket
import ssl
import struct
import sys
import threading
from collections import namedtuple
from pathlib import Path
from urllib.parse import urlsplit

Answer = namedtuple("Answer", "status reason")
DROP = object()
# Asked by whatever stands in the middle of a call: the simulator's exec, the stand-in of pg_dump.
POINT = "/point-of-a-fault"
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "trailer", "upgrade"}
READS = ("GET", "HEAD")
LEDGER = "monq-upgrade-6.0.0"


class Request:
    """One request of the run, as far as a hook needs to know it."""

    def __init__(self, method, target, body=b""):
        self.method, self.target, self.raw = method, target, body
        self.path = urlsplit(target).path
        self.body = None
        with contextlib.suppress(ValueError):
            self.body = json.loads(body) if body[:1] == b"{" else None

    @property
    def ledger(self):
        """{step: entry} that this request writes into the ledger, else an empty dict."""
        if self.method in READS or "/configmaps" not in self.path or not isinstance(self.body, dict):
            return {}
        name = (
            self.path.rpartition("/")[2]
            if not self.path.endswith("/configmaps")
            else (self.body.get("metadata") or {}).get("name")
        )
        if name != LEDGER:
            return {}
        found = {}
        for key, text in (self.body.get("data") or {}).items():
            with contextlib.suppress(ValueError, TypeError):
                found[key] = json.loads(text)
        return {key: entry for key, entry in found.items() if isinstance(entry, dict) and "state" in entry}

    @property
    def mutating(self):
        """As design.md's rule 7 says it, and without the ledger itself."""
        if (
            self.method in READS
            or "dryRun=All" in self.target
            or "/authorization.k8s.io/" in self.path
            or "/leases" in self.path
        ):
            return False
        return not self.ledger


class Server(http.server.ThreadingHTTPServer):
    """A thread for each connection. A run that was killed resets its own, which is no failure of the proxy."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Proxy:
    """Plain HTTP on a free port of 127.0.0.1. `hook` may be changed at any time; without one everything passes."""

    def __init__(self, kubeconfig):
        config = json.loads(Path(kubeconfig).read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        self.upstream = urlsplit(cluster["server"])
        self._context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        self._config = config
        self.hook = None
        self._server = Server(("127.0.0.1", 0), _handler(self))
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, path):
        """The same kubeconfig, with the proxy as its server."""
        clusters = [{**row, "cluster": {"server": self.url}} for row in self._config["clusters"]]
        Path(path).write_text(json.dumps({**self._config, "clusters": clusters}), encoding="utf-8")
        Path(path).chmod(0o600)
        return str(path)

    def point(self):
        """The argv of a command that asks the hook, and goes on when it has been answered."""
        ask = (
            f"exec 3<>/dev/tcp/127.0.0.1/{self.port}; printf 'GET {POINT} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3 >/dev/null"
        )
        return ["/bin/bash", "-c", ask]

    def forward(self, request, headers):
        """(status, reason, headers, body) of the API server."""
        connection = http.client.HTTPSConnection(
            self.upstream.hostname, self.upstream.port, context=self._context, timeout=90
        )
        try:
            connection.request(request.method, request.target, request.raw or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.reason, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def _status(answer):
    """What the API server's own refusals look like."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "a fault of the test"}
    return json.dumps({**body, "reason": answer.reason, "code": answer.status}).encode()


def _handler(proxy):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_unused):
            """Requests carry tokens and manifests: nothing of them is printed."""

        def _reset(self):
            with contextlib.suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            self.close_connection = True

        def _tell(self, status, reason, headers, body):
            try:
                self.send_response_only(status, reason)
                for name, value in headers:
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
            except OSError:  # the run is gone
                self.close_connection = True

        def _spoilt(self, verdict):
            if verdict is DROP:
                self._reset()
            elif verdict is not None:
                self._tell(verdict.status, verdict.reason, [("Content-Type", "application/json")], _status(verdict))
            return verdict is not None

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request, hook = Request(self.command, self.path, body), proxy.hook
            if self.path == POINT:
                if hook:
                    hook.inside()
                self._tell(200, "OK", [], b"")
                self.close_connection = True
                return
            if hook and self._spoilt(hook.before(request)):
                return
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            try:
                status, reason, answered, data = proxy.forward(request, headers)
            except (OSError, http.client.HTTPException):  # what a run sees where the API server is down
                self._reset()
                return
            if hook and self._spoilt(hook.after(request, status)):
                return
            self._tell(status, reason, answered, data)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    return Handler
