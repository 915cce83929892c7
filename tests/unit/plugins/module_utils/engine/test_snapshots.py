"""Snapshots are written once: in chunks, immutable, proved by a checksum that lies elsewhere."""

from __future__ import annotations

import base64
import gzip
import json
import random

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import snapshots
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import SnapshotStore
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiUnreachable, SnapshotError
from fake_cluster import SECRETS, FakeCluster

FIRST = f"{SECRETS}/monq-upgrade-6.0.0-cut-0"
SMALL = {"replicas": {"pl-i18n-service": 3}, "name": "Имя"}
# Random text does not shrink: with chunks of 1000 bytes it makes several.
LARGE = {"noise": "".join(random.Random(1).choices("0123456789abcdef", k=7000))}


@pytest.fixture
def store(cluster, monkeypatch):
    monkeypatch.setattr(snapshots, "CHUNK", 1000)
    return SnapshotStore(cluster, "production", "6.0.0")


def names(cluster):
    return [path for path in cluster.objects if path.startswith(SECRETS)]


@pytest.mark.parametrize("payload", [SMALL, LARGE, {}, [], None], ids=["small", "large", "empty", "list", "null"])
def test_what_is_sealed_is_read_back(cluster, store, payload):
    seal = store.save("cut", payload)
    assert store.open("cut", seal) == payload
    assert len(names(cluster)) == seal["chunks"]
    assert json.loads(json.dumps(seal)) == seal  # the ledger keeps it
    assert (seal["chunks"] > 2) is (payload is LARGE)


def test_secrets_are_immutable_and_small_enough(cluster, store):
    store.save("cut", LARGE)
    for path in names(cluster):
        secret = cluster.objects[path]
        assert secret["immutable"] is True and secret["kind"] == "Secret"
        assert len(base64.b64decode(secret["data"]["chunk"])) <= 1000
    assert {method for method, _path in cluster.writes} == {"POST"}


def test_the_real_chunk_fits_into_a_secret():
    assert snapshots.CHUNK * 4 / 3 < 1024 * 1024 - 10_000


def test_the_first_snapshot_stays():
    """traps 12, 15, 41: a resumed run reads it and never writes"""
    cluster = FakeCluster()
    store = SnapshotStore(cluster, "production", "6.0.0")
    seal = store.save("cut", SMALL)
    cluster.bodies.clear()
    assert store.save("cut", {"replicas": {"pl-i18n-service": 1}}) == seal
    assert store.open("cut", seal) == SMALL
    assert cluster.bodies == []


def test_names_do_not_touch_each_other(cluster, store):
    seals = {name: store.save(name, {"name": name}) for name in ("cut", "cut-replicas", "original")}
    for name, seal in seals.items():
        assert store.open(name, seal) == {"name": name}


@pytest.mark.parametrize("lost", [0, 1, -1])
def test_a_missing_chunk_is_refused(cluster, store, lost):
    seal = store.save("cut", LARGE)
    cluster.drop(names(cluster)[lost])
    with pytest.raises(SnapshotError) as caught:
        store.open("cut", seal)
    assert "missing" in str(caught.value) and "next:" in str(caught.value)


@pytest.mark.parametrize(
    "chunk",
    ["", base64.b64encode(b"other").decode(), base64.b64encode(gzip.compress(b'{"replicas": {}}')).decode()],
    ids=["empty", "other", "anew"],  # the compressed one holds the time
)
def test_an_altered_chunk_is_refused(cluster, store, chunk):
    seal = store.save("cut", SMALL)
    cluster.objects[FIRST]["data"]["chunk"] = chunk
    with pytest.raises(SnapshotError):
        store.open("cut", seal)


def test_a_chunk_without_data_is_refused(cluster, store):
    seal = store.save("cut", SMALL)
    cluster.objects[FIRST]["data"] = None
    with pytest.raises(SnapshotError):
        store.open("cut", seal)


def test_the_ledgers_checksum_counts_and_not_the_secrets_own(cluster, store):
    """whoever replaces all Secrets by sound ones is noticed"""
    seal = store.save("cut", SMALL)
    cluster.drop(FIRST)
    other = store.save("cut", {"replicas": {}})
    assert store.open("cut", other) == {"replicas": {}}
    with pytest.raises(SnapshotError):
        store.open("cut", seal)


@pytest.mark.parametrize(
    "seal",
    [
        {"secret": "x", "chunks": 0, "sha256": ""},
        {"secret": "x", "chunks": 0, "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    ],
)
def test_a_seal_of_nothing_opens_nothing(store, seal):
    with pytest.raises(SnapshotError):
        store.open("cut", seal)


class Killed(Exception):
    """The process ended here."""


def killed_at(cluster, method, count):
    """The next count requests of this method pass, then the run is no more."""
    left = [count]

    def strike(seen, path):
        if seen == method:
            if not left[0]:
                raise Killed
            left[0] -= 1

    cluster.before = strike


@pytest.mark.parametrize("count", range(5))
def test_the_rest_of_a_killed_run_is_torn_and_replaced(cluster, store, count):
    total = SnapshotStore(FakeCluster(), "production", "6.0.0").save("cut", LARGE)["chunks"]
    assert total > 4
    killed_at(cluster, "POST", min(count, total - 1))
    with pytest.raises(Killed):
        store.save("cut", LARGE)
    cluster.before = lambda method, path: None
    fresh = {**LARGE, "fresh": True}
    assert store.open("cut", store.save("cut", fresh)) == fresh


@pytest.mark.parametrize("count", range(3))
def test_the_replacement_can_be_killed_as_well(cluster, store, count):
    """the first part tells that there is a rest: it goes last"""
    killed_at(cluster, "POST", 3)
    with pytest.raises(Killed):
        store.save("cut", LARGE)
    killed_at(cluster, "DELETE", count)
    with pytest.raises(Killed):
        store.save("cut", LARGE)
    cluster.before = lambda method, path: None
    assert store.open("cut", store.save("cut", LARGE)) == LARGE


def test_a_whole_rest_of_a_killed_run_is_adopted(cluster, store):
    """sealed, and killed before the ledger knew: what was there before the cut counts, not what is there now"""
    before = store.save("cut", LARGE)
    cluster.bodies.clear()
    assert store.save("cut", {"replicas": "after the cut"}) == before
    assert cluster.bodies == []


@pytest.mark.parametrize("annotations", [None, {}, {"monq.platform/chunks": "0", "monq.platform/sha256": ""}])
def test_a_secret_of_that_name_that_is_no_snapshot_is_replaced(cluster, store, annotations):
    cluster.put(FIRST, {"metadata": {"annotations": annotations}, "data": {"chunk": ""}})
    assert store.open("cut", store.save("cut", SMALL)) == SMALL


def test_no_answer_from_the_api_deletes_nothing(cluster, store):
    seal = store.save("cut", LARGE)

    def unreachable(method, path):
        if method == "GET" and path.endswith("-1"):
            raise ApiUnreachable("no answer")

    cluster.before = unreachable
    with pytest.raises(ApiUnreachable):
        store.save("cut", SMALL)
    cluster.before = lambda method, path: None
    assert store.open("cut", seal) == LARGE
