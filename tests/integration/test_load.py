"""An API server that throttles, is slow and drops connections, with an aggregated API that is down: the upgrade ends as
an undisturbed one does. And admission webhooks that do not answer: found before the outage. The loads one by one, with
their figures, are in tests/benchmarks."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess

import pytest
from ansible_collections.monq.platform.plugins.module_utils.k8s.repetition import PAUSES
from support.api_proxy import Proxy
from support.comparison import differences, state
from support.load import Load

ADMIN = "sandbox-admin"
REGISTRY = "pl-microservice-registry-api-service"


def apply(installation, *objects):
    """Creates objects of the cluster, as the sandbox's administrator."""
    argv = ["kubectl", "--kubeconfig", installation.sandbox.facts["kubeconfig"], "--context", ADMIN, "apply", "-f", "-"]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def applied(installation, *objects):
    apply(installation, *objects)
    try:
        yield
    finally:
        for one in objects:
            installation.kubectl("delete", one["kind"], one["metadata"]["name"], user=ADMIN)


def aggregated():
    """An API of the cluster whose service does not exist, as metrics-server's when it is down."""
    spec = {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100}
    spec |= {"insecureSkipTLSVerify": True, "service": {"namespace": "kube-system", "name": "gone"}}
    meta = {"name": "v1beta1.metrics.k8s.io"}
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": meta, "spec": spec}


@pytest.fixture(scope="module")
def disturbed(install):
    """An upgrade under all of them at once, and its load."""
    installation, hand = install("site-run", modules="pl", alias=False), install("by-hand", modules="pl", alias=False)
    load = Load(throttled=20, lost=25, dropped=10, delay=0.05)
    proxy = Proxy(installation.sandbox.facts["kubeconfig"])
    proxy.hook = load
    installation.variables(monq_kubeconfig=proxy.kubeconfig(installation.work / "loaded"))
    with applied(installation, aggregated()):
        done = installation.kubectl("get", "apiservices", "v1beta1.metrics.k8s.io", user=ADMIN)
        assert "False" in done, done
        run = installation.play("site")
    proxy.close()
    assert hand.vendor().rc == 0
    yield installation, hand, run, load


def test_the_end_state_is_that_of_an_undisturbed_run(disturbed):
    installation, hand, run, load = disturbed
    assert run.rc == 0, run.text[-3000:]
    found = [
        (path[:2], [one for one in ours if one["name"] != "SECURE_TOKEN"] == by_hand)
        for path, ours, by_hand in differences(state(installation), state(hand))
    ]
    assert found == [(("deployments", REGISTRY), True)], "trap 10: by hand, the registry has lost its token"
    assert min(load.seen[what] for what in ("throttled", "lost", "dropped")) >= 3, load.seen


def test_nothing_was_done_twice(disturbed):
    installation, _hand, _run, _load = disturbed
    assert set(installation.migrations().values()) == {1}
    journal = [tuple(argv) for argv in installation.journal()]
    assert len(journal) == len(set(journal))


def test_the_requests_are_bounded(disturbed):
    """An undisturbed run sends some 450."""
    _installation, _hand, _run, load = disturbed
    assert load.requests < 900, load.seen


def webhook(name, port, resource, verb, policy, seconds, effects):
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": [resource], "operations": [verb]}
    hook = {
        "name": f"{name}.example.org",
        "clientConfig": {"url": f"https://127.0.0.1:{port}/", "caBundle": ""},
        "rules": [rule],
        "failurePolicy": policy,
        "timeoutSeconds": seconds,
        "sideEffects": effects,
        "admissionReviewVersions": ["v1beta1"],
        "namespaceSelector": {"matchLabels": {"watched": "yes"}},
    }
    meta = {"name": f"{name}.example.org"}
    kind = "ValidatingWebhookConfiguration"
    return {"apiVersion": "admissionregistration.k8s.io/v1beta1", "kind": kind, "metadata": meta, "webhooks": [hook]}


@pytest.fixture(scope="module")
def untouched(install):
    """An installation that preflight alone sees."""
    return install("untouched", modules="pl", alias=False)


def test_webhooks_that_do_not_answer_are_found_before_the_outage(untouched):
    installation = untouched
    installation.kubectl("label", "namespace", installation.facts["namespace"], "watched=yes", user=ADMIN)
    before = state(installation)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        hooks = (
            webhook("strict", port, "secrets", "CREATE", "Fail", 1, "None"),
            webhook("lax", port, "deployments", "UPDATE", "Ignore", 4, "None"),
            webhook("effects", port, "deployments/scale", "UPDATE", "Fail", 1, "Some"),
        )
        with applied(installation, *hooks):
            run = installation.play("preflight")
    assert run.rc != 0
    found = re.findall(r"^\[(\w+)\] (MONQ-14\d) \w+: (.*?) in namespace", run.text.replace("\\n", "\n"), re.M)
    assert {(severity, number): what for severity, number, what in found} == {
        ("STOP", "MONQ-141"): "create secrets",
        ("WARNING", "MONQ-142"): f"patch deployments.apps/{REGISTRY}",
        ("INFO", "MONQ-143"): f"patch deployments/scale.apps/{REGISTRY}",
    }, run.text[-3000:]
    assert "strict.example.org" in run.text and installation.ledger() == {}
    assert differences(before, state(installation)) == []


def test_a_server_that_only_throttles_ends_the_run_with_the_cause_and_without_a_change(untouched):
    """Every request gets 429: the first one is repeated as often as any, and no other check of preflight asks again."""
    installation, load = untouched, Load(throttled=1)
    proxy = Proxy(installation.sandbox.facts["kubeconfig"])
    proxy.hook = load
    installation.variables(monq_kubeconfig=proxy.kubeconfig(installation.work / "loaded"))
    before, mark = state(installation), installation.audit_mark()
    run = installation.play("site")
    proxy.close()
    assert run.rc == 2, run.text[-3000:]
    assert re.search(r"\[STOP\] MONQ-013 .*\n.*\n +seen: .*429 TooManyRequests", run.text), run.text[-3000:]
    assert load.seen["throttled"] == load.requests == 1 + len(PAUSES), load.seen
    assert installation.mutations(mark) == [] and installation.journal() == [] and installation.ledger() == {}
    assert differences(before, state(installation)) == []
