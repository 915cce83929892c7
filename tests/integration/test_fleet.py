"""Several installations in one run: one that fails, one that is locked, one that is killed, and those that end."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest
from support.fleet import Fleet, kill, processes

REPLACE = ["release", "update", "microservices", "--module=pl"]
SQL = ["release", "update", "db", "pgsql", "--microservice=pl-i18n-service"]
LEASE = ("lease", "monq-upgrade")


@pytest.fixture(scope="module")
def fleet(install, tmp_path_factory):
    made = [install(name, modules="pl", alias=False) for name in ("site-run", "fl-fails", "fl-lock", "fl-dead")]
    return Fleet(made, tmp_path_factory.mktemp("fleet"))


class Holder(threading.Thread):
    """Another run that holds the lock of an installation and renews it."""

    def __init__(self, installation):
        super().__init__(daemon=True)
        self._at, self._over = installation, threading.Event()
        spec = {"holderIdentity": "colleague 0123456789ab", "leaseDurationSeconds": 3600}
        notes = {"monq.platform/lock-id": "0123456789ab", "monq.platform/lock-holder": "colleague"}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec}
        body["metadata"] = {"name": LEASE[1], "annotations": notes}
        path = installation.work / "lease.json"
        path.write_text(json.dumps(body))
        self._kubectl("delete", *LEASE, "--ignore-not-found")
        self._kubectl("create", "-f", str(path))
        self.start()

    def _kubectl(self, *words):
        self._at.kubectl(*words, user="sandbox-admin")

    def run(self):
        while not self._over.wait(1):
            self._kubectl("annotate", "--overwrite", *LEASE, f"test/beat={time.time()}")

    def leave(self):
        self._over.set()
        self.join()
        self._kubectl("delete", *LEASE)


def states(installation):
    return {key: entry["state"] for key, entry in installation.ledger().items()}


@pytest.fixture(scope="module")
def first(fleet):
    """One command for all of them: one fails, one is locked by a colleague, and the process of one is killed."""
    fleet["fl-fails"].faults({"match": SQL, "kind": "fail"})
    fleet["fl-dead"].faults({"match": REPLACE, "kind": "hang"})
    holder = Holder(fleet["fl-lock"])
    began, killed = time.monotonic(), None
    run = fleet.start("site", "--forks", "4")
    while run.poll() is None:
        chain = [] if killed else processes(run.pid, f"fl-dead/bin/monqctl {' '.join(REPLACE[:3])}")
        if chain:
            killed = chain[-2]  # the module, which called monqctl
            kill(killed)
        time.sleep(0.2)
    done = fleet.end(run, began)
    holder.leave()
    for name in ("fl-fails", "fl-dead"):
        fleet[name].faults()
    assert killed, done.text[-4000:]
    return done


def test_those_without_a_fault_end(fleet, first):
    assert first.rc == 2, first.text[-4000:]
    assert states(fleet["site-run"])["verify.installation.check"] == "done"
    assert set(fleet["site-run"].migrations().values()) == {1}
    assert fleet["site-run"].kubernetes_counts()["pl-identity-service"] == 4
    assert fleet["fl-lock"].ledger() == {} and fleet["fl-lock"].journal() == []
    assert states(fleet["fl-dead"])["upgrade.pl.microservices.replace"] == "intent"


def test_one_table_shows_all(fleet, first):
    rows = fleet.rows(first.text)
    assert re.fullmatch(r"done \d+ s up", rows.pop("site-run"))
    assert rows == {
        "fl-fails": "failed at upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql - DOWN",
        "fl-lock": "locked by colleague - up",
        "fl-dead": "interrupted at upgrade.pl.microservices.replace - DOWN",
    }
    assert "--limit fl-fails,fl-dead" in first.text and "--limit fl-lock" in first.text


def test_each_has_a_folder_of_its_own(fleet, first):
    """One monq_backup_dir for all: each file of it lies below one host, once."""
    assert sorted(path.name for path in fleet.backup.iterdir()) == sorted(fleet.installations)
    for name in ("site-run", "fl-fails", "fl-dead"):
        [report] = fleet.backup.glob(f"{name}/6.0.0/1/report.json")
        assert json.loads(report.read_text())["installation"]["host"] == name


def test_the_same_command_ends_the_rest(fleet, first):
    again = fleet.play("site", "--forks", "4")
    assert again.rc == 0, again.text[-4000:]
    rows = fleet.rows(again.text)
    assert {name: row.split()[0] for name, row in rows.items()} == dict.fromkeys(fleet.installations, "done")
    for one in fleet.installations.values():
        assert set(states(one).values()) == {"done"} and set(one.migrations().values()) == {1}
