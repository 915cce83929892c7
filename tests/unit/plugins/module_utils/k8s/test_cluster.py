"""One request over a pool that only remembers: what is repeated, what is an answer, what is an error."""

from __future__ import annotations

import json
import ssl
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, ApiUnreachable
from ansible_collections.monq.platform.plugins.module_utils.k8s import cluster as client
from fake_cluster import FakeCluster

urllib3 = pytest.importorskip("urllib3")


class Connection:
    server = "https://api.test"

    def __init__(self, status=200, body=None, error=None, secrets=()):
        self.status, self.body, self.error, self.requests = status, body, error, []
        self.secrets = list(secrets)

    def request(self, method, path, headers=None, **given):
        self.requests.append((method, path, {**given, "headers": headers}))
        if self.error:
            raise self.error
        text = self.body if isinstance(self.body, str) else json.dumps(self.body or {})
        return types.SimpleNamespace(status=self.status, reason="Reason", data=text.encode())


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    """The pauses that were made, without making them."""
    pauses = []
    monkeypatch.setattr(client.time, "sleep", pauses.append)
    return pauses


class Answers(Connection):
    """Statuses in turn, the last one for ever."""

    def __init__(self, *statuses, **headers):
        super().__init__(body={"said": "yes"})
        self.statuses, self.headers = list(statuses), headers

    def request(self, method, path, headers=None, **given):
        answer = super().request(method, path, headers, **given)
        answer.status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        answer.headers = self.headers
        return answer


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_without_an_answer_is_repeated(slept, status):
    connection = Answers(status, status, 200)
    assert client.Cluster(connection).get("/x") == {"said": "yes"} and slept == [0.5, 1]


@pytest.mark.parametrize(("status", "times"), [(429, 3), (502, 1), (503, 1), (504, 1), (500, 1), (409, 1)])
def test_a_write_is_repeated_only_where_the_server_says_that_it_did_nothing(status, times):
    connection, fenced = Answers(status, status, 200), []
    cluster = client.Cluster(connection)
    cluster.fence = lambda: fenced.append(1)
    if times == 1:
        with pytest.raises(ApiError):
            cluster.patch("/x", {})
    else:
        assert cluster.patch("/x", {}) == {"said": "yes"}
    assert len(connection.requests) == len(fenced) == times


@pytest.mark.parametrize(
    ("given", "pauses"),
    [("3", [3, 3]), ("0", [0.5, 1]), ("3600", [15, 15]), ("Wed, 21 Oct 2026 07:28:00 GMT", [0.5, 1]), ("", [0.5, 1])],
)
def test_the_server_is_given_the_time_that_it_asks_for_within_reason(slept, given, pauses):
    client.Cluster(Answers(429, 429, 200, **{"Retry-After": given})).create("/x", {})
    assert slept == pauses


def test_repeating_ends(slept):
    connection = Answers(429)
    with pytest.raises(ApiError) as caught:
        client.Cluster(connection).get("/x")
    assert caught.value.status == 429 and len(connection.requests) == 6 and slept == [0.5, 1, 2, 4, 8]


def test_a_log_is_not_waited_for(slept):
    with pytest.raises(ApiError):
        client.Cluster(Answers(503)).text("/x")
    assert slept == []


def make(known=(), **given):
    connection = Connection(**given)
    return client.Cluster(connection, known), connection


