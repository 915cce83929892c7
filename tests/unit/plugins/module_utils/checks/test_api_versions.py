"""The versions of services, asked through the new routes."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import api_versions
from ansible_collections.monq.platform.plugins.module_utils.checks.verification import Verification
from fake_cluster import FakeCluster
from fake_session import FakeSession
from repository import RELEASE
from support.recorder import Recorder

PATTERN = r"^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)"
DOMAINS = ["monq.example.org", "*.alias.example.org"]
TARGET = ("pl", "pl-a-service", "https", "monq.example.org", "/api/pl/a/api/version")


def route(host, *paths, tls=(), modern=False):
    def backend(service):
        return {"service": {"name": service}} if modern else {"serviceName": service}

    rules = [{"host": host, "http": {"paths": [{"path": path, "backend": backend(name)} for path, name in paths]}}]
    return {"metadata": {"name": host, "uid": "new"}, "spec": {"rules": rules, "tls": [{"hosts": list(tls)}]}}


def test_each_service_of_a_module_is_asked_once_on_hosts_that_can_be_asked():
    ingresses = [
        route(
            "monq.example.org",
            ("/api/pl/a(/|$)(.*)", "pl-a-service"),
            ("/a", "pl-a-service"),
            ("/x", "grafana"),
            tls=["*.example.org"],
        ),
        route("monq.example.org", ("/", "fm-a-service"), modern=True),
        route("*.alias.example.org", ("/", "pl-b-service")),
        route("other.example.org", ("/", "pl-b-service")),
    ]
    found = api_versions.asked(ingresses, RELEASE, ["pl", "fm"], DOMAINS, "{path}/api/version")
    assert found == [("fm", "fm-a-service", "http", "monq.example.org", "/api/version"), TARGET]


def found(*answers):
    """Names and what was seen. answers: of the request with the header, and of that without."""
    replies, asked = list(answers), []

    def ask(scheme, host, path, headers):
        asked.append((scheme, host, path, headers))
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    rows = api_versions.examine([TARGET], RELEASE, PATTERN, ask)
    assert {row["severity"] for row in rows} <= {"warning"}
    assert asked[0] == ("https", "monq.example.org", "/api/pl/a/api/version", {"X-Smon-Userspace-Id": "1"})
    return [(row["id"], row["parameters"]["answer"]) for row in rows]


def version(text):
    return 200, json.dumps({"version": text}).encode()


@pytest.mark.parametrize(
    ("answers", "rows"),
    [
        ((version("6.0.0"), version("6.0.0")), []),
        ((version("v6.0.0+build.5"), version("6.0.0")), []),
        ((version("5.9.3"), version("5.9.3")), [("MONQ-110", "5.9.3")]),
        (((404, b""),), [("MONQ-111", "status 404")]),
        (((200, b"<html>"),), [("MONQ-111", "status 200, but no version")]),
        (((200, b'{"version": 6}'),), [("MONQ-111", "status 200, but no version")]),
        ((ConnectionRefusedError("nobody"),), [("MONQ-111", "ConnectionRefusedError: nobody")]),
        ((version("6.0.0"), (401, b"")), [("MONQ-112", "status 401")]),
    ],
)
def test_what_a_service_answers(answers, rows):
    assert found(*answers) == rows


def test_without_a_route_that_is_said():
    [row] = api_versions.examine([], RELEASE, PATTERN)
    assert (row["id"], row["severity"]) == ("MONQ-111", "warning")


def test_a_real_server_gets_the_header_and_one_that_hangs_is_left(monkeypatch):
    with Recorder(body='{"version": "6.0.0"}') as server:
        host = server.url.partition("://")[2]
        targets = [("pl", f"pl-{number}", "http", host, f"/{number}/api/version") for number in range(3)]
        assert api_versions.examine(targets, RELEASE, PATTERN) == []
        headers = [request["headers"].get("X-Smon-Userspace-Id") for request in server.requests]
        assert sorted(map(str, headers)) == ["1", "1", "1", "None", "None", "None"]
    monkeypatch.setattr(api_versions, "SECONDS", 0.2)
    with Recorder(hang=30) as server:
        host = server.url.partition("://")[2]
        [row] = api_versions.examine([("pl", "pl-a", "http", host, "/")], RELEASE, PATTERN)
        assert row["id"] == "MONQ-111" and "no answer within" in row["seen"]


@pytest.mark.parametrize("asked", [True, False])
def test_nobody_is_asked_unless_it_is_switched_on(monkeypatch, asked):
    made = Verification(
        FakeSession(FakeCluster(), api_versions=asked, api_version_path="{path}/api/version", version_pattern=PATTERN)
    )
    for name in ("_rollouts", "_versions", "_counts", "_routes", "_template", "_status"):
        monkeypatch.setattr(made, name, lambda *_given: None)
    monkeypatch.setattr(made, "_before", lambda: {"cut": {"ingresses": [], "deployments": []}, "cut-replicas": {}})
    made.seen["routes"] = []
    made.examine()
    assert [row["id"] for row in made.report["findings"]] == (["MONQ-111"] if asked else [])
