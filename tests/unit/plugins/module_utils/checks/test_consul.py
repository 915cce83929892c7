"""The database that a microservice really uses, from a KV store on a port of this machine."""

from __future__ import annotations

import http.server
import json
import threading

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import consul

KEY = "production/pl/pl-identity-service/appsettings.json"
ITEMS = [{"microservice": "pl-identity-service", "database": "pl_identity_service"}]
SERVER = {"host": "db.test", "port": 5432}
STRING = "Host=db.test;Port=5432;Database=pl_identity_service;Username=monq;Password=hunter2-canary"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # pylint: disable=invalid-name
        self.server.asked.append((self.path, self.headers.get("X-Consul-Token")))
        status, body = self.server.answers.get(self.path, (404, ""))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", body)
            body = ""
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_given):
        pass


@pytest.fixture
def store(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.answers = [], {}
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def examined(store, settings=None, items=None, **where):
    if settings is not None:
        text = settings if isinstance(settings, str) else json.dumps(settings)
        store.answers[f"/v1/kv/{KEY}?raw=true"] = (200, text)
    given = {"url": store.url, "token": "consul-canary", "environment": "Production", **where}
    found = consul.examine(given, ITEMS if items is None else items, SERVER, ["consul-canary"])
    assert "canary" not in str(found)
    return [(one["id"], one["severity"], one["seen"]) for one in found]


def nested(string):
    return {"PostgreSQL": {"DefaultConnection": {"ConnectionString": string}}}


@pytest.mark.parametrize(
    "settings",
    [
        nested(STRING),
        {"PostgreSQL:DefaultConnection:ConnectionString": STRING},
        {"postgresql": {"defaultConnection:connectionString": STRING}},
        "\ufeff" + json.dumps(nested(STRING)),
        nested("Server = DB.test:5432 ; database='pl_identity_service';User Id=x"),
        nested("host=db.test;db=pl_identity_service"),
    ],
    ids=["nested", "colons", "mixed", "a byte order mark", "other names", "the default port"],
)
def test_the_database_is_the_one_that_is_dumped(store, settings):
    assert examined(store, settings) == []
    assert store.asked == [(f"/v1/kv/{KEY}?raw=true", "consul-canary")]


def test_another_database_stops(store):
    other = STRING.replace("pl_identity_service", "identity")
    assert examined(store, nested(other)) == [("MONQ-076", "stop", "identity in Consul")]


@pytest.mark.parametrize("change", [("db.test", "db2.test"), ("5432", "5433")])
def test_another_server_is_a_warning(store, change):
    """It may be another name of the same server."""
    [(number, severity, _seen)] = examined(store, nested(STRING.replace(*change)))
    assert (number, severity) == ("MONQ-077", "warning")


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({}, "no such setting"),
        ({"PostgreSQL": {"DefaultConnection": {"ConnectionString": 7}}}, "no such setting"),
        ("no JSON", "something else"),
        (nested("Host=db.test;Password=hunter2-canary"), "none"),
        (None, "status 404"),
    ],
)
def test_a_setting_that_is_missing_is_a_warning(store, settings, seen):
    """A microservice without it does not start."""
    assert examined(store, settings) == [("MONQ-078", "warning", seen)]


def test_a_missing_key_keeps_no_other_from_being_asked(store):
    other = [{"microservice": "cl-streams-service", "database": "cl_streams_service"}]
    assert [row[2] for row in examined(store, nested(STRING), [*other, *ITEMS, *other])] == ["status 404"] * 2


def test_a_store_that_refuses_is_said_once(store):
    store.answers[f"/v1/kv/{KEY}?raw=true"] = (403, "no")
    assert [row[2] for row in examined(store, items=ITEMS * 3)] == ["status 403"]
    assert [row[2] for row in examined(store, items=ITEMS * 3, url="http://127.0.0.1:9")][0].startswith("Conn")


def test_the_token_is_given_to_no_other_server(store):
    store.answers[f"/v1/kv/{KEY}?raw=true"] = (302, f"{store.url.replace('127.0.0.1', 'localhost')}/elsewhere")
    examined(store)
    assert ("/elsewhere", None) in store.asked and ("/elsewhere", "consul-canary") not in store.asked


def test_quotes_in_a_connection_string():
    assert consul.connection('Password="a;Database=x";Database=pl') == {"database": "pl"}
    assert consul.connection("") == {}
