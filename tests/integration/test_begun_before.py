"""An upgrade started with version 1.0 is finished by this version. In 1.0, the registry's counts came before those of
Kubernetes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

# Recorded with the code of 1.0: pl alone, stopped by the registry in the middle of its counts.
THEN = json.loads((Path(__file__).parent / "data" / "ledger-1.0.json").read_text(encoding="utf-8"))
STOPPED, NOT_BEGUN = "upgrade.pl.replicas.registry", "upgrade.pl.replicas.kubernetes"
SCALED_BY_AN_HPA = "pl-search-service"
# The parts of a result that depend on the machine: digests of snapshots, paths of dumps, markers of monqctl's home.
OF_HERE = ("result", "homes", "digests")


def shape(value):
    """Returns the names and types in a result, whatever its values."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    return [shape(part) for part in value[:1]] if isinstance(value, list) else type(value).__name__


def entries_of_then(now):
    """Returns the recorded entries with the results of this machine."""
    assert set(THEN["entries"]) == set(now) - {NOT_BEGUN}
    made = {}
    for key, entry in THEN["entries"].items():
        if ".backup." in key:  # version 1.0 did not restore as a rollback does
            del now[key]["result"]["scratch"]["as_rollback"]
        if ".database." not in key or ".backup" in key:  # version 1.0 kept nothing of what SQL changes
            assert shape(entry.get("result")) == shape(now[key].get("result")), key
        made[key] = {**entry, **{name: now[key][name] for name in OF_HERE if name in now[key] and name in entry}}
    return made


@pytest.fixture(scope="module")
def begun(install):
    """Stops at the same call, then makes the ledger what 1.0 had written, and the counts what Replace leaves."""
    installation = install("site-run", modules="pl", alias=True)
    before = (installation.kubernetes_counts(), installation.registry_counts())
    installation.faults({"match": ["registry", "apply", "microservice"], "kind": "fail", "skip": 2})
    stopped = installation.play("site")
    assert stopped.rc == 2 and installation.ledger()[STOPPED]["state"] == "failed", stopped.text[-3000:]
    data = {key: json.dumps(entry) for key, entry in entries_of_then(installation.ledger()).items()}
    meta = {"name": "monq-upgrade-6.0.0", "labels": THEN["labels"], "annotations": THEN["annotations"]}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
    (installation.work / "ledger.json").write_text(json.dumps(body))
    installation.kubectl("replace", "-f", str(installation.work / "ledger.json"), user="sandbox-admin")
    for name, count in before[0].items():
        if count != 1 and name in installation.kubernetes_counts() and name != SCALED_BY_AN_HPA:
            installation.kubectl("scale", "deployment", name, "--replicas=1", user="sandbox-admin")
    installation.faults()
    return installation, before, installation.play("site")


def test_it_is_finished(begun):
    installation, _before, ended = begun
    assert ended.rc == 0, ended.text[-3000:]
    assert installation.ledger()["verify.installation.check"]["state"] == "done"
    assert set(installation.migrations().values()) == {1}


def test_what_it_had_done_is_not_done_again(begun):
    installation, _before, _ended = begun
    ledger = installation.ledger()
    again = [key for key, entry in THEN["entries"].items() if ledger[key]["attempt"] != entry["attempt"]]
    assert again == [STOPPED]


def test_both_stores_have_their_counts_back(begun):
    """traps 40, 41, 42"""
    installation, (kubernetes, registry), _ended = begun
    for then, now in ((kubernetes, installation.kubernetes_counts()), (registry, installation.registry_counts())):
        both = {name for name in then if name in now} - {SCALED_BY_AN_HPA}
        assert {name: now[name] for name in both} == {name: then[name] for name in both}
    assert 0 in kubernetes.values() and 0 in registry.values()
