"""Preflight in the cluster, where the account may not look at everything."""

from __future__ import annotations

import base64
import gzip
import hashlib
import types

import pytest
import yaml
from ansible_collections.monq.platform.plugins.module_utils.checks import cluster as cluster_checks
from ansible_collections.monq.platform.plugins.module_utils.engine.snapshots import COUNT, SHA
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError
from fake_cluster import DEPLOYMENTS, INGRESSES, FakeCluster, deployment, ingress
from repository import ROOT

RELEASE = yaml.safe_load((ROOT / "roles" / "monq" / "vars" / "main" / "release.yml").read_text(encoding="utf-8"))[
    "_monq_release"
]
NAMESPACE = "/api/v1/namespaces/production"
GIVEN = {
    "plan": {"release": RELEASE, "modules": ["pl"]},
    "namespace": "production",
    "domain": "monq.example.org",
    "alias_domains": [],
    "alias_ingresses": [],
    "ingress_secrets": [],
}


class Ledger:
    def __init__(self, entries=()):
        self.entries = dict.fromkeys(entries, {"state": "done"})


class Run:
    def __init__(self, *entries):
        self.ledger = Ledger(entries)


class Cluster(FakeCluster):
    """forbidden: paths that answer 403; denied: verbs that the reviews deny."""

    def __init__(self, forbidden=(), denied=()):
        super().__init__()
        self.put(NAMESPACE, {})
        self.objects["/version"] = {"major": "1", "minor": "20"}
        self.denied = denied
        self.before = lambda method, path: self.refuse(method, path, forbidden)

    @staticmethod
    def refuse(method, path, forbidden):
        if path in forbidden:
            raise ApiError(403, "Forbidden", "no", method, path)

    def create(self, path, body):
        spec = body["spec"]["resourceAttributes"]
        return {"status": {"allowed": (spec["verb"], spec["resource"]) not in self.denied}}


STATE = {"finished": False, "cut": False}


def session(*entries):
    return types.SimpleNamespace(run=Run(*entries))


def examine(cluster, known=None, given=None, cut=False):
    return cluster_checks.examine(cluster, given or GIVEN, known or session(), {**STATE, "cut": cut})


def info(found):
    return {row["object"]: row["next"] for row in found if row["severity"] == "info"}


def informed(found):
    return {row["object"]: row["id"] for row in found if row["severity"] == "info"}


OPTIONAL = {
    "/version": ("the API server's version", "get /version"),
    NAMESPACE: ("namespace production", "get namespaces"),
    "/apis/extensions/v1beta1/ingresses": ("Ingresses in other namespaces", "list ingresses.extensions"),
}


@pytest.mark.parametrize("path", OPTIONAL)
def test_an_optional_read_that_is_denied_is_information(path):
    allowed, denied = examine(Cluster()), examine(Cluster(forbidden=[path]))
    thing, verb = OPTIONAL[path]
    assert verb in info(denied)[thing] and thing not in info(allowed)
    assert informed(denied)[thing] == "MONQ-023"
    assert [row for row in denied if row["severity"] != "info"] == [row for row in allowed if row["severity"] != "info"]


@pytest.mark.parametrize(
    ("verb", "resource", "what"), [("list", "events", "list events"), ("get", "pods", "get pods/log")]
)
def test_diagnostics_that_are_denied_are_information(verb, resource, what):
    allowed, denied = examine(Cluster()), examine(Cluster(denied=[(verb, resource)]))
    assert "monq-upgrade-diagnostics" in info(denied)[f"{what} in production"] and f"{what} in production" not in info(
        allowed
    )
    assert informed(denied)[f"{what} in production"] == "MONQ-021"
    assert [row for row in denied if row["severity"] != "info"] == [row for row in allowed if row["severity"] != "info"]


@pytest.mark.parametrize(("resource", "what"), [("deployments", "watch deployments.apps"), ("pods", "watch pods")])
def test_a_watch_that_is_denied_is_information(resource, what):
    """Rollouts are read once a second then: slower, and no reason to stop."""
    found = examine(Cluster(denied=[("watch", resource)]))
    assert "once a second" in info(found)[f"{what} in production"]
    assert informed(found)[f"{what} in production"] == "MONQ-020"
    assert [row for row in found if row["severity"] == "stop"] == [
        row for row in examine(Cluster()) if row["severity"] == "stop"
    ]


