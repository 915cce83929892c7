"""An installation with a ledger and a lock, and runs on it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import Lease
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.engine.runner import StepRunner
from ansible_collections.monq.platform.plugins.module_utils.errors import (
    CommandError,
)
from fake_cluster import CONFIGMAPS, LEASES, Clock, FakeCluster
from repository import RELEASE

FIRST = "prepare.snapshot.original"
CLIENT = "prepare.release_hub.token"
GATE = "prepare.registry.status"
CUT = "upgrade.routing.cut"
SQL = "upgrade.pl.database.pl-i18n-service.sqls_pl-i18n-service.sql"
LAST = "verify.installation.check"
LEDGER = f"{CONFIGMAPS}/monq-upgrade-6.0.0"
LEASE = f"{LEASES}/monq-upgrade"


class World:
    """An installation with a ledger and a lock, and runs on it."""

    def __init__(self):
        self.cluster = FakeCluster()
        self.plan = steps.plan(RELEASE, ["pl", "cl"])
        self.keys = [step.key for step in self.plan]
        self.lock_id = self.lease().acquire("us")
        self.acted = []
        self.slept = []

    def lease(self):
        clock = Clock()
        return Lease(self.cluster, "production", 120, clock, clock.sleep)

    def ledger(self):
        return Ledger(self.cluster, "production", "6.0.0").load()

    def runner(self, **given):
        return StepRunner(
            plan=self.plan,
            ledger=self.ledger(),
            lease=self.lease(),
            **{
                "lock_id": self.lock_id,
                "home": "here",
                "make_home": lambda: "here",
                "sleep": self.slept.append,
                **given,
            },
        )

    def done_before(self, key, **more):
        self.record(
            {
                k: {"state": "done", "homes": ["here"], "started": "2026-03-01T10:00:00Z"}
                for k in self.keys[: self.keys.index(key)]
            }
        )
        return self.record(more) if more else self

    def record(self, entries):
        known = self.cluster.objects.get(LEDGER, {})
        notes = known.get("metadata", {}).get("annotations", {})
        data = {**known.get("data", {}), **{key: json.dumps(entry) for key, entry in entries.items()}}
        self.cluster.put(LEDGER, {"metadata": {"annotations": notes}, "data": data})
        return self

    def entry(self, key):
        return self.ledger().get(key)

    def action(self, result=None, error=None):
        def act():
            self.acted.append(result)
            self.cluster.calls.append(("ACTION", ""))
            if error:
                raise error
            return result

        return act


def failure(unknown=False, what="monqctl failed"):
    error = CommandError(what, "pl", "status 0", "status 3\nmore lines")
    error.unknown = unknown
    return error


def refused(run, key, kind, action=None):
    """The error, after the proof that the action did not run."""
    acted = []
    with pytest.raises(kind) as caught:
        run.execute(key, action or (lambda: acted.append(1)))
    assert not acted
    return caught.value
