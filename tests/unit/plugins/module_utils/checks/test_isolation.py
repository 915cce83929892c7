"""Each check of preflight is made to throw in turn: all others are still made, and what they find is still reported."""

from __future__ import annotations

import base64
import contextlib
import functools
import types

import pytest
from ansible_collections.monq.platform.plugins.module_utils import arguments
from ansible_collections.monq.platform.plugins.module_utils.checks import (
    clocks,
    examination,
    postgres,
    preflight,
    restore,
)
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import finding
from ansible_collections.monq.platform.plugins.module_utils.checks.preflight import Preflight
from ansible_collections.monq.platform.plugins.module_utils.postgres.connection import TRANSACTION
from fake_cluster import DEPLOYMENTS, INGRESSES, SECRETS, FakeCluster, deployment, ingress
from fake_session import params

SECRET = "hunter2-canary"
SOURCES = {"release_source_dir": "/nowhere/release", "releasehub_server": "http://127.0.0.1:9"}
QUOTAS = "/api/v1/namespaces/production/resourcequotas"
# Where one of these ends, what follows cannot be made: there is no connection, no ledger, no monqctl.
GATES = {
    "kubernetes.connection": {"cluster", "ledger"},
    "ledger": {"cluster", "ledger"},
    "kubernetes.read": {"cluster"},
    "monqctl": {"registry"},
    "identity": {"registry"},
    "postgresql.reachable": {"databases"},
    "postgresql.database": {"databases"},
    "inputs": {"inputs"},
}
BUILT_ON = {  # objects of findings that need what these read: pg_dump's version, the sizes of the databases
    "postgresql.pg_dump": {"pg_dump"},
    "postgresql.directory": {"/proc/nowhere"},
    "postgresql.pooler": {"db:5432"},
    "postgresql.locks": {"database pl_identity_service on db:5432"},
    "postgresql.scratch": {"db:5432", "role monq on db:5432"},
}
LEDGER = {"identity.token", "template"}  # what cannot be judged without knowing what was done
AREAS = {
    "inputs": "inputs",
    "quotas": "cluster",
    "download": "registry",
    "cluster": "cluster",
    "registry": "registry",
    "postgres": "databases",
}


EXPECTED = {
    "MONQ-003": "a variable that is no longer read",
    "MONQ-004": "monq_domain",
    "MONQ-006": "a Secret without hosts",
    "MONQ-007": "a domain without a Secret",
    "MONQ-008": "monq_confirm_outage",
    "MONQ-009": "monq_releasehub_token",
    "MONQ-010": "monq_releasehub_name",
    "MONQ-011": "an answer to a step that needs none",
    "MONQ-015": "a newer Kubernetes",
    "MONQ-016": "without extensions/v1beta1",
    "MONQ-018": "no registry",
    "MONQ-019": "a permission",
    "MONQ-021": "a permission of the diagnostics",
    "MONQ-024": "cl is installed",
    "MONQ-025": "sm is not",
    "MONQ-026": "no old routes",
    "MONQ-031": "two Ingresses of shop.test",
    "MONQ-032": "cl-x is not ready",
    "MONQ-034": "pl-x is being deleted",
    "MONQ-035": "a quota",
    "MONQ-038": "PostgreSQL's clock",
    "MONQ-040": "no Secret",
    "MONQ-041": "no certificate",
    "MONQ-051": "an old monqctl",
    "MONQ-055": "the registry's status",
    "MONQ-056": "the template is no JSON",
    "MONQ-059": "nor are the counts",
    "MONQ-060": "no folder",
    "MONQ-062": "no Release Hub",
    "MONQ-063": "an old pg_dump",
    "MONQ-065": "a standby",
    "MONQ-067": "a database that is not there",
    "MONQ-068": "an empty one",
    "MONQ-071": "too large for a scratch restore",
    "MONQ-073": "no space",
    "MONQ-074": "may not create databases",
    "MONQ-078": "no Consul",
    "MONQ-092": "what a restore lacks",
    "MONQ-093": "connections",
    "MONQ-094": "pg_hba.conf",
    "MONQ-096": "a pooler",
    "MONQ-097": "locks",
    "MONQ-098": "two hosts of one installation",
    "MONQ-099": "not in the window",
    "MONQ-135": "a home of two installations",
}


