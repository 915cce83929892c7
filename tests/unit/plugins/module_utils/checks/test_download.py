"""Where the release comes from: the Release Hub on a port of this machine, and folders of an offline upgrade."""

from __future__ import annotations

import http.server
import socket
import threading
import urllib.error

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import download
from repository import RELEASE


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the status in the path, and remembers what it was asked."""

    def do_GET(self):  # pylint: disable=invalid-name
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(int(self.path.rpartition("/")[2] or 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_given):
        pass


@pytest.fixture
def hub(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "no_proxy", "NO_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def address(server, status=""):
    return f"http://127.0.0.1:{server.server_address[1]}/{status}"


@pytest.mark.parametrize("status", ["", 200, 301, 401, 403, 404, 500])
def test_any_answer_of_the_hub_itself_will_do(hub, status):
    assert download.hub(address(hub, status), {}) == []
    assert not [name for _path, headers in hub.asked for name in headers if name.lower() in ("authorization", "cookie")]


@pytest.mark.parametrize("status", [407, 502, 503, 504])
def test_an_answer_of_a_proxy_is_none(hub, status):
    [one] = download.hub(address(hub, status), {})
    assert (one["id"], one["severity"], one["seen"]) == ("MONQ-062", "warning", f"status {status}")


@pytest.mark.parametrize(
    ("server", "seen"),
    [("http://127.0.0.1:9", "ConnectionRefusedError"), ("hub without a scheme", "ValueError")],
)
@pytest.mark.usefixtures("hub")
def test_a_hub_that_does_not_respond(server, seen):
    [one] = download.hub(server, {})
    assert one["seen"].startswith(seen) and one["object"] == server and "monq_releasehub_server" in one["next"]


def test_the_proxy_of_monqctls_environment_is_used_and_no_password_shown(hub):
    proxy = address(hub).replace("http://", "http://user:hunter2-canary@").rstrip("/")
    assert download.hub("http://hub.invalid/404", {"HTTP_PROXY": proxy}) == []
    assert [path for path, _headers in hub.asked] == ["http://hub.invalid/404"]
    dead = {"http_proxy": "http://user:hunter2-canary@127.0.0.1:9"}
    assert "canary" not in str(download.hub("http://hub.invalid/404", dead, ["hunter2-canary"]))
    assert download.hub(address(hub), {"HTTP_PROXY": "http://127.0.0.1:9"}) == [], "this machine needs no proxy"


@pytest.mark.usefixtures("hub")
def test_a_certificate_file_that_is_not_there_is_a_finding():
    [one] = download.hub("https://127.0.0.1:9", {"SSL_CERT_FILE": "/nowhere/ca.pem"})
    assert one["seen"].startswith("FileNotFoundError")


def test_a_name_that_nobody_knows():
    def ask(_server, _environment):
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    [one] = download.hub("https://hub.test", {}, ask=ask)
    assert one["seen"] == "gaierror: [Errno -2] Name or service not known"


# ---- folders


@pytest.fixture
def folder(tmp_path):
    for name in download.of_release(RELEASE, ["pl", "sm"]):
        path = tmp_path / "monq" / "6.0.0" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("select 1;")
    return tmp_path


WANTED = download.of_release(RELEASE, ["pl", "sm"])


def seen(folder):
    return [(one["severity"], one["seen"]) for one in download.completeness(str(folder), WANTED)]


def test_the_files_that_the_release_names():
    assert "pl/sqls/pl-i18n-service.sql" in WANTED and "sm/monq.json" in WANTED
    assert not [name for name in WANTED if name.startswith("cl/")]
    assert download.of_release(RELEASE, ["pl", "unknown"]) == download.of_release(RELEASE, ["pl"])


def test_a_whole_folder_is_no_finding(folder):
    assert seen(folder) == [] and download.folder(str(folder)) == []


def test_a_file_that_is_not_there(folder):
    (folder / "monq/6.0.0/pl/userspace-configuration.sql").unlink()
    assert seen(folder) == [("warning", "not found: pl/userspace-configuration.sql")], "sm has one of that name"


def test_a_file_that_is_empty_or_half_there(folder):
    (folder / "monq/6.0.0/sm/monq.json").write_text("")
    (folder / "monq/6.0.0/pl/image.tar.partial").write_text("x")
    assert seen(folder) == [
        ("warning", "empty: monq/6.0.0/sm/monq.json"),
        ("warning", "half-written, by their names: monq/6.0.0/pl/image.tar.partial"),
    ]


def test_many_are_counted(tmp_path):
    (tmp_path / "x").write_text("x")
    assert seen(tmp_path)[0][1].endswith(f"and {len(WANTED) - 5} more")


@pytest.mark.parametrize(("make", "problem"), [(False, "no such folder"), (True, "empty")])
def test_no_folder_and_an_empty_one(tmp_path, make, problem):
    path = tmp_path / "bundle"
    if make:
        path.mkdir()
    [one] = download.folder(str(path))
    assert (one["severity"], one["seen"]) == ("stop", problem)
    assert download.completeness(str(path), WANTED) == [], "said once"