class Line(Connection):
    """What comes back in turn: an error of urllib3, or (status, body); the last one for ever."""

    def __init__(self, *given):
        super().__init__()
        self.given = list(given)

    def request(self, method, path, headers=None, **given):
        self.requests.append((method, path, {**given, "headers": headers}))
        answer = self.given.pop(0) if len(self.given) > 1 else self.given[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return types.SimpleNamespace(status=status, reason="Reason", data=json.dumps(body).encode(), headers={})


RESET = urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
REFUSED = urllib3.exceptions.NewConnectionError(None, "refused")
NAMELESS = type("NameResolutionError", (urllib3.exceptions.NewConnectionError,), {})(None, "try again")  # of urllib3 2
CUT_OFF = urllib3.exceptions.SSLError(ssl.SSLEOFError(8, "EOF occurred in violation of protocol"))
FORGED = urllib3.exceptions.SSLError(ssl.SSLCertVerificationError(1, "certificate verify failed"))
LATE = urllib3.exceptions.ReadTimeoutError(None, "/x", "timed out")
WRITES = {
    "POST": lambda c: c.create("/x", {"metadata": {"name": "n"}, "data": {"a": "1"}}),
    "PUT": lambda c: c.replace("/x/n", {"metadata": {"name": "n", "resourceVersion": "7"}, "data": {"a": "1"}}),
    "PATCH": lambda c: c.patch("/x/n", {"metadata": {"resourceVersion": "7"}, "data": {"a": "1", "b": None}}),
    "DELETE": lambda c: c.delete("/x/n", uid="u"),
}
CALLS = {"GET": lambda c: c.get("/x"), **WRITES}
LOSSES = (0.3, 1, 3)


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("error", [RESET, REFUSED, NAMELESS, CUT_OFF], ids=["reset", "refused", "no name", "cut off"])
def test_a_lost_connection_is_tried_again_for_a_while(slept, method, error):
    """Every tenth connection may drop: no reason to stop inside an outage. Each attempt passes the fence."""
    connection, fenced = Line(error, error, (200, {})), []
    cluster = client.Cluster(connection)
    cluster.fence = lambda: fenced.append(1)
    CALLS[method](cluster)
    assert slept == [0.3, 1] and {seen for seen, _path, _given in connection.requests} == {method}
    assert len(fenced) == (0 if method == "GET" else 3)
    connection = Line(error)
    with pytest.raises(ApiUnreachable):
        CALLS[method](client.Cluster(connection))
    assert len(connection.requests) == 4 and slept == [0.3, 1, *LOSSES]


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize(("error", "reads"), [(FORGED, 1), (LATE, 4)], ids=["certificate", "late"])
def test_what_may_still_be_at_work_is_not_sent_twice(method, error, reads):
    """a write without an answer in time is a question for the ledger; a certificate does not get better"""
    connection = Line(error)
    with pytest.raises(ApiUnreachable):
        CALLS[method](client.Cluster(connection))
    assert len(connection.requests) == (reads if method == "GET" else 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize(
    ("found", "ours"), [({"data": {"a": "1"}}, True), ({"data": {"a": "2"}}, False), ({"data": {"c": "1"}}, False)]
)
def test_the_conflict_with_its_own_lost_attempt_is_a_success(method, found, ours):
    """The first attempt was carried out, its answer was lost: the object says which of the two it is."""
    found = {"metadata": {"name": "n", "resourceVersion": "8"}, **found}
    connection = Line(RESET, (409, {}), (200, found))
    if ours:
        assert WRITES[method](client.Cluster(connection)) == found
    else:
        with pytest.raises(ApiError) as caught:
            WRITES[method](client.Cluster(connection))
        assert caught.value.status == 409
    assert [seen[:2] for seen in connection.requests][1:] == [
        (method, "/x" if method == "POST" else "/x/n"),
        ("GET", "/x/n"),
    ]


@pytest.mark.parametrize("method", WRITES)
def test_a_conflict_without_a_lost_attempt_is_somebody_elses(method):
    connection = Line((409, {}))
    with pytest.raises(ApiError):
        WRITES[method](client.Cluster(connection))
    assert len(connection.requests) == 1


def test_what_a_lost_attempt_has_deleted_was_there():
    assert client.Cluster(Line(RESET, (404, {}))).delete("/x/n") is True
    assert client.Cluster(Line((404, {}))).delete("/x/n") is False


def test_a_log_is_asked_for_once():
    connection = Line(RESET)
    with pytest.raises(ApiUnreachable):
        client.Cluster(connection).text("/x")
    assert len(connection.requests) == 1


@pytest.mark.parametrize("method", CALLS)
def test_requests_end(method):
    connection = Line((200, {}))
    CALLS[method](client.Cluster(connection))
    ((_method, _path, given),) = connection.requests
    assert given["retries"] is False, "urllib3 would not ask the fence"
    assert (given["timeout"].connect_timeout, given["timeout"].read_timeout) == (5, 60)


def test_a_query_is_encoded():
    cluster, connection = make()
    cluster.get("/x", labelSelector="a=b")
    assert connection.requests[0][1] == "/x?labelSelector=a%3Db"


def test_absent_is_none_and_gone_is_false():
    """trap 3"""
    cluster, _pool = make(status=404, body={"message": "not found"})
    assert cluster.find("/x") is None and cluster.delete("/x") is False
    with pytest.raises(ApiError):
        cluster.get("/x")


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [(403, {"message": "no"}, "no"), (500, "<html>", "<html>"), (409, "[]", "[]"), (503, "", "")],
)
def test_an_error_says_what_was_asked_and_answered(status, body, message):
    cluster, _pool = make(status=status, body=body)
    for call in (cluster.find, cluster.delete, cluster.items):
        with pytest.raises(ApiError) as caught:
            call("/x")
        assert (caught.value.status, caught.value.message) == (status, message)
        assert str(status) in str(caught.value) and "/x" in str(caught.value) and "s3cret" not in str(caught.value)


def test_no_answer_is_an_error_of_its_own():
    cluster, _pool = make(error=urllib3.exceptions.ReadTimeoutError(None, "/x", "timed out"))
    with pytest.raises(ApiUnreachable) as caught:
        cluster.get("/x")
    assert "https://api.test" in str(caught.value) and "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("body", "expected"), [({"items": [1]}, [1]), ({"items": None}, []), ({}, [])])
def test_items(body, expected):
    assert make(body=body)[0].items("/x") == expected


def test_a_delete_can_name_the_very_object():
    """trap 2"""
    cluster, connection = make()
    cluster.delete("/x", uid="u-1")
    sent = json.loads(connection.requests[0][2]["body"])
    assert sent["preconditions"] == {"uid": "u-1"} and sent["propagationPolicy"] == "Background"
    cluster.delete("/x")
    assert "preconditions" not in json.loads(connection.requests[1][2]["body"])


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        (["extensions/v1beta1", "networking.k8s.io/v1beta1"], "/apis/extensions/v1beta1"),
        (["networking.k8s.io/v1beta1", "networking.k8s.io/v1"], "/apis/networking.k8s.io/v1beta1"),
        (["networking.k8s.io/v1"], "/apis/networking.k8s.io/v1"),
    ],
)
def test_the_version_of_ingress_is_asked_of_discovery(served, expected):
    """rule 13, trap 19"""
    cluster = FakeCluster()
    cluster.objects = {f"/apis/{group}": {"resources": [{"name": "ingresses"}]} for group in served}
    assert client.ingress_api(cluster) == expected
    cluster.objects["/apis/extensions/v1beta1"] = {"resources": [{"name": "deployments"}]}
    assert client.ingress_api(cluster) == expected.replace("extensions/", "networking.k8s.io/")


