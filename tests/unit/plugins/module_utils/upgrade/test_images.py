"""What a registry of images shows of `release update images`: a real HTTP server that speaks the distribution API."""

from __future__ import annotations

import http.server
import json
import threading

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.upgrade.effects import Effects
from ansible_collections.monq.platform.plugins.module_utils.upgrade.image_names import of_version, split
from ansible_collections.monq.platform.plugins.module_utils.upgrade.images import ImageRegistry
from fake_cluster import DEPLOYMENTS, FakeCluster
from fake_session import FakeSession, Runs
from repository import RELEASE

KEY = "prepare.pl.images"
STEP = next(step for step in steps.plan(RELEASE, ["pl"]) if step.key == KEY)
NEW = RELEASE["modules"]["pl"]["version"]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _mark, query = self.path.partition("?")
        repository = path[len("/v2/") : -len("/tags/list")]
        if repository == "pl/locked":
            return self.answer(401, {})
        tags = self.server.tags.get(repository)
        if tags is None:
            return self.answer(404, {"errors": []})
        first = int(query.rpartition("last=")[2]) if "last=" in query else 0
        following = (
            {"Link": f'</v2/{repository}/tags/list?last={first + 1}>; rel="next"'} if first + 1 < len(tags) else {}
        )
        return self.answer(200, {"tags": tags[first : first + 1]}, following)

    def answer(self, status, body, headers=None):
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.tags = {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def session(server, *images, address=None):
    host = f"127.0.0.1:{server.server_address[1]}"
    cluster = FakeCluster()
    for number, image in enumerate(images):
        name = f"pl-{number}-service"
        containers = [{"name": name, "image": image.replace("HOST", host)}]
        cluster.put(
            f"{DEPLOYMENTS}/{name}",
            {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": containers}}}},
        )
    run = Runs([STEP], {KEY: {"state": "intent", "attempt": "a1"}})
    return FakeSession(cluster, run, image_registry=address or f"http://{host}")


def copied(session, alarm=None):
    def call():
        if alarm:
            raise alarm
        return "Done."

    effects = Effects(session)
    return effects.after(STEP, call), effects


def test_copied_images_are_proved_page_by_page(server):
    server.tags = {"pl/x": ["5.9.3", "latest", f"{NEW}-7"], "pl/y": [NEW]}
    said, effects = copied(
        session(server, "HOST/pl/x:5.9.3", "HOST/pl/y:v5.9.3@sha256:0", "elsewhere.example/pl/z:1.0")
    )
    assert said == "Done." and effects.evidence == {KEY: {"repositories": 2, "missing": 0}} and not effects.warnings


@pytest.mark.parametrize("tags", [{}, {"pl/x": []}, {"pl/x": ["5.9.3", f"{NEW}0"]}])
def test_images_that_are_not_there_fail_the_step_whatever_the_client_says(server, tags):
    server.tags = tags
    with pytest.raises(CommandError, match="its effect is not there") as caught:
        copied(session(server, "HOST/pl/x:5.9.3"))
    assert caught.value.seen == "no such tag: pl/x" and f"{KEY}: done a1" in caught.value.next_step


def test_alarming_words_are_a_warning_where_the_images_are_there(server):
    server.tags = {"pl/x": [NEW]}
    alarm = CommandError("monqctl failed", "x", "y", "Error: progress bar")
    alarm.only_words = True
    _said, effects = copied(session(server, "HOST/pl/x:5.9.3"), alarm)
    assert "Error: progress bar" in effects.warnings[0]


@pytest.mark.parametrize(
    ("images", "address", "words"),
    [
        (["HOST/pl/locked:5.9.3"], None, "status 401"),
        (["127.0.0.1:1/pl/x:5.9.3"], "http://127.0.0.1:1", "cannot be asked"),
        (["elsewhere.example/pl/x:5.9.3", "HOST/pl/y:stable"], None, "no Deployment of the module uses"),
    ],
)
def test_a_registry_that_proves_nothing_is_a_warning_and_no_alibi(server, images, address, words):
    _said, effects = copied(session(server, *images, address=address))
    assert words in effects.warnings[0] and "monqctl's word is all there is" in effects.warnings[0]
    assert not effects.evidence
    alarm = CommandError("monqctl failed", "x", "y", "Error: denied")
    alarm.only_words = True
    with pytest.raises(CommandError, match="monqctl failed"):
        copied(session(server, *images, address=address), alarm)


def test_without_the_variable_nothing_is_asked(server):
    quiet = session(server, "HOST/pl/x:5.9.3", address="")
    quiet.params["image_registry"] = ""
    assert copied(quiet)[1].warnings == []


def test_an_address_without_a_scheme_is_asked_with_tls():
    assert ImageRegistry("registry.example:5000/").host == ImageRegistry("http://registry.example:5000").host
    assert ImageRegistry("registry.example")._url.startswith("https://registry.example/v2/")


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("registry.example/pl/x:6.0.0", ("registry.example", "pl/x", "6.0.0")),
        ("localhost/x", ("localhost", "x", "")),
        ("10.0.0.1:5000/a/b/c:v1@sha256:ab", ("10.0.0.1:5000", "a/b/c", "v1")),
        ("monq/x:1", ("", "monq/x", "1")),
        ("x", ("", "x", "")),
    ],
)
def test_names_of_images(image, parts):
    assert split(image) == parts


@pytest.mark.parametrize(
    ("tag", "yes"),
    [("6.0.0", True), ("v6.0.0-rc1", True), ("6.0.0.12", True), ("6.0.01", False), ("16.0.0", False), ("", False)],
)
def test_versions_of_tags(tag, yes):
    assert of_version(tag, "6.0.0") is yes
