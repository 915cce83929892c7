"""Web servers of the tests' own: they note what they are asked, and misbehave on request."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import json
import threading
import time


class Recorder:
    """Notes every request. status: what it answers; body: with what; hang: seconds before it does, or reads nothing."""

    def __init__(self, status=200, body="", hang=0.0, answer=None):
        self.status, self.body, self.hang, self.answer = status, body, hang, answer
        self.requests = []  # {method, path, headers, body, at}
        self._over = threading.Event()
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = {
                    "method": self.command,
                    "path": self.path,
                    "headers": dict(self.headers),
                    "body": self.rfile.read(length).decode(),
                    "at": time.time(),
                }
                recorder.requests.append(request)
                if recorder.hang:
                    recorder._over.wait(recorder.hang)
                status, body = recorder.status, recorder.body
                if recorder.answer and status < 400:
                    status, body = recorder.answer(request)
                data = body.encode()
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(data)))
                    for name, value in recorder.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(data)

            do_GET = do_POST = do_DELETE = handle_any

            def log_message(self, *_given):
                pass

        self.headers = {}
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.daemon = True

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def texts(self):
        return [request["body"] for request in self.requests]

    def json(self):
        return [json.loads(text) for text in self.texts]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_given):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


class Alertmanager(Recorder):
    """The part of Alertmanager's API v2 that silences need, with its rules of what is the same silence."""

    def __init__(self, **given):
        super().__init__(answer=self._answer, **given)
        self.silences = {}

    def active(self):
        now = time.time()
        return [one for one in self.silences.values() if moment(one["startsAt"]) <= now < moment(one["endsAt"])]

    def _answer(self, request):
        if request["method"] == "GET":
            active = {one["id"] for one in self.active()}
            rows = [
                {**one, "status": {"state": "active" if one["id"] in active else "expired"}}
                for one in self.silences.values()
            ]
            return 200, json.dumps(rows)
        body = json.loads(request["body"])
        known = self.silences.get(body.get("id"))
        if body.get("id") and not known:
            return 404, json.dumps(f"silence {body['id']} not found")
        same = known and all(known[name] == body[name] for name in ("matchers", "startsAt"))
        if known and not same:
            known["endsAt"] = text(time.time())
        if not same:
            body["id"] = f"silence-{len(self.silences) + 1}"
            body["startsAt"] = max(body["startsAt"], text(time.time()))  # as the real one does
        self.silences[body["id"]] = body
        return 200, json.dumps({"silenceID": body["id"]})


def text(seconds):
    found = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return found.strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "Z"


def moment(stamp):
    found = datetime.datetime.strptime(stamp[:23] + "Z", "%Y-%m-%dT%H:%M:%S.%fZ")
    return found.replace(tzinfo=datetime.timezone.utc).timestamp()


def until(condition):
    """Waits; the limit only matters if the code is broken."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)