class Cluster(FakeCluster):
    """One installation with something wrong for every check that can be made at once."""

    def __init__(self):
        super().__init__()
        self.put("/api/v1/namespaces/production", {})
        self.objects["/version"] = {"major": "1", "minor": "25"}
        self.objects["/apis/networking.k8s.io/v1"] = {"resources": [{"name": "ingresses"}]}
        self.objects["/apis/extensions/v1beta1"] = {"resources": []}
        path = INGRESSES.replace("extensions/v1beta1", "networking.k8s.io/v1")
        self.put(f"{path}/status", ingress("status", "monq.example.org"))
        self.objects["/apis/networking.k8s.io/v1/ingresses"] = {"items": []}
        self.put(f"{path}/twin", ingress("twin", "shop.test"))
        self.put(f"{path}/other", {**ingress("other", "shop.test")})
        quota = {"spec": {"hard": {"pods": "1"}}, "status": {"hard": {"pods": "1"}, "used": {"pods": "1"}}}
        self.put(f"{QUOTAS}/small", quota)
        self.put(f"{DEPLOYMENTS}/cl-x", deployment("cl-x", 2, ready=1))
        leaving = deployment("pl-x")
        leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        self.put(f"{DEPLOYMENTS}/pl-x", leaving)
        data = {"tls.crt": base64.b64encode(b"none").decode()}
        self.put(f"{SECRETS}/tls", {"type": "kubernetes.io/tls", "data": data})

    def clock(self):
        return 0

    def create(self, path, body):
        if "selfsubjectaccessreviews" not in path:
            return super().create(path, body)
        spec = body["spec"]["resourceAttributes"]
        return {"status": {"allowed": spec["resource"] not in ("horizontalpodautoscalers", "events")}}


class Client:
    """monqctl of which everything is wrong."""

    secrets, path, home, context = (), "monqctl", "/nowhere/home", "production"

    def version(self):
        return (1, 0, 0)

    def current_context(self):
        return "production"

    def healthy_status(self, _ignored):
        raise examination.MonqError("not healthy", "PostgreSQL", "OK", "Failed")

    def read_json(self, *_argv):
        raise examination.MonqError("no JSON", "monqctl", "JSON", "nothing")


class Server:
    """A PostgreSQL server with two databases, of which one is missing and one is empty."""

    server, name = {"user": "monq", "password": SECRET}, "db:5432"

    def __init__(self, *_given, **_named):
        pass

    def pg_dump_version(self):
        return (9, 6)

    pg_restore_version = pg_dump_version

    connector = types.SimpleNamespace(pooling=lambda _database: TRANSACTION)

    @contextlib.contextmanager
    def maintenance(self, _names):
        yield types.SimpleNamespace(value=lambda sql: 150000 if "version" in sql else True)  # 1970, by its clock

    @contextlib.contextmanager
    def session(self, _name):
        def none(*_given):
            return []

        yield types.SimpleNamespace(value=lambda _sql: 10, query=none, tables=none, unreadable=none, hidden_rows=none)

    def existing(self, _session):
        return ["pl_identity_service"]

    def locks(self, _session):
        return -1

    def may_create(self, _session):
        return False

    def scratch_databases(self, _session):
        return []


