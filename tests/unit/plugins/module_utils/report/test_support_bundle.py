"""A helper sees everything but secrets; what could not be read is listed."""

from __future__ import annotations

import datetime
import json
import os
import stat
import tarfile

import pytest
import yaml
from ansible_collections.monq.platform.plugins.module_utils import version
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, ApiUnreachable, MonqError
from ansible_collections.monq.platform.plugins.module_utils.report import support_bundle
from ansible_collections.monq.platform.plugins.module_utils.report.support_bundle import Bundle, collect, folder
from fake_cluster import CONFIGMAPS, DEPLOYMENTS, EVENTS, PODS, SECRETS, FakeCluster, deployment
from fake_session import params
from repository import ROOT

NOW = datetime.datetime(2026, 3, 1, 10, 15, 0, 7000, datetime.timezone.utc)
PARAMS = {**params(mask='["hunter2"]'), "spool_directory": "", "failure": "boom hunter2"}


class Client:
    """monqctl, as far as a bundle asks it."""

    def read(self, *argv):
        if argv == ("version",):
            return "monqctl v1.1.2"
        raise MonqError("monqctl registry get status failed", seen="exit status 1\n    more")


@pytest.fixture
def cluster():
    made = FakeCluster()
    made.objects["/version"] = {"gitVersion": "v1.20.2"}
    return made


def run(cluster, **more):
    return collect({**PARAMS, **more}, lambda _params: cluster, Client(), "2.19.14")


def test_what_is_in_it(cluster):
    env = [
        {"name": "DB_PASSWORD", "value": "x"},
        {"name": "TOKEN_URL", "value": "y"},
        {"name": "A", "value": "b"},
        {"name": "B", "value": "c hunter2"},
    ]
    made = deployment("pl-a")
    made["spec"]["template"]["spec"]["containers"][0]["env"] = env
    made["metadata"]["managedFields"] = [{}]
    cluster.put(f"{DEPLOYMENTS}/pl-a", made)
    cluster.put(
        f"{CONFIGMAPS}/monq-upgrade-6.0.0",
        {
            "data": {"prepare.registry_token.secret": '{"state": "done"}'},
            "metadata": {"annotations": {"monq.platform/attempt": "3"}},
        },
    )
    bundle, generation = run(cluster)
    assert generation == 3
    assert set(bundle.files) | set(bundle.missing) == {
        "failure.txt",
        "overview.txt",
        "ledgers.json",
        "lease.json",
        "deployments.json",
        "replicasets.json",
        "pods.json",
        "ingresses.json",
        "hpas.json",
        "services.json",
        "events.json",
        "registry_status.txt",
        "monqctl_transcript.jsonl",
        "monqctl_version.txt",
        "versions.json",
    }
    assert bundle.missing == {"registry_status.txt": "monqctl registry get status failed: exit status 1"}
    [found] = json.loads(bundle.files["deployments.json"])
    assert [row["value"] for row in found["spec"]["template"]["spec"]["containers"][0]["env"]] == [
        "********3*",
        "********4*",
        "b",
        "c ********1*",
    ]
    assert "managedFields" not in found["metadata"]
    assert json.loads(bundle.files["ledgers.json"])[0]["steps"] == {"prepare.registry_token.secret": {"state": "done"}}
    assert bundle.files["failure.txt"] == b"boom ********1*"
    assert json.loads(bundle.files["versions.json"])["kubernetes_server"] == "v1.20.2"
    assert cluster.bodies == [], "it changes nothing"


def test_the_registrys_token_is_read_to_be_hidden_and_no_secret_is_kept(cluster):
    cluster.put(f"{SECRETS}/registry-token", {"data": {"secure_token": "Y2FuYXJ5LXRva2Vu"}})
    cluster.put(f"{EVENTS}/e", {"message": "canary-token Y2FuYXJ5LXRva2Vu"})
    bundle, _generation = run(cluster)
    assert not any(b"canary-token" in data or b"Y2FuYXJ5" in data for data in bundle.files.values())
    assert [path for method, path in cluster.calls if "/secrets" in path] == [f"{SECRETS}/registry-token"]


