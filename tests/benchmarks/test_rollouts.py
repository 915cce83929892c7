"""A rollout of all Deployments, watched by the collection and by `kubectl rollout status` one by one: how soon the end
is seen, and what the API server is asked for it."""

from __future__ import annotations

import json
import shlex
import threading
import time
from pathlib import Path

from ansible_collections.monq.platform.plugins.module_utils.k8s.cluster import Cluster
from benchmarks import figures, measure

OPERATOR = "operator"
SLOW = 5  # seconds that some pods take; the others are ready at once


class Rollout:
    """A restart of every Deployment of an installation, and when it has really ended."""

    def __init__(self, installation):
        self.installation = installation
        self.kubeconfig = installation.sandbox.facts["kubeconfig"]
        self.path = f"/apis/apps/v1/namespaces/{installation.name}/deployments"
        self.names = [one["metadata"]["name"] for one in installation.objects("deployments")]
        self.ended = None

    def begin(self):
        """Restarts all of them; some pods take their time."""
        Path(self.installation.facts["kubelet"]).write_text(
            json.dumps({"slow": {name: SLOW for name in self.names[::5]}})
        )
        self.installation.kubectl("rollout", "restart", "deployment", user="sandbox-admin")
        self.ended = None
        observer = threading.Thread(target=self._observe, daemon=True)
        observer.start()
        return observer

    def _observe(self):
        """The independent read: every list of Deployments, as fast as the server gives it."""
        cluster = Cluster.connect(self.kubeconfig, "sandbox-admin")
        while not all(map(done, cluster.get(self.path)["items"])):
            time.sleep(0.05)
        self.ended = time.time()

    def requests(self, mark, watches):
        """{verb: number} of the operator's requests since a mark; a watch is in the log once it has ended."""
        log = Path(self.installation.sandbox.facts["audit_log"])
        end = time.monotonic() + 90
        while True:
            found = {}
            for event in map(json.loads, log.read_text().splitlines()[mark:]):
                if event["user"]["username"] == OPERATOR and event["stage"] == "ResponseComplete":
                    found[event["verb"]] = found.get(event["verb"], 0) + 1
            if found.get("watch", 0) >= watches:
                return found
            assert time.monotonic() < end, found
            time.sleep(0.2)


def done(deployment):
    wanted, status = deployment["spec"]["replicas"], deployment["status"]
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    return status.get("observedGeneration", 0) >= deployment["metadata"]["generation"] and counts == [wanted] * 3


def test_rollouts(install):
    rollout = Rollout(install("site-run"))
    facts = rollout.installation.facts
    where = [rollout.kubeconfig, facts["kube_context"], rollout.installation.name]

    mark, observer = rollout.installation.audit_mark(), rollout.begin()
    output = rollout.installation.work / "seen"
    with open(output, "wb") as out:
        ours = measure.program("wait_for_rollouts", *where, stdout=out)
    observer.join()
    late = float(output.read_text()) - rollout.ended
    asked = rollout.requests(mark, 2)

    mark, observer = rollout.installation.audit_mark(), rollout.begin()
    call = shlex.join(["kubectl", "--kubeconfig", where[0], "--context", where[1], "-n", where[2], "rollout", "status"])
    loop = f'for name in "$@"; do {call} deployment "$name"; done'
    kubectl = measure.cost(["sh", "-ec", loop, "sh", *rollout.names])
    by_kubectl = time.time()
    observer.join()
    asked_by_kubectl = rollout.requests(mark, 0)

    what, beside = f"rollout of {len(rollout.names)} Deployments", "kubectl rollout status one by one"
    figures.add(f"{what}: end seen after", max(late, 0), "", None, goal=1)
    figures.add(f"{what}: end seen after, kubectl", max(by_kubectl - rollout.ended, 0), "", None)
    figures.add(f"{what}: requests to the API server", total(asked), beside, total(asked_by_kubectl), "")
    figures.add(f"{what}: lists of Deployments and pods", asked.get("list", 0), "", None, "", goal=2)
    figures.add(f"{what}: watches of Deployments and pods", asked["watch"], "", None, "", goal=2)
    figures.add(f"{what}: CPU", ours.cpu, beside, kubectl.cpu)
    figures.add(f"{what}: memory", ours.memory, beside, kubectl.memory, "MiB")


def total(asked):
    return sum(asked.values())