def test_any_other_error_is_no_information_and_hides_no_other_finding():
    cluster = Cluster()

    def broken(method, path):
        if path == "/version":
            raise ApiError(500, "Internal Server Error", "no", method, path)

    cluster.before = broken
    found = examine(cluster)
    [one] = [row for row in found if row["object"] == "/version"]
    assert one["severity"] == "stop" and "500" in one["seen"]
    assert [row for row in found if row is not one] == examine(Cluster())


def test_a_namespace_that_is_not_there_stops():
    cluster = Cluster()
    cluster.drop(NAMESPACE)
    assert [(row["id"], row["severity"], row["object"]) for row in examine(cluster)] == [
        ("MONQ-017", "stop", "namespace production")
    ]


def test_a_denied_verb_is_named_where_the_ledger_cannot_be_read():
    """The ledger is a ConfigMap too: whoever may not read it would only hear of a 403."""
    found = cluster_checks.examine(Cluster(denied=[("get", "configmaps")]), GIVEN, None, STATE)
    assert [(row["id"], row["object"]) for row in found] == [
        ("MONQ-019", "get configmaps in production"),
        ("MONQ-018", "Deployment production/" + RELEASE["registry_deployment"]),
    ]


TLS = {**GIVEN, "ingress_secrets": [{"secretName": "tls", "hosts": ["monq.example.org"]}]}


def test_the_key_of_a_tls_secret_is_compared_and_never_shown():
    """trap 21"""
    cluster = Cluster()
    data = {name: base64.b64encode(text).decode() for name, text in (("tls.crt", b"none"), ("tls.key", b"canary"))}
    cluster.put(NAMESPACE + "/secrets/tls", {"type": "kubernetes.io/tls", "data": data})
    assert "canary" not in str(examine(cluster, given=TLS)) and data["tls.key"] not in str(examine(cluster, given=TLS))


@pytest.mark.parametrize("content", [b"", b"\x30\x82\x00\xff", b"none"])
def test_a_tls_secret_without_a_pem_certificate_is_a_finding(content):
    cluster = Cluster()
    cluster.put(
        NAMESPACE + "/secrets/tls",
        {"type": "kubernetes.io/tls", "data": {"tls.crt": base64.b64encode(content).decode()}},
    )
    assert ("stop", "certificate in Secret tls") in [
        (row["severity"], row["object"]) for row in examine(cluster, given=TLS)
    ]


INSTALLED = {
    "Deployment production/" + RELEASE["registry_deployment"],
    "module pl",
    "module fm",
    "Secret production/tls",
}


def stops(cut):
    given = {**TLS, "plan": {"release": RELEASE, "modules": ["pl", "fm"]}}
    found = examine(Cluster(), session("upgrade.snapshot.cut"), given, cut)
    assert {row["object"] for row in found} >= INSTALLED, "told, whatever its severity"
    return {row["object"] for row in found if row["severity"] == "stop"}


def test_a_module_that_a_killed_replace_left_bare_does_not_stop_the_way_out_of_the_outage():
    assert stops(cut=False) >= INSTALLED
    assert stops(cut=True) == set()


def snapshots():
    cluster = Cluster()
    data = gzip.compress(b"{}")
    for name, parts in (("original", (data[:5], data[5:])), ("original-replicas", (data,))):
        notes = {COUNT: str(len(parts)), SHA: hashlib.sha256(data).hexdigest()}
        for index, part in enumerate(parts):
            body = {"metadata": {"annotations": notes}, "data": {"chunk": base64.b64encode(part).decode()}}
            cluster.put(f"{NAMESPACE}/secrets/monq-upgrade-6.0.0-{name}-{index}", body)
    cluster.put(f"{NAMESPACE}/secrets/monq-upgrade-6.0.0-cut-0", {"data": {"chunk": "torn"}})
    return cluster


LOST = "ConfigMap production/monq-upgrade-6.0.0"


def test_snapshots_without_their_ledger_stop_the_upgrade_and_are_named():
    rows = [row for row in examine(snapshots()) if row["severity"] == "stop"]
    assert [(row["id"], row["object"]) for row in rows] == [("MONQ-012", LOST)], (
        "the old routes and the rest are not to be repaired"
    )
    names = "monq-upgrade-6.0.0-original-0 monq-upgrade-6.0.0-original-1 monq-upgrade-6.0.0-original-replicas-0"
    assert rows[0]["next"].endswith(f"kubectl -n production delete secret {names}")


