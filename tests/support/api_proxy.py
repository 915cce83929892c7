"""A reverse proxy in front of the sandbox's kube-apiserver. It sees each request of the run under test, and can disturb
it at an exact point.

The run gets a copy of the kubeconfig that points to the proxy; everything else (the simulator, the tests' own kubectl)
talks to the API server directly. A hook is called twice for each request: `before(request)`, before the API server gets
it, and `after(request, status)`, when the API server has done its work but the run has no response yet. It returns None
(continue), an Answer (sent to the run instead), or DROP (the connection is reset). A hook that has `accepts` is asked
at each new connection whether it is served; it is reset otherwise."""

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

Answer = namedtuple("Answer", "status reason headers", defaults=[()])
DROP = object()
# Requested from the middle of a call: by the simulator's exec, or the wrapper around pg_dump.
POINT = "/point-of-a-fault"
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "trailer", "upgrade"}
READS = ("GET", "HEAD")
LEDGER = "monq-upgrade-6.0.0"


class Request:
    """One request of the run, as far as a hook needs it."""

    def __init__(self, method, target, body=b""):
        self.method, self.target, self.raw = method, target, body
        self.path = urlsplit(target).path
        self.body = None
        with contextlib.suppress(ValueError):
            self.body = json.loads(body) if body[:1] == b"{" else None

    @property
    def ledger(self):
        """Returns the {step: entry} that this request writes to the ledger, otherwise an empty dict."""
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
    def watch(self):
        return "watch=true" in self.target

    @property
    def mutating(self):
        """Returns whether the request changes something other than ledger and Lease. Reads, reviews and dry runs do
        not."""
        if (
            self.method in READS
            or "dryRun=All" in self.target
            or "/authorization.k8s.io/" in self.path
            or "/leases" in self.path
        ):
            return False
        return not self.ledger


class Server(http.server.ThreadingHTTPServer):
    """Serves each connection in a thread. A killed run resets its connections, which is not a failure of the proxy."""

    daemon_threads = True
    request_queue_size = 64

    def verify_request(self, request, client_address):
        accepts = getattr(self.proxy.hook, "accepts", None)
        if accepts is None or accepts():
            return True
        request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def shutdown_request(self, request):
        """Without the shutdown of the standard library, which would say goodbye to a client that is to be cut off."""
        self.close_request(request)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Proxy:
    """The proxy, with plain HTTP on a free port of 127.0.0.1. `hook` may be changed at any time; without one,
    everything passes."""

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
        self._server.proxy = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, path):
        """Returns the same kubeconfig, with the proxy as its server."""
        clusters = [{**row, "cluster": {"server": self.url}} for row in self._config["clusters"]]
        Path(path).write_text(json.dumps({**self._config, "clusters": clusters}), encoding="utf-8")
        Path(path).chmod(0o600)
        return str(path)

    def point(self):
        """Returns the argv of a command that calls the hook, and continues when the hook has returned."""
        ask = (
            f"exec 3<>/dev/tcp/127.0.0.1/{self.port}; printf 'GET {POINT} HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3 >/dev/null"
        )
        return ["/bin/bash", "-c", ask]

    @contextlib.contextmanager
    def asked(self, request, headers):
        """The response of the API server, as http.client has it."""
        connection = http.client.HTTPSConnection(
            self.upstream.hostname, self.upstream.port, context=self._context, timeout=90
        )
        try:
            connection.request(request.method, request.target, request.raw or None, headers)
            yield connection.getresponse()
        finally:
            connection.close()

    def forward(self, request, headers):
        """Returns (status, reason, headers, body) from the API server."""
        with self.asked(request, headers) as answer:
            return answer.status, answer.reason, answer.getheaders(), answer.read()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def _status(answer):
    """Returns a body like that of the API server's own errors."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "a fault of the test"}
    return json.dumps({**body, "reason": answer.reason, "code": answer.status}).encode()


def _handler(proxy):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_unused):
            """Prints nothing, because requests contain tokens and manifests."""

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

        def _stream(self, request, headers):
            """Passes events on as they come."""
            self.close_connection = True
            with contextlib.suppress(OSError, http.client.HTTPException), proxy.asked(request, headers) as answer:
                self.send_response_only(answer.status, answer.reason)
                self.send_header("Content-Type", "application/json")
                self.send_header("Connection", "close")
                self.end_headers()
                while chunk := answer.read1(1 << 16):
                    self.wfile.write(chunk)

        def _spoilt(self, verdict):
            if verdict is DROP:
                self._reset()
            elif verdict is not None:
                headers = [("Content-Type", "application/json"), *verdict.headers]
                self._tell(verdict.status, verdict.reason, headers, _status(verdict))
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
            if request.watch:
                self._stream(request, headers)
                return
            try:
                status, reason, answered, data = proxy.forward(request, headers)
            except (OSError, http.client.HTTPException):  # what a run sees when the API server is down
                self._reset()
                return
            if hook and self._spoilt(hook.after(request, status)):
                return
            self._tell(status, reason, answered, data)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    return Handler
