"""The ledger: one ConfigMap, and no write on top of somebody else's."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, LedgerError
from fake_cluster import CONFIGMAPS

PATH = f"{CONFIGMAPS}/monq-upgrade-6.0.0"


def load(cluster):
    return Ledger(cluster, "production", "6.0.0").load()


def test_reading_makes_nothing(cluster):
    ledger = load(cluster)
    assert (ledger.exists, ledger.entries, ledger.generation, ledger.get("x")) == (False, {}, 1, None)
    assert cluster.bodies == []


def test_the_first_write_creates_and_later_ones_add(cluster):
    ledger = load(cluster)
    ledger.write("a", {"state": "done"}, {"note": "1"})
    ledger.write("b", {"state": "intent"}, {"note": "2"})
    assert cluster.writes == [("POST", CONFIGMAPS), ("PATCH", PATH)]
    again = load(cluster)
    assert again.exists and again.entries == {"a": {"state": "done"}, "b": {"state": "intent"}} == ledger.entries
    assert again.annotations == {"monq.platform/attempt": "1", "note": "2"}
    assert cluster.objects[PATH]["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "monq.platform"}


def test_an_entry_is_replaced_as_a_whole(cluster):
    ledger = load(cluster)
    ledger.write("a", {"state": "failed", "error": "boom"})
    ledger.write("a", {"state": "done"})
    assert load(cluster).get("a") == {"state": "done"}


def test_entries_are_read_with_kubectl_alone(cluster):
    load(cluster).write("a", {"state": "done", "error": "Ошибка"})
    assert cluster.objects[PATH]["data"]["a"] == '{"error": "Ошибка", "state": "done"}'


@pytest.mark.parametrize("stands", [False, True], ids=["both create", "both add"])
def test_the_second_of_two_writers_is_refused(cluster, stands):
    if stands:
        load(cluster).write("x", {})
    first, second = load(cluster), load(cluster)
    first.write("a", {"state": "intent"})
    with pytest.raises(LedgerError) as caught:
        second.write("a", {"state": "intent", "by": "second"})
    assert "key a" in str(caught.value) and "monq-upgrade-6.0.0" in str(caught.value) and "next:" in str(caught.value)
    assert load(cluster).get("a") == {"state": "intent"}


def test_another_error_stays_what_it_is(cluster):
    ledger = load(cluster)

    def forbidden(method, path):
        raise ApiError(403, "Forbidden", "no", method, path)

    cluster.before = forbidden
    with pytest.raises(ApiError) as caught:
        ledger.write("a", {})
    assert caught.value.status == 403


def test_a_ledger_that_was_deleted_meanwhile_is_not_made_anew(cluster):
    ledger = load(cluster)
    ledger.write("a", {})
    cluster.drop(PATH)
    with pytest.raises(ApiError):
        ledger.write("b", {})
    assert PATH not in cluster.objects


@pytest.mark.parametrize("text", ["", "done", "{'state': 'done'}", '{"state": "done"'])
def test_an_entry_that_somebody_edited_is_named(cluster, text):
    cluster.put(PATH, {"data": {"a": json.dumps({"state": "done"}), "b": text}})
    with pytest.raises(LedgerError) as caught:
        load(cluster)
    assert "key b" in str(caught.value)


@pytest.mark.parametrize("annotations", [None, {}, {"monq.platform/attempt": "3"}])
def test_the_attempt_is_kept(cluster, annotations):
    cluster.put(PATH, {"metadata": {"annotations": annotations}, "data": None})
    ledger = load(cluster)
    assert ledger.generation == int((annotations or {}).get("monq.platform/attempt", "1"))
    ledger.write("a", {})
    assert load(cluster).generation == ledger.generation
