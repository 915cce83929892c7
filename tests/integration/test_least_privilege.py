"""The whole upgrade with the account of docs/permissions, and preflight's findings if it lacks a verb."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError
from ansible_collections.monq.platform.plugins.module_utils.k8s import permissions
from ansible_collections.monq.platform.plugins.module_utils.k8s.cluster import Cluster
from ansible_collections.monq.platform.plugins.module_utils.k8s.watch import RolloutWatcher
from support.account import ADMIN, Account
from support.harness import ROOT
from yaml import safe_load

RELEASE = safe_load((ROOT / "roles" / "monq" / "vars" / "main" / "release.yml").read_text())["_monq_release"]
VERBS = [(group, resource, verb) for group, resource, verbs, _purpose in permissions.NEEDED for verb in verbs]
FOLLOWED = [(group, resource, verb) for group, resource, verbs, _purpose in permissions.FOLLOWED for verb in verbs]
EXAMINED = [(group, resource, verb) for group, resource, verbs, _purpose in permissions.EXAMINED for verb in verbs]
IF_LATE = {("", "pods", "list"), ("apps", "replicasets", "list")}  # test_a_pod_that_cannot_start_is_explained
DEAD = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "monq-upgrade"},
    "spec": {
        "holderIdentity": "a run that was killed",
        "leaseDurationSeconds": 9,
        "renewTime": "2024-01-01T00:00:00.000000Z",
    },
}


def secret(name, **data):
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()},
    }


def put(installation, *objects):
    path = installation.work / "objects.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
    installation.kubectl("apply", "-f", str(path), user=ADMIN)


# ---- without one verb


@pytest.fixture(scope="module")
def untouched(install):
    installation = install("site-run", modules="pl,cl", alias=True)
    (installation.work / "look.yml").write_text(json.dumps(LOOK))
    return installation, Account(installation)


# Runs only preflight's checks of the cluster.
LOOK = [
    {
        "hosts": "monq",
        "gather_facts": False,
        "module_defaults": {
            "group/monq.platform.monq": "{{ _monq_run_defaults }}",
            "group/monq.platform.monqctl": "{{ _monq_monqctl_defaults }}",
        },
        "tasks": [
            {"import_role": {"name": "monq.platform.monq"}},
            {
                "monq.platform.preflight": {
                    "checks": ["cluster"],
                    "environment": "{{ monq_environment }}",
                    "domain": "{{ monq_domain }}",
                    "alias_domains": "{{ monq_alias_domains }}",
                    "ingress_secrets": "{{ monq_ingress_secrets }}",
                    "postgresql": "{{ _monq_postgresql }}",
                    "directory": "{{ monq_backup_dir }}",
                },
                "register": "looked",
            },
            {
                "copy": {
                    "content": "{{ looked.findings | to_json }}",
                    "dest": "{{ playbook_dir }}/findings.json",
                    "mode": "0600",
                }
            },
        ],
    }
]


def look(installation, account):
    """Returns preflight's findings on the cluster."""
    result = installation.play(installation.work / "look", extra=account.extra)
    assert result.rc == 0, result.text[-3000:]
    return json.loads((installation.work / "findings.json").read_text())


def test_what_lies_outside_the_namespace_is_information(untouched):
    """A 403 on an optional read is reported with what could not be checked and which verb would allow it."""
    installation, account = untouched
    found = look(installation, account)
    assert [row for row in found if row["severity"] == "stop"] == []
    told = {row["object"]: row["next"] for row in found if row["severity"] == "info" and row["check"] == "permissions"}
    assert "get namespaces" in told[f"namespace {account.namespace}"]
    assert "list ingresses.extensions" in told["Ingresses in other namespaces"]


@pytest.mark.parametrize(("resource", "verb"), [(row[1], row[2][0]) for row in permissions.DIAGNOSTICS])
def test_diagnostics_that_are_denied_are_information(untouched, resource, verb):
    installation, account = untouched
    account.reapply_without("", resource, verb)
    found = look(installation, account)
    told = {row["object"]: row["severity"] for row in found if row["check"] == "permissions"}
    assert told[f"{verb} {resource} in {account.namespace}"] == "info" and "stop" not in told.values()


