"""An installation of pl before its upgrade, of which a plan can be made: cluster, registry and PostgreSQL."""

from __future__ import annotations

import base64
import contextlib
import copy

from ansible_collections.monq.platform.plugins.module_utils.approval.reading import Reading
from fake_cluster import DEPLOYMENTS, HPAS, INGRESSES, SECRETS, FakeCluster, deployment, hpa, ingress
from fake_session import FakeMonqctl, opened
from fake_template import template

NAMESPACE = "/api/v1/namespaces/production"
REGISTRY = "pl-microservice-registry-api-service"


class Server:
    """PostgreSQL that only knows its version."""

    version = "15.4"

    def __init__(self, _server):
        pass

    @contextlib.contextmanager
    def maintenance(self, _others=()):
        yield self

    def value(self, sql):
        assert sql == "SHOW server_version"
        return self.version


class Monqctl(FakeMonqctl):
    def __init__(self):
        super().__init__()
        self.template, self.counts, self.number = template(), {"pl-x": 2, "pl-h": 3}, (1, 1, 2)

    def read_json(self, *argv):
        if "services" in argv:
            return copy.deepcopy(self.template)
        return [{"Name": name, "Replicas": count} for name, count in self.counts.items()]

    def version(self):
        return self.number


class World:
    """An installation of pl before its upgrade."""

    def __init__(self, folder):
        self.folder, self.cluster, self.monqctl = folder, FakeCluster(), Monqctl()
        self.server = type("Own", (Server,), {})
        self.given = {
            "environment": "production",
            "findings": [{"check": "health", "severity": "warning", "object": "Deployment pl-x"}],
            "databases": [{"microservice": "pl-x", "database": "pl_x"}],
            "postgresql": {"host": "db", "user": "monq"},
            "ingress_secrets": [{"hosts": ["monq.example.org"], "secretName": "tls"}],
            "given": "",
            "max_age": 0,
        }
        self.put(NAMESPACE, {"metadata": {"uid": "n1"}})
        self.put("/version", {"gitVersion": "v1.20.2"})
        self.put(f"{SECRETS}/tls", {"data": {"tls.crt": base64.b64encode(b"one").decode(), "tls.key": "a2V5"}})
        for made in (deployment(REGISTRY, 1), deployment("pl-x", 2), deployment("pl-h", 3), deployment("cl-x", 1)):
            self.put(f"{DEPLOYMENTS}/{made['metadata']['name']}", made)
        self.put(f"{HPAS}/pl-h", hpa("pl-h"))
        for made in (ingress("frontend-box", "monq.example.org"), ingress("other", "other.example.org")):
            self.put(f"{INGRESSES}/{made['metadata']['name']}", made)

    def put(self, path, obj):
        self.cluster.put(path, obj)

    def edit(self, path, change):
        obj = copy.deepcopy(self.cluster.objects[path])
        change(obj)
        self.cluster.put(path, obj)

    def session(self, check_mode=True, **more):
        given = {"home": self.folder, **self.given, **more}
        return opened(self.cluster, self.monqctl, check_mode=check_mode, **given)

    def reading(self, session=None, deferred=False):
        return Reading(session or self.session(), deferred, connect=self.server)

    def plan(self, **more):
        return self.reading(self.session(**more)).plan("production")
