"""Each state that the outage's watch can see, asked of real servers."""

from __future__ import annotations

import socket
import ssl
import subprocess

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import InputError
from ansible_collections.monq.platform.plugins.module_utils.outage.question import Expectation, Question, address
from support.recorder import Recorder


def seen(url, limit=1.0, **expect):
    return Question(url, Expectation(expect), limit)()


@pytest.mark.parametrize(
    ("status", "body", "expect", "state"),
    [
        (200, "hello", {}, "ok"),
        (302, "", {"status": [200, 302]}, "ok"),
        (404, "", {"status": [404]}, "ok"),
        (404, "default backend - 404", {}, "not_found"),
        (503, "", {}, "server_error"),
        (302, "", {}, "unexpected"),
        (200, "<title>Monq</title>", {"regex": "<title>Mon."}, "ok"),
        (200, "maintenance", {"regex": "<title>Monq"}, "unexpected"),
    ],
)
def test_an_answer_is_judged_by_status_and_body(status, body, expect, state):
    with Recorder(status, body) as server:
        assert seen(server.url + "/a?b=c", **expect) == state
        assert [request["path"] for request in server.requests] == ["/a?b=c"]


def test_a_redirect_is_not_followed():
    with Recorder(302) as server:
        server.headers = {"Location": server.url + "/elsewhere"}
        assert seen(server.url) == "unexpected"
        assert len(server.requests) == 1


def test_nobody_at_home_is_refused_and_so_is_an_unknown_name():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert seen(f"http://127.0.0.1:{closed.getsockname()[1]}") == "refused"
    assert seen("http://no-such-host.invalid/", 5.0) == "refused"


def test_an_answer_that_does_not_come_is_a_timeout_and_the_question_goes_on():
    with Recorder(hang=30) as server:
        question = Question(server.url, Expectation(), 0.2)
        assert [question(), question()] == ["timeout", "timeout"]


def test_a_server_without_tls_and_one_with_an_unknown_certificate_are_tls(tmp_path):
    with Recorder() as server:
        assert seen(server.url.replace("http:", "https:"), 5.0) == "tls"
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=other", "-days", "2"]
    subprocess.run([*argv, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with Recorder() as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
        url = server.url.replace("http:", "https:")
        assert seen(url, 5.0) == "tls"
        assert seen(url, 5.0, verify=False) == "ok"


@pytest.mark.parametrize("url", ["", "ftp://host/", "https:///x", "https://user:pass@host/", "https://h:99999/", "h"])
def test_a_url_that_cannot_be_asked_is_refused_without_being_shown(url):
    with pytest.raises(InputError) as caught:
        address(url)
    assert "pass@" not in str(caught.value) and "monq_probe_url" in str(caught.value)


@pytest.mark.parametrize("given", [{"status": []}, {"status": ["x"]}, {"status": 999}, {"regex": "("}, {"stauts": 200}])
def test_an_expectation_that_cannot_be_used_is_refused(given):
    with pytest.raises(InputError, match="monq_probe_expect"):
        Expectation(given)


def test_a_single_status_as_text_is_taken():
    assert Expectation({"status": "204"}).status == [204]
