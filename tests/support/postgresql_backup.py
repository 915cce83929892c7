"""An installation whose database is backed up, with a fake Kubernetes API, and a run on it."""

from __future__ import annotations

import copy
import json
import threading
from pathlib import Path

import pytest
from ansible_collections.monq.platform.plugins.module_utils import process
from ansible_collections.monq.platform.plugins.module_utils.engine.lease import Lease
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.engine.runner import StepRunner
from ansible_collections.monq.platform.plugins.module_utils.engine.steps import CUTOVER, Step
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.postgres import dump
from ansible_collections.monq.platform.plugins.module_utils.postgres.backup import Backup
from ansible_collections.monq.platform.plugins.module_utils.postgres.client import Postgresql

from .private_postgresql import BIN, DATABASE, PASSWORD, SERVICE

PREPARE, UPGRADE = f"prepare.backup.database.{SERVICE}", f"upgrade.backup.database.{SERVICE}"
CUT = "upgrade.routing.cut"
START = 1_772_359_200.0


class Api:
    """Imitates just enough of the API server for Ledger and Lease: objects by path, with checks of the
    resourceVersion."""

    def __init__(self):
        self.objects = {}
        self.writes = 0
        self._lock = threading.RLock()

    def find(self, path):
        with self._lock:
            return copy.deepcopy(self.objects.get(path))

    def _store(self, path, body):
        self.writes += 1
        body.setdefault("metadata", {})["resourceVersion"] = str(self.writes)
        self.objects[path] = copy.deepcopy(body)
        return copy.deepcopy(body)

    def create(self, path, body):
        with self._lock:
            return self._store(f"{path}/{body['metadata']['name']}", copy.deepcopy(body))

    def patch(self, path, body):
        with self._lock:
            found = copy.deepcopy(self.objects[path])
            if (
                body["metadata"].get("resourceVersion", found["metadata"]["resourceVersion"])
                != found["metadata"]["resourceVersion"]
            ):
                raise ApiError(409, "Conflict", "the object has been modified", "PATCH", path)
            _merge(found, body)
            return self._store(path, found)


def _merge(target, patch):
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value


class Runner:
    """Runs the real programs, records every argv, and lets a test act before or after a call."""

    def __init__(self):
        self.argvs = []
        self.before = {}
        self.after = {}

    def __call__(self, argv, env=None, timeout=3600, watch=None):
        self.argvs.append(list(argv))
        kind = self.kind(argv)
        self.before.get(kind, lambda _argv: None)(argv)
        result = process.run(argv, env=env, timeout=timeout, watch=watch)
        self.after.get(kind, lambda _argv: None)(argv)
        return result

    @staticmethod
    def kind(argv):
        if "--version" in argv:
            return "version"
        if "--file=/dev/null" in argv:
            return "read"
        return "dump" if "--format=custom" in argv else "restore"

    def kinds(self):
        return [self.kind(argv) for argv in self.argvs if "--version" not in argv]


class Installation:
    """One installation: ledger, lock, folder and clock. To the code under test, every run() looks like a separate
    process."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = folder
        self.api = Api()
        self.runner = Runner()
        self.now = START
        self.role = server.as_role()
        self.max_age = 14400
        self.limit = 1 << 30
        self.identity = None
        self.pg_dump = f"{BIN}/pg_dump"
        self.progress = None
        Lease(self.api, "ns", 120).acquire("a test")
        self.lock = next(iter(self.api.objects.values()))["metadata"]["annotations"]["monq.platform/lock-id"]

    def guarded(self, check_mode=False):
        plan = [
            Step(key=key, title=key, traits=frozenset({CUTOVER}) if key == CUT else frozenset())
            for key in (PREPARE, UPGRADE, CUT)
        ]
        ledger, lease = Ledger(self.api, "ns", "6.0.0").load(), Lease(self.api, "ns", 120)
        return StepRunner(plan=plan, ledger=ledger, lease=lease, lock_id=self.lock, check_mode=check_mode)

    def server_client(self, role=None):
        return Postgresql(role or self.role, self.pg_dump, f"{BIN}/pg_restore", 60, self.runner, self.progress)

    def backup(self, generation=1):
        return Backup(
            self.server_client(),
            self.server_client(),
            str(self.folder),
            "production",
            "6.0.0",
            generation,
            self.max_age,
            self.limit,
            self.identity,
            clock=lambda: self.now,
        )

    def run(self, stage, check_mode=False, database=DATABASE):
        run = self.guarded(check_mode)
        answer = self.backup(run.ledger.generation).run_stage(
            run, stage, [{"microservice": SERVICE, "database": database}]
        )
        return run.result(), answer["backups"][0]

    def refused(self, stage="prepare", **kwargs):
        with pytest.raises(MonqError) as caught:
            self.run(stage, **kwargs)
        message = str(caught.value)
        assert caught.value.what and caught.value.obj and caught.value.seen and caught.value.next_step, message
        assert PASSWORD not in message + json.dumps(caught.value.result())
        return message

    def entry(self, key):
        return Ledger(self.api, "ns", "6.0.0").load().get(key)

    @property
    def attempt_folder(self):
        return Path(self.folder, "production", "6.0.0", "1")

    def files(self):
        return sorted(path.name for path in self.attempt_folder.glob("*")) if self.attempt_folder.exists() else []

    def dumps(self):
        return [name for name in self.files() if name != dump.MANIFEST]

    def manifest(self):
        return json.loads((self.attempt_folder / dump.MANIFEST).read_text())["dumps"]


@pytest.fixture
def installation(server, database, tmp_path):
    return Installation(server, tmp_path / "backups")
