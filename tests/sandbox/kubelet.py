# GNU General Public License v3.0+
"""Imitates kubelet: marks the sandbox's pods ready, slow or broken, and removes those that are being deleted. Also
imitates the autoscaler for the few HPAs.

usage: kubelet.py SANDBOX_DIR ACCESS_FILE"""

import datetime
import hashlib
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import web  # noqa: E402
from files import read_json  # noqa: E402
from kube import Kube, KubeError  # noqa: E402

LOAD = "sandbox.monq/load-replicas"


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Watched:
    """A JSON file that is read again only if it has changed."""

    def __init__(self, path):
        self.path, self.stamp, self.data = path, None, None

    def read(self):
        try:
            seen = os.stat(self.path)
            stamp = (seen.st_mtime_ns, seen.st_ino, seen.st_size)
            if stamp != self.stamp:
                self.data, self.stamp = read_json(self.path), stamp
        except (OSError, ValueError):
            self.data, self.stamp = None, None
        return self.data or {}


def condition(kind, status, reason=None, message=None):
    row = {"type": kind, "status": "True" if status else "False", "lastProbeTime": None, "lastTransitionTime": now()}
    if reason:
        row.update(reason=reason, message=message)
    return row


def container_statuses(pod, state, ready, restarts=0, last=None):
    rows = []
    for container in pod["spec"]["containers"]:
        image = container["image"]
        pulled = "running" in state or last
        rows.append(
            {
                "name": container["name"],
                "image": image,
                "ready": ready,
                "started": ready,
                "restartCount": restarts,
                "state": state,
                "lastState": last or {},
                "imageID": f"{image.rpartition(':')[0]}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"
                if pulled
                else "",
            }
        )
    return rows


def is_ready(pod):
    return any(row["type"] == "Ready" and row["status"] == "True" for row in pod["status"].get("conditions") or [])