@pytest.mark.parametrize(("group", "resource", "verb"), FOLLOWED + EXAMINED, ids=lambda value: value or "core")
def test_a_watch_or_a_quota_that_is_denied_is_information(untouched, group, resource, verb):
    installation, account = untouched
    account.reapply_without(group, resource, verb)
    found = look(installation, account)
    told = {row["object"]: row["severity"] for row in found if row["check"] == "permissions"}
    assert told[f"{permissions.in_words(group, resource, verb)} in {account.namespace}"] == "info"
    assert "stop" not in told.values()


def deployment(name, image, **spec):
    """One pod that is not waited for when it goes."""
    labels = {"app": name}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [{"name": name, "image": image}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def test_a_pod_that_cannot_start_is_explained(untouched):
    """A run whose pods all start needs no ReplicaSets; here one does not."""
    installation, account = untouched
    account.apply()
    put(installation, deployment("stuck", "an-image-that-is-not-there"))
    watcher = RolloutWatcher(Cluster.connect(str(account.kubeconfig)), account.namespace, timeout=300)
    with pytest.raises(MonqError, match="ImagePullBackOff.*an-image-that-is-not-there"):
        watcher.wait(["stuck"], {})
    installation.kubectl("delete", "deployment", "stuck", user=ADMIN)


def test_a_rollout_that_takes_its_time_is_watched(untouched):
    """If all Deployments are ready at the first look, no watch is needed; here one stays unready until both watches
    have been seen."""
    installation, account = untouched
    account.apply()
    images = "jsonpath={.items[0].spec.template.spec.containers[0].image}"
    image = installation.kubectl("get", "deployments", "-o", images, user=ADMIN).strip()
    put(installation, deployment("slow", image, minReadySeconds=590))
    cluster, opened, ends = Cluster.connect(str(account.kubeconfig)), set(), []
    watch = cluster.watch

    @contextlib.contextmanager
    def seen(path, *given):
        with watch(path, *given) as events:  # denied, it raises
            opened.add(path)
            yield events

    cluster.watch = seen
    watcher = RolloutWatcher(cluster, account.namespace, timeout=300)
    thread = threading.Thread(target=lambda: ends.append(watcher.wait(["slow"], {})), daemon=True)
    thread.start()
    end = time.monotonic() + 120
    while len(opened) < len(FOLLOWED):
        assert time.monotonic() < end and thread.is_alive(), f"watched: {opened}"
        time.sleep(0.1)
    installation.kubectl("scale", "deployment", "slow", "--replicas=0", user=ADMIN)
    thread.join(120)
    installation.kubectl("delete", "deployment", "slow", user=ADMIN)
    assert ends == [{"ready": 1, "exempt": {}}]
    assert {path.rpartition("/")[2] for path in opened} == {resource for _group, resource, _verb in FOLLOWED}


@pytest.mark.parametrize(("group", "resource", "verb"), VERBS, ids=lambda value: value or "core")
def test_a_missing_verb_is_named_and_nothing_is_changed(untouched, group, resource, verb):
    installation, account = untouched
    names = permissions.names(RELEASE).get((group, resource, verb), (None,))
    mark, calls = installation.audit_mark(), len(installation.journal())
    account.reapply_without(group, resource, verb, names[0])
    stops = [row for row in look(installation, account) if row["severity"] == "stop"]
    assert [row["object"] for row in stops] == [
        f"{permissions.in_words(group, resource, verb, name)} in {account.namespace}" for name in names
    ]
    assert {row["check"] for row in stops} == {"permissions"}
    assert installation.mutations(mark, account.user) == [] and len(installation.journal()) == calls


@pytest.mark.parametrize(
    ("group", "resource", "verb"),
    [("", "configmaps", "get"), ("apps", "deployments/scale", "patch")],
    ids=lambda value: value or "core",
)
def test_site_stops_where_a_verb_is_missing(untouched, group, resource, verb):
    """Covers an unreadable ledger, and a verb that is first needed during the outage."""
    installation, account = untouched
    name = next(iter(permissions.names(RELEASE).get((group, resource, verb), ())), None)
    mark, calls = installation.audit_mark(), len(installation.journal())
    account.reapply_without(group, resource, verb, name)
    result = installation.play("site", extra=account.extra)
    assert (
        result.rc == 2 and f"{permissions.in_words(group, resource, verb, name)} in {account.namespace}" in result.text
    ), result.text[-3000:]
    assert installation.mutations(mark, account.user) == [] and len(installation.journal()) == calls
    assert installation.ledger() == {}
    left = {path.name for path in installation.backup.rglob("*") if path.is_file()}
    assert left <= {"findings.json", "findings-cluster.json"}


# ---- the whole run


@pytest.fixture(scope="module")
def whole(install):
    """Does everything that the account may ever have to do: an incomplete snapshot, another registry token, a killed
    run's lock, upgrade, second run, rollback."""
    installation = install("by-hand", modules="pl", alias=True)
    account = Account(installation)
    mark = installation.audit_mark()
    put(
        installation,
        secret("monq-upgrade-6.0.0-original-0", chunk="torn"),
        secret("registry-token", secure_token="of somebody else"),
    )
    wanted = {"monq_registry_token": "chosen-by-the-operator", "monq_registry_token_rotate": True}
    results = {"prepare": installation.play("prepare", extra={**account.extra, **wanted})}
    installation.kubectl("delete", "lease", "monq-upgrade", user=ADMIN)
    put(installation, DEAD)
    results["site"] = installation.play("site", extra=account.extra)
    quiet = installation.audit_mark()
    results["second"] = installation.play("site", extra=account.extra)
    seen = {
        "second": installation.mutations(quiet, account.user),
        "upgrade": account.used(mark),
        "ledger": installation.ledger(),
    }
    back = installation.audit_mark()
    wanted = {"monq_confirm_rollback": installation.name, "monq_rollback_closed": True}
    results["rollback"] = installation.play("rollback", confirm=False, extra={**account.extra, **wanted})
    return installation, account, results, mark, {**seen, "rollback": account.used(back)}


def test_the_whole_upgrade_and_its_rollback_succeed_under_the_account(whole):
    _installation, _account, results, _mark, seen = whole
    for name, result in results.items():
        assert result.rc == 0, f"{name}: {result.text[-4000:]}"
    assert {entry["state"] for entry in seen["ledger"].values()} == {"done"} and seen["second"] == []


def test_nobody_elses_account_was_used(whole):
    installation, account, _results, mark, _seen = whole
    assert installation.mutations(mark, "operator") == []
    assert len(installation.mutations(mark, account.user)) > 50


def test_the_account_has_what_it_uses_and_nothing_else(whole):
    """Compares the audit log of the runs with the table: least privilege in both directions."""
    inside, outside = whole[4]["upgrade"]
    assert {*VERBS} - IF_LATE - inside == set(), "never used: take it out of permissions.NEEDED"
    granted = {*VERBS, *FOLLOWED, *EXAMINED}
    assert inside - granted == set(), "used, but not granted by permissions.NEEDED, FOLLOWED or EXAMINED"
    assert outside == set(), "nothing outside the namespace is allowed to it"


def test_a_rollback_uses_nothing_that_is_not_granted_to_it(whole):
    """Names are enforced too: the API server denies other ConfigMaps."""
    inside, outside = whole[4]["rollback"]
    more = {
        (group, resource, verb)
        for group, resource, verbs, _purpose in permissions.NEEDED_FOR_ROLLBACK + permissions.DIAGNOSTICS
        for verb in verbs
    }
    assert inside - {*VERBS, *FOLLOWED, *EXAMINED} - more == set() and outside == set()
    assert {
        ("", "configmaps", "delete"),
        ("apps", "deployments", "update"),
        ("extensions", "ingresses", "create"),
    } <= inside
    denied = whole[0].kubectl(
        "auth", "can-i", "delete", "configmaps/of-an-application", "--as", whole[1].user, user=ADMIN, check=False
    )
    assert denied.strip() == "no"