def test_snapshots_of_a_known_run_or_of_one_that_has_just_begun_are_no_finding():
    since = snapshots()
    since.put(f"{NAMESPACE}/configmaps/monq-upgrade-6.0.0", {"data": {"prepare.snapshot.original": "{}"}})
    for cluster, known in ((snapshots(), session("prepare.snapshot.original")), (since, session())):
        assert not [row for row in examine(cluster, known) if row["object"] == LOST]
    assert not [row for row in examine(Cluster()) if row["object"] == LOST]


QUOTAS = f"{NAMESPACE}/resourcequotas"
SNIPPET = {"nginx.ingress.kubernetes.io/configuration-snippet": "x"}
SETTINGS = "/api/v1/namespaces/ingress/configmaps/settings"


def with_snippets(**more):
    """An installation whose route has a snippet, with a controller that forbids them by default."""
    cluster = Cluster(**more)
    route = ingress("frontend-box", "monq.example.org")
    route["metadata"]["annotations"] = SNIPPET
    cluster.put(f"{INGRESSES}/frontend-box", route)
    nginx = deployment("nginx")
    nginx["metadata"]["namespace"] = "ingress"
    container = {"image": "ingress-nginx/controller:v1.9.0", "args": ["--configmap=$(POD_NAMESPACE)/settings"]}
    nginx["spec"]["template"]["spec"]["containers"] = [container]
    cluster.objects["/apis/apps/v1/daemonsets"] = {"items": [nginx]}
    return cluster


def ids(found, *names):
    return [row["id"] for row in found if row["id"] in names]


def test_snippets_of_the_routes_against_the_controller():
    assert ids(examine(with_snippets()), "MONQ-036", "MONQ-037") == ["MONQ-036"]
    allowed = with_snippets()
    allowed.put(SETTINGS, {"data": {"allow-snippet-annotations": "true"}})
    assert ids(examine(allowed), "MONQ-036", "MONQ-037") == []
    assert ids(examine(with_snippets(forbidden=[SETTINGS])), "MONQ-036", "MONQ-037") == ["MONQ-037"]
    told = info(examine(with_snippets(forbidden=["/apis/apps/v1/daemonsets"])))
    assert "list daemonsets.apps" in told["DaemonSets in other namespaces"]


def test_without_snippets_nobody_looks_for_the_controller():
    cluster = Cluster()
    examine(cluster)
    assert not [path for _method, path in cluster.calls if path.startswith("/apis/apps/v1/d")]


def test_duplicates_that_are_conflicts_already_are_not_said_twice():
    cluster = Cluster()
    for name in ("a", "b"):
        cluster.put(f"{INGRESSES}/{name}", ingress(name, "shop.test"))
    for name in ("frontend-box", "status"):
        cluster.put(f"{INGRESSES}/{name}", ingress(name, "monq.example.org"))
    found = examine(cluster)
    assert [row["object"] for row in found if row["id"] == "MONQ-031"] == ["shop.test/"]
    assert ids(found, "MONQ-027") == ["MONQ-027"]


def test_a_quota_that_is_full():
    cluster = Cluster()
    cluster.put(f"{DEPLOYMENTS}/pl-x", deployment("pl-x"))
    cluster.put(f"{QUOTAS}/small", {"spec": {}, "status": {"hard": {"pods": "1"}, "used": {"pods": "1"}}})
    [one] = [row for row in examine(cluster) if row["id"] == "MONQ-035"]
    assert one["object"] == "ResourceQuota production/small" and one["severity"] == "warning"
    assert ids(examine(cluster, session("upgrade.routing.cut"), cut=True), "MONQ-035") == ["MONQ-035"]


def test_quotas_that_may_not_be_read_are_information():
    found = examine(Cluster(forbidden=[QUOTAS], denied=[("list", "resourcequotas")]))
    assert "not checked" in next(row for row in found if row["object"] == "list resourcequotas in production")["seen"]
    assert ids(found, "MONQ-014") == [] and {row["severity"] for row in found if row["id"] == "MONQ-022"} == {"info"}


def test_the_clock_of_the_api_server():
    cluster = Cluster()
    cluster.clock = lambda: 0
    [one] = [row for row in examine(cluster) if row["id"] == "MONQ-038"]
    assert one["object"] == "clock of the API server" and one["severity"] == "warning"
    assert ids(examine(Cluster()), "MONQ-038") == []


def test_without_the_ledger_what_is_always_true_is_still_checked():
    cluster = Cluster()
    found = cluster_checks.examine(cluster, TLS, None, STATE)
    assert {row["id"] for row in found if row["severity"] == "stop"} == {"MONQ-018", "MONQ-040"}
    assert not ids(found, "MONQ-025", "MONQ-026"), "a resumed run may have changed these"
