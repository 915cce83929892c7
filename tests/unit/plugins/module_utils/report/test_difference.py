"""What changed since right before the outage: kept beside the backup once, and told in ten lines."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, CommandError
from ansible_collections.monq.platform.plugins.module_utils.report import before_outage, difference
from ansible_collections.monq.platform.plugins.module_utils.report.support_bundle import collect
from fake_cluster import DEPLOYMENTS, INGRESSES, PODS, FakeCluster, deployment, ingress
from fake_session import opened, params

STATUS = "Name | Status\npl-files-service | Running\nRegistry | OK\n"


def of(name, tag="5.9.3", replicas=2, ready=2):
    made = deployment(name, replicas)
    made["spec"]["template"]["spec"]["containers"][0]["image"] = f"registry.example.org/pl/{name}:{tag}"
    made["status"] = {**made.get("status", {}), "readyReplicas": ready}
    return made


def pod(name, reason=""):
    state = {"waiting": {"reason": reason}} if reason else {"running": {}}
    ready = {"type": "Ready", "status": "False" if reason else "True"}
    return {"metadata": {"name": name}, "status": {"conditions": [ready], "containerStatuses": [{"state": state}]}}


def at(condition):
    return {"at": "2026-03-01T22:00:05Z", **condition}


def route(name, uid):
    return {"metadata": {"name": name, "uid": uid}}


BEFORE = difference.condition(
    [of(f"pl-{letter}") for letter in "abcde"],
    [pod("pl-a-1"), pod("pl-b-1", "CrashLoopBackOff")],
    [route("frontend-box", "1"), route("frontend-partner", "2")],
    {"pl-files-service": "Running"},
    {"monqctl": "1.1.2"},
)
NOW = difference.condition(
    [
        of("pl-a", "6.0.0"),
        of("pl-b", "6.0.0"),
        of("pl-c", "6.0.0"),
        of("pl-d", "6.0.0", replicas=1, ready=0),
        of("pl-new"),
    ],
    [pod("pl-b-1", "CrashLoopBackOff"), pod("pl-d-9", "ImagePullBackOff")],
    [route("frontend-box", "9"), route("frontend-partner", "2"), route("pl-ingress", "3")],
    {"pl-files-service": "Failed"},
    {"monqctl": "1.1.3"},
)


def test_everything_that_changed_is_in_ten_lines():
    lines = difference.text(at(BEFORE), NOW).splitlines()
    assert len(lines) <= 10
    assert lines == [
        "Compared with 2026-03-01T22:00:05Z, right before the outage:",
        "  other images in 4 Deployments: pl-a pl-a:5.9.3 -> pl-a:6.0.0, pl-b pl-b:5.9.3 -> pl-b:6.0.0, "
        "pl-c pl-c:5.9.3 -> pl-c:6.0.0 and 1 more",
        "  Deployments: 1 gone: pl-e; 1 new: pl-new",
        "  other counts in 1 Deployments: pl-d 2 -> 1",
        "  fewer pods ready in 1 Deployments: pl-d 0 of 1 (then 2 of 2)",
        "  Ingresses: 1 gone: frontend-box; 2 new: frontend-box, pl-ingress",
        "  pods not ready that were not there, or ready: 1: pl-d-9: ImagePullBackOff",
        "  the registry's status: 1 rows: pl-files-service Running -> Failed",
        "  versions: monqctl 1.1.2 -> 1.1.3",
    ]


def test_nothing_changed():
    assert difference.text(at(BEFORE), BEFORE).splitlines()[1:] == ["  nothing of what was compared has changed"]


def test_what_cannot_be_read_is_no_change():
    lines = difference.text(at(BEFORE), {**NOW, "deployments": None, "registry": None}).splitlines()
    assert lines[-1] == "  not compared, as it cannot be read now or could not then: deployments, registry"
    assert len(lines) <= 10 and "Deployments" not in "".join(lines)


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ({"phase": "Succeeded"}, None),
        ({"phase": "Pending"}, ("p", "Pending")),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, None),
        ({"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]}, ("p", "ErrImagePull")),
    ],
)
def test_a_pod_that_should_be_ready(status, found):
    assert difference._not_ready({"metadata": {"name": "p"}, "status": status}) == found
    leaving = {"metadata": {"name": "p", "deletionTimestamp": "x"}, "status": status}
    assert difference._not_ready(leaving) is None


# ---- kept by a run, compared by a bundle


class Client:
    """monqctl, as far as it is asked."""

    def __init__(self, fails=False):
        self.asked, self._fails = [], fails

    def read(self, *argv):
        self.asked.append(argv)
        if self._fails:
            raise CommandError("monqctl does not answer")
        return STATUS if "status" in argv else "monqctl v1.1.2"


@pytest.fixture
def cluster():
    made = FakeCluster()
    made.objects["/version"] = {"gitVersion": "v1.20.2"}
    made.put(f"{DEPLOYMENTS}/pl-a", of("pl-a"))
    made.put(f"{PODS}/pl-a-1", pod("pl-a-1"))
    made.put(f"{INGRESSES}/frontend-box", ingress("frontend-box", "monq.example.org"))
    return made


def kept(cluster, folder, done=True, client=None, **more):
    session = opened(cluster, home=folder, **more)
    session.run.done = [before_outage.STEP] if done else []
    saved = cluster.items(DEPLOYMENTS), cluster.items(INGRESSES)
    return before_outage.keep(session, *saved, client=client or Client())


def file(folder):
    return folder / "production" / "6.0.0" / "1" / "before_outage.json"


def test_the_run_that_saves_the_snapshot_keeps_it_for_its_owner_alone(cluster, tmp_path):
    client = Client()
    assert kept(cluster, tmp_path, client=client) == []
    assert stat.S_IMODE(os.stat(file(tmp_path)).st_mode) == 0o600 and len(client.asked) == 2
    found = json.loads(file(tmp_path).read_text())
    assert found["deployments"]["pl-a"] == {
        "images": ["registry.example.org/pl/pl-a:5.9.3"],
        "replicas": 2,
        "ready": 2,
    }
    assert found["registry"]["pl-files-service"] == "Running" and found["versions"]["monqctl"] == "monqctl v1.1.2"
    assert found["not_ready"] == {} and set(found["ingresses"]) == {"frontend-box"} and cluster.bodies == []


@pytest.mark.parametrize("given", [{"done": False}, {"check_mode": True}, {"spool_directory": ""}], ids=str)
def test_another_run_keeps_nothing(cluster, tmp_path, given):
    client = Client()
    assert kept(cluster, tmp_path, client=client, **given) == [] and not list(tmp_path.iterdir()) and not client.asked


def test_it_fails_no_run(cluster, tmp_path):
    def before(method, path):
        if path == PODS:
            raise ApiError(403, "Forbidden", "no", method, path)

    cluster.before = before
    assert kept(cluster, tmp_path, client=Client(fails=True)) == []
    found = json.loads(file(tmp_path).read_text())
    assert (found["not_ready"], found["registry"]) == (None, None) and found["deployments"]
    (tmp_path / "other").write_text("a file")
    [warning] = kept(cluster, tmp_path, spool_directory=str(tmp_path / "other"))
    assert "the state before the outage is not kept" in warning


@pytest.mark.parametrize("earlier", [True, False])
def test_a_bundle_after_it_says_what_changed(cluster, tmp_path, earlier):
    if earlier:
        kept(cluster, tmp_path)
    cluster.put(f"{DEPLOYMENTS}/pl-a", of("pl-a", "6.0.0", ready=0))
    cluster.drop(f"{INGRESSES}/frontend-box")
    given = {**params(home=tmp_path, mask='["hunter2"]'), "failure": "boom"}
    bundle, _generation = collect(given, lambda _params: cluster, Client(), "")
    assert ("difference.txt" in bundle.files) == ("before_outage.json" in bundle.files) == earlier
    assert "difference.txt" not in bundle.missing, "before the outage there is nothing to compare with"
    if earlier:
        told = bundle.files["difference.txt"].decode()
        assert "pl-a pl-a:5.9.3 -> pl-a:6.0.0" in told and "pl-a 0 of 2 (then 2 of 2)" in told
        assert "Ingresses: 1 gone: frontend-box" in told and "not compared" not in told
