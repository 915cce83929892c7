"""What is found after the upgrade, and what of it fails."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks.verification import Verification
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s import objects
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from ansible_collections.monq.platform.plugins.module_utils.upgrade import template as transformation
from fake_cluster import DEPLOYMENTS, INGRESSES, FakeCluster, deployment, ingress
from fake_session import FakeMonqctl, FakeSession, Runs
from fake_template import template
from repository import RELEASE, SHIPPED_RULES

BEFORE = {"pl-a": {"kubernetes": 2, "registry": None, "hpa": False, "paused": False, "healthy": True}}


def brief(found):
    return [(row["id"], row["severity"], row["object"]) for row in found.report["findings"]]


def make(closed, status="Registry | OK", secrets=()):
    cluster = FakeCluster()
    cluster.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 3))
    run = Runs(entries={"verify.installation.check": {"state": "done"}} if closed else {})
    monqctl = Monqctl(given_rules=SHIPPED_RULES, secrets=secrets)
    monqctl.read = lambda *argv: status
    return Verification(FakeSession(cluster, run, monqctl=monqctl)), cluster


@pytest.mark.parametrize(("closed", "severity"), [(False, "stop"), (True, "warning")])
def test_another_count_warns_only_where_the_release_is_closed(closed, severity):
    found, cluster = make(closed)
    found._counts(objects.deployments(cluster, "production"), BEFORE)
    assert brief(found) == [("MONQ-082", severity, "pl-a in Kubernetes")]


def test_the_registrys_status_is_a_finding_among_others(monkeypatch):
    found, _cluster = make(True, "pl-files-service   Failed")
    found._add("x", "warning", "another", "a", "b")
    found._status()
    assert [row["object"] for row in found.report["findings"]] == ["another", "monqctl registry get status"]
    monkeypatch.setattr(found, "examine", lambda: None)
    with pytest.raises(MonqError, match="does not match the release") as caught:
        found.require()
    assert "monqctl registry get status" in str(caught.value)


def test_the_registrys_status_shows_no_known_secret():
    found, _cluster = make(True, "pl-files-service   Failed hunter2x", ["hunter2x"])
    found._status()
    assert [row["seen"] for row in found.report["findings"]] and "hunter2x" not in str(found.report)


@pytest.mark.parametrize("closed", [True, False])
def test_snapshots_that_cleanup_removed_are_no_deviation_of_a_closed_release(closed):
    found, cluster = make(True)
    found._run.ledger.annotations = {"monq.platform/snapshots-removed": "2026-04-01T00:00:00Z"}
    found._run.ledger.closed = "2026-03-01T00:00:00Z" if closed else None
    if not closed:
        with pytest.raises(MonqError, match="nothing to verify against"):
            found._before()
        return
    before = found._before()
    found._counts(objects.deployments(cluster, "production"), before["cut-replicas"])
    assert brief(found) == [("MONQ-088", "info", "snapshot cut")]
    assert found.report["replicas"]["appeared"] == [], "nothing to compare with is not: everything is new"


# ---- a whole installation after its upgrade, with one thing wrong

OLD = [ingress(name, "monq.example.org", "alias.example.org") for name in RELEASE["modules"]["pl"]["legacy_routes"]]
DOMAINS = {"domain": "monq.example.org", "alias_domains": ["alias.example.org"]}


class Upgraded:
    """pl of 6.0.0 behind new routes, with the template of prepare in the registry."""

    def __init__(self):
        self.cluster, self.monqctl = FakeCluster(), FakeMonqctl()
        self.template = transformation.transform(template(), DOMAINS["alias_domains"], [])
        self.monqctl.read_json = lambda *_argv: self.template
        self.monqctl.healthy_status = lambda _ignored: None
        for name in ("pl-a", "pl-b", RELEASE["registry_deployment"]):
            self.cluster.put(f"{DEPLOYMENTS}/{name}", deployment(name, 2))
        self.image(RELEASE["registry_deployment"], "1.2.3")  # has a version of its own
        for host in (DOMAINS["domain"], *DOMAINS["alias_domains"]):
            self.cluster.put(f"{INGRESSES}/{host}", ingress(host, host, uid=f"new-{host}"))
        self.before = {**BEFORE, "pl-b": {**BEFORE["pl-a"], "healthy": True}}

    def edit(self, path, change):
        change(self.cluster.objects[path])

    def image(self, name, tag):
        def change(obj):
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = f"registry.example.org:5000/{name}:{tag}"

        self.edit(f"{DEPLOYMENTS}/{name}", change)

    def images(self, tag):
        for name in ("pl-a", "pl-b"):
            self.image(name, tag)

    def late(self):
        self.edit(f"{DEPLOYMENTS}/pl-a", lambda obj: obj["status"].update(availableReplicas=1))

    def sick(self):
        self.before["pl-a"] = {**self.before["pl-a"], "healthy": False}
        self.late()

    def scaled(self):
        self.cluster.put(f"{DEPLOYMENTS}/pl-a", deployment("pl-a", 3))

    def old_route(self):
        self.cluster.put(f"{INGRESSES}/{OLD[0]['metadata']['name']}", OLD[0])

    def found(self):
        run = Runs(entries={f"upgrade.{what}.cut": {"result": {"sha": "x"}} for what in ("snapshot", "replicas")})
        run.annotations = {}
        snapshots = {"cut": {"deployments": [], "ingresses": OLD}, "cut-replicas": self.before}
        pattern = r"^v?(?P<version>[0-9]+\.[0-9]+\.[0-9]+)"
        session = FakeSession(self.cluster, run, snapshots, self.monqctl, version_pattern=pattern, **DOMAINS)
        verification = Verification(session)
        verification.examine()
        return brief(verification)


WRONG = {
    "nothing": (lambda made: None, []),
    "a template that somebody edited since prepare": (
        lambda made: made.template["JsonConfig"].update(Parameters=[]),
        [("MONQ-057", "stop", None)],
    ),
    "a Deployment that is late": (Upgraded.late, [("MONQ-079", "stop", "Deployment pl-a")]),
    "one that was unhealthy before": (Upgraded.sick, [("MONQ-079", "warning", "Deployment pl-a")]),
    "tags without a version": (lambda made: made.images("latest"), [("MONQ-080", "warning", "module pl")]),
    "images of the release before": (lambda made: made.images("5.9.3"), [("MONQ-081", "stop", "module pl")]),
    "one image of it": (lambda made: made.image("pl-b", "5.9.3"), [("MONQ-081", "stop", "module pl")]),
    "another count": (Upgraded.scaled, [("MONQ-082", "stop", "pl-a in Kubernetes")]),
    "an old route that is still there": (
        Upgraded.old_route,
        [("MONQ-083", "stop", f"Ingress {OLD[0]['metadata']['name']}")],
    ),
    "an alias without a route": (
        lambda made: made.cluster.drop(f"{INGRESSES}/alias.example.org"),
        [("MONQ-084", "stop", "alias.example.org")],
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_each_thing_that_is_wrong_is_the_finding_with_its_id(what):
    made = Upgraded()
    spoil, expected = WRONG[what]
    spoil(made)
    found = made.found()
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    assert all(name is None or name == row[2] for row, (_id, _severity, name) in zip(found, expected))


def test_an_old_route_does_not_serve_a_domain():
    """It is there, on both hosts, and the new ones are not: each is said."""
    made = Upgraded()
    made.old_route()
    for host in (DOMAINS["domain"], *DOMAINS["alias_domains"]):
        made.cluster.drop(f"{INGRESSES}/{host}")
    assert [row[0] for row in made.found()] == ["MONQ-083", "MONQ-084", "MONQ-084"]