@pytest.fixture
def world(monkeypatch):
    """Returns a function that makes all checks, the nth of which throws."""
    made = Cluster()
    monkeypatch.setattr(arguments, "cluster", lambda given: made)
    monkeypatch.setattr(preflight, "client", lambda *_given, **_named: Client())
    monkeypatch.setattr(postgres, "Postgresql", Server)
    monkeypatch.setattr(clocks, "Postgresql", Server)
    monkeypatch.setattr(postgres.catalogue, "unreadable", lambda _session: [])
    needs = [("ALTER DEFAULT PRIVILEGES", "a", "b", "c")]
    monkeypatch.setattr(restore, "of_database", lambda *_given: [finding("postgresql.restore", "stop", *needs[0])])
    monkeypatch.setattr(
        restore, "of_connections", lambda *_given: [finding("postgresql.connections", "stop", *needs[0])]
    )
    monkeypatch.setattr(
        restore, "of_access", lambda *_given, **_named: [finding("postgresql.pg_hba", "stop", *needs[0])]
    )
    original = examination.Examination.make

    def run(broken=None):
        calls, depth = [], []

        @functools.wraps(original)
        def make(self, name, check, *given, subject=""):
            number = len(calls)
            area = AREAS.get(check.__module__.rpartition(".")[2], "preflight")
            call = types.SimpleNamespace(depth=len(depth), what=(name, subject), area=area, found=[])
            calls.append(call)

            def throwing(*_given):
                raise RuntimeError(f"boom {SECRET}")

            depth.append(name)
            try:
                call.found = original(self, name, throwing if number == broken else check, *given, subject=subject)
                return call.found
            finally:
                depth.pop()

        monkeypatch.setattr(examination.Examination, "make", make)
        given = params(
            home="/nowhere/home",
            plan={"modules": ["pl", "sm"], "variables": SOURCES},
            consul={"url": "http://127.0.0.1:9"},
            domain="not a domain",
            ingress_secrets=[{"secretName": "tls", "hosts": ["monq.example.org"]}, {"secretName": "absent"}],
            doubles=["old-name"],
            shared={"monq_monqctl_home": ["other"]},
            outage_window="2026-11-28T22:00:00Z/PT3H",
            obsolete=["monq_monqctl_failure_patterns"],
            confirmation_required=True,
            environment="production",
            confirm_outage="",
            final=False,
            resolve={"upgrade.routing.cut": "retry"},
            releasehub_token="",
            database_names={},
            directory="/proc/nowhere",
            scratch_max_bytes=1,
            postgresql=Server.server,
            scratch_postgresql={},
            pg_dump="pg_dump",
            pg_restore="pg_restore",
            timeout=1,
            mask=f'["{SECRET}"]',
        )
        return calls, Preflight(given, lambda *_where: "").run()["findings"]

    return run


def key(one):
    return one["id"], one["object"]


def test_each_check_that_throws_hides_no_other(world):
    calls, found = world()
    assert len(calls) > 30 and len(found) > 30
    assert not [one for one in found if one["id"] == "MONQ-001"], "nothing is unexpected before anything is broken"
    assert {one["id"] for one in found} == set(EXPECTED)
    for number, call in enumerate(calls):
        (name, subject), (now, told) = call.what, world(number)
        [boom] = [one for one in told if one["id"] == "MONQ-001"]
        assert boom["object"] == f"check {name}, {subject}" and boom["parameters"]["failed"] == name
        assert boom["seen"] == "RuntimeError: boom ********" and SECRET not in str(told)
        if name in GATES:
            continue  # what is made inside of it or after it is gone: the next test
        assert [one.what for one in now] == [one.what for one in calls], f"{name} keeps others from being made"
        own = {one["object"] for one in call.found} | BUILT_ON.get(name, set())
        left = [key(one) for one in found if one["object"] not in own]
        assert {*left} - {key(one) for one in told} == set(), f"{name} hides what others find"


def test_a_check_that_others_build_on_hides_nothing_of_the_other_areas(world):
    calls, _found = world()
    for number, call in enumerate(calls):
        name = call.what[0]
        if name not in GATES:
            continue
        now = [one.what for one in world(number)[0]]
        without = LEDGER if "ledger" in GATES[name] else set()
        for area in set(AREAS.values()) - GATES[name]:
            there = {one.what for one in calls if one.area == area and one.what[0] not in without}
            assert there and there - set(now) == set(), f"{name} hides {area}"