def status(pod, outcome, missing=""):
    """Returns the status that kubelet (or, for Unschedulable, the scheduler) would write."""
    names = " ".join(container["name"] for container in pod["spec"]["containers"])
    unready = ("ContainersNotReady", f"containers with unready status: [{names}]")
    if outcome == "Unschedulable":
        return {
            "phase": "Pending",
            "conditions": [
                condition("PodScheduled", False, "Unschedulable", "0/1 nodes are available: 1 Insufficient memory.")
            ],
        }
    conditions = [condition("Initialized", True), condition("PodScheduled", True)]
    common = {"hostIP": "127.0.0.1", "startTime": pod["metadata"]["creationTimestamp"]}
    if outcome == "ready":
        running = container_statuses(pod, {"running": {"startedAt": now()}}, True)
        return {
            **common,
            "phase": "Running",
            "podIP": "127.0.0.1",
            "containerStatuses": running,
            "conditions": conditions + [condition("ContainersReady", True), condition("Ready", True)],
        }
    conditions += [condition("ContainersReady", False, *unready), condition("Ready", False, *unready)]
    if outcome == "starting":
        waiting = {"waiting": {"reason": "ContainerCreating"}}
        return {
            **common,
            "phase": "Pending",
            "conditions": conditions,
            "containerStatuses": container_statuses(pod, waiting, False),
        }
    if outcome == "CrashLoopBackOff":
        waiting = {"waiting": {"reason": outcome, "message": "back-off 40s restarting failed container"}}
        last = {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": now(), "finishedAt": now()}}
        return {
            **common,
            "phase": "Running",
            "conditions": conditions,
            "containerStatuses": container_statuses(pod, waiting, False, 3, last),
        }
    waiting = {"waiting": {"reason": outcome, "message": f'Back-off pulling image "{missing}"'}}
    return {
        **common,
        "phase": "Pending",
        "conditions": conditions,
        "containerStatuses": container_statuses(pod, waiting, False),
    }


class Kubelet:
    def __init__(self, sandbox_dir, access):
        self.dir = sandbox_dir
        self.access = access
        self.kube = Kube(access)
        self.pods = {}  # (namespace, name) -> pod
        self.told = {}  # uid -> the outcome last written
        self.born = {}  # uid -> when first seen
        self.lock = threading.Lock()
        self.news = threading.Event()
        self.files = {}

    def file(self, namespace, name):
        path = os.path.join(self.dir, "installations", namespace, name)
        return self.files.setdefault(path, Watched(path)).read()

    def ours(self, namespace):
        return os.path.isdir(os.path.join(self.dir, "installations", namespace))

    def follow(self):
        """Keeps self.pods in sync with the cluster."""
        client = Kube(self.access)
        client.web.timeout = 60
        while True:
            try:
                listed = client.call("GET", "/api/v1/pods")
                with self.lock:
                    self.pods = {
                        (pod["metadata"]["namespace"], pod["metadata"]["name"]): pod
                        for pod in listed.get("items") or []
                    }
                self.news.set()
                for line in client.web.lines(
                    f"/api/v1/pods?watch=1&timeoutSeconds=50&resourceVersion={listed['metadata']['resourceVersion']}"
                ):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        break
                    meta = event["object"]["metadata"]
                    with self.lock:
                        if event["type"] == "DELETED":
                            self.pods.pop((meta["namespace"], meta["name"]), None)
                        else:
                            self.pods[meta["namespace"], meta["name"]] = event["object"]
                    self.news.set()
            except (web.WebError, KubeError, KeyError, ValueError):
                time.sleep(0.2)

    def outcome(self, pod):
        """Returns (this pod's outcome, the missing image)."""
        meta = pod["metadata"]
        orders = self.file(meta["namespace"], "kubelet.json")
        app = (meta.get("labels") or {}).get("app", "")
        broken = (orders.get("broken") or {}).get(app)
        if broken:
            return broken, pod["spec"]["containers"][0]["image"]
        store = self.file(meta["namespace"], "images.json")
        for container in pod["spec"]["containers"]:
            if container["image"] not in store:
                return "ImagePullBackOff", container["image"]
        age = time.monotonic() - self.born.setdefault(meta["uid"], time.monotonic())
        return ("ready" if age >= (orders.get("slow") or {}).get(app, 0.1) else "starting"), ""

    def pass_over(self):
        """Checks every pod once; returns whether some are still starting."""
        with self.lock:
            pods = list(self.pods.values())
        waiting = False
        for pod in pods:
            meta = pod["metadata"]
            if not self.ours(meta["namespace"]):
                continue
            try:
                if meta.get("deletionTimestamp"):
                    self.kube.delete(
                        "Pod",
                        meta["namespace"],
                        meta["name"],
                        {
                            "kind": "DeleteOptions",
                            "apiVersion": "v1",
                            "gracePeriodSeconds": 0,
                            "preconditions": {"uid": meta["uid"]},
                        },
                    )
                    continue
                if self.told.get(meta["uid"]) == "ready" or is_ready(pod):
                    continue  # instructions apply to pods that start; running ones are not affected
                outcome, missing = self.outcome(pod)
                waiting = waiting or outcome == "starting"
                if self.told.get(meta["uid"]) != outcome:
                    body = {"metadata": {"uid": meta["uid"]}, "status": status(pod, outcome, missing)}
                    self.kube.patch("Pod", meta["namespace"], meta["name"], body, "/status")
                    self.told[meta["uid"]] = outcome
            except KubeError as error:
                if error.status not in (404, 409):
                    print(error, file=sys.stderr, flush=True)
            except web.WebError:
                return True
        if len(self.told) > 2 * len(pods) + 500:
            alive = {pod["metadata"]["uid"] for pod in pods}
            self.told = {uid: told for uid, told in self.told.items() if uid in alive}
            self.born = {uid: born for uid, born in self.born.items() if uid in alive}
        return waiting

    def autoscale(self):
        """Imitates the HPA controller for these few objects: sets the number of replicas in the annotation; inactive at
        0, like the real one."""
        kube = Kube(self.access)
        while True:
            time.sleep(0.7)
            try:
                for hpa in kube.call("GET", "/apis/autoscaling/v1/horizontalpodautoscalers").get("items") or []:
                    meta, spec = hpa["metadata"], hpa["spec"]
                    wanted = (meta.get("annotations") or {}).get(LOAD)
                    if not wanted or not self.ours(meta["namespace"]):
                        continue
                    deployment = kube.get("Deployment", meta["namespace"], spec["scaleTargetRef"]["name"])
                    count = deployment["spec"]["replicas"] if deployment else 0
                    wanted = min(max(int(wanted), spec.get("minReplicas", 1)), spec["maxReplicas"])
                    if count and count != wanted:
                        kube.patch(
                            "Deployment",
                            meta["namespace"],
                            deployment["metadata"]["name"],
                            {"spec": {"replicas": wanted}},
                            "/scale",
                        )
                    seen = {"currentReplicas": count, "desiredReplicas": wanted if count else 0}
                    if {key: (hpa.get("status") or {}).get(key) for key in seen} != seen:
                        kube.patch(
                            "HorizontalPodAutoscaler", meta["namespace"], meta["name"], {"status": seen}, "/status"
                        )
            except (web.WebError, KubeError):
                pass

    def run(self):
        threading.Thread(target=self.follow, daemon=True).start()
        threading.Thread(target=self.autoscale, daemon=True).start()
        while True:
            waiting = self.pass_over()
            # Broken pods recover when an image arrives or instructions change: this is polled; new pods are watched.
            self.news.wait(0.05 if waiting else 0.25)
            self.news.clear()


if __name__ == "__main__":
    Kubelet(sys.argv[1], read_json(sys.argv[2])).run()