def test_the_secrets_of_monqctls_environment_are_known_and_reasons_are_masked(cluster):
    def before(method, path):
        if path == PODS:
            raise ApiError(500, "x", "y" * 280 + " t0ken-of-the-proxy", method, path)

    cluster.before = before
    bundle, _generation = run(
        cluster, monqctl_environment='{"PROXY_TOKEN": "t0ken-of-the-proxy"}', failure="by t0ken-of-the-proxy"
    )
    assert bundle.files["failure.txt"] == b"by ********1*" and "t0ken" not in bundle.missing["pods.json"]


def test_what_may_not_be_read_is_listed(cluster):
    def before(method, path):
        if path in (EVENTS, CONFIGMAPS):
            raise ApiError(403, "Forbidden", "no", method, path)

    cluster.before = before
    cluster.put(f"{CONFIGMAPS}/monq-upgrade-6.0.0", {"data": {}})
    bundle, _generation = run(cluster)
    assert bundle.missing["events.json"] == "not readable by this account"
    assert json.loads(bundle.files["ledgers.json"])[0]["name"] == "monq-upgrade-6.0.0", (
        "by name where listing is denied"
    )


def test_an_api_server_that_is_gone_is_asked_once():
    asked = []

    def connect(_params):
        asked.append(1)
        raise ApiUnreachable("the Kubernetes API does not respond", seen="refused")

    bundle, generation = collect(PARAMS, connect, Client(), "")
    assert generation is None and len(asked) <= 3
    assert bundle.missing["pods.json"] == "the Kubernetes API does not respond: refused"
    assert {"failure.txt", "monqctl_version.txt", "versions.json"} == set(bundle.files)


def test_the_archive(tmp_path):
    bundle = Bundle()
    bundle.add("a.txt", lambda: "text", remote=False)
    path = bundle.write(str(tmp_path / "new" / "1"), NOW)
    assert os.path.basename(path) == "support-20260301T101500.007Z.tar.gz"
    assert (
        stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    )
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]
    with tarfile.open(path) as archive:
        names = archive.getnames()
        index = json.load(archive.extractfile(names[0]))
    assert [name.rpartition("/")[2] for name in names] == ["index.json", "redactions.json", "a.txt"]
    assert index["files"] == ["a.txt", "redactions.json"]


def test_a_folder_that_takes_nothing_is_a_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MonqError) as caught:
        Bundle().write(str(tmp_path / "file"), NOW)
    assert "cannot be written" in str(caught.value)


def test_it_has_a_size():
    bundle = Bundle(limit=100)
    bundle.add("text", lambda: "x" * 500)
    bundle.add("list", lambda: ["y" * 30] * 50)
    bundle.add("dict", lambda: {"z": "z" * 500})
    assert len(bundle.files["text"]) == 100 and bundle.cut["text"] == "the first 100 characters of 500"
    assert len(json.loads(bundle.files["list"])) == 3 and bundle.cut["list"] == "the first 3"
    assert "exceed the limit" in bundle.missing["dict"]


@pytest.mark.parametrize(
    ("generation", "known", "expected"), [(2, [], "2"), (None, [], "1"), (None, ["1", "10", "x"], "10")]
)
def test_the_folder_is_that_of_the_generation(tmp_path, generation, known, expected):
    for name in known:
        (tmp_path / "h" / "6.0.0" / name).mkdir(parents=True)
    assert folder(str(tmp_path), "h", "6.0.0", generation) == str(tmp_path / "h" / "6.0.0" / expected)


def test_the_version_is_galaxys():
    assert yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"] == version.COLLECTION


def test_pods_are_sanitised(cluster):
    cluster.put(f"{PODS}/p", {"spec": {"containers": [{"args": ["--password", "abc"]}]}})
    bundle, _generation = run(cluster)
    assert b"abc" not in bundle.files["pods.json"] and support_bundle.PATIENCE <= 30