def test_no_ingress_at_all():
    cluster = FakeCluster()
    cluster.objects = {}
    with pytest.raises(ApiUnreachable):
        client.ingress_api(cluster)


def test_every_changing_call_asks_the_fence_first():
    """a run that was frozen and taken over stops between two calls of one step"""
    cluster, connection = make()

    def lost():
        raise ApiUnreachable("the lock is lost")

    cluster.fence = lost
    for change in (
        lambda: cluster.create("/x", {}),
        lambda: cluster.replace("/x", {}),
        lambda: cluster.patch("/x", {}),
        lambda: cluster.delete("/x"),
    ):
        with pytest.raises(ApiUnreachable):
            change()
    assert connection.requests == []
    cluster.get("/x")
    cluster.patch(
        "/apis/coordination.k8s.io/v1/namespaces/a/leases/monq-upgrade", {}
    )  # the lock itself is not behind the lock
    assert [row[0] for row in connection.requests] == ["GET", "PATCH"]


@pytest.mark.parametrize("body", ["<html>log in, token=s3cret-s3cret</html>", "", '{"kind": "Status", "met'])
def test_an_answer_that_is_no_json_says_who_answered(body):
    """a proxy, a login page"""
    cluster, connection = make()
    connection.request = lambda *_words, **_given: types.SimpleNamespace(status=200, reason="OK", data=body.encode())
    with pytest.raises(ApiUnreachable) as caught:
        cluster.get("/x")
    assert "https://api.test/x" in str(caught.value) and "s3cret-s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"status": 422, "body": {"message": "Invalid value: hunter&2x"}},
        {"status": 502, "body": "<p>hunter\\u00262x"},
        {"body": "no JSON, but " + "x" * 180 + "hunter&2x"},
        {"body": "no JSON, but hunter&2x"},
        {"error": urllib3.exceptions.HTTPError("by way of http://u:hunter&2x@proxy, hunter&2x")},
    ],
)
def test_no_error_shows_a_known_secret(given):
    """a whole one, and not the beginning of one that the end of the line has cut"""
    cluster, _connection = make(["hunter&2x"], **given)
    with pytest.raises((ApiError, ApiUnreachable)) as caught:
        cluster.get("/x")
    assert "hunter" not in str(caught.value) + repr(caught.value.result()) + str(getattr(caught.value, "message", ""))


def test_a_credential_of_the_connection_is_shown_in_no_error():
    """Nobody else knows it."""
    cluster, _connection = make(status=401, body={"message": "bad token 0a1b2c3d"}, secrets=["0a1b2c3d"])
    with pytest.raises(ApiError) as caught:
        cluster.get("/x")
    assert caught.value.message == "bad token ********"


def test_a_connection_knows_the_secrets_from_the_start(tmp_path):
    path = tmp_path / "hunter&2x"
    with pytest.raises(ApiUnreachable) as caught:
        client.Cluster.connect(str(path), "c", ["hunter&2x"])
    assert "hunter" not in caught.value.seen
    path.write_text(
        json.dumps(
            {
                "clusters": [{"name": "c", "cluster": {"server": "https://api.test"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "c",
            }
        )
    )
    assert client.Cluster.connect(str(path), "c", ["hunter&2x"]).secrets.mask("a hunter&2x") == "a ********"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Date": "Thu, 01 Jan 1970 00:01:00 GMT"}, 60), ({"Date": "yesterday"}, None), ({}, None)],
)
def test_the_servers_clock_is_that_of_its_answer(headers, seconds):
    """Whatever the status: an account that may not read /version is told the time all the same."""
    connection = Answers(403, **headers)
    assert client.Cluster(connection).clock() == seconds
    assert connection.requests[0][2]["retries"] is False


def test_a_server_that_does_not_answer_has_no_clock():
    with pytest.raises(ApiUnreachable):
        client.Cluster(Connection(error=urllib3.exceptions.ProtocolError("gone"))).clock()
