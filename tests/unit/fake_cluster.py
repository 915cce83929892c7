"""An API server in a dictionary: resourceVersions, conflicts, UIDs, merge patches. And a clock that only moves when
one sleeps."""

from __future__ import annotations

import copy
import itertools

from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError
from ansible_collections.monq.platform.plugins.module_utils.k8s.cluster import MERGE, STRATEGIC

INGRESSES = "/apis/extensions/v1beta1/namespaces/production/ingresses"
DEPLOYMENTS = "/apis/apps/v1/namespaces/production/deployments"
HPAS = "/apis/autoscaling/v1/namespaces/production/horizontalpodautoscalers"
SECRETS = "/api/v1/namespaces/production/secrets"
CONFIGMAPS = "/api/v1/namespaces/production/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/production/leases"
REPLICA_SETS = "/apis/apps/v1/namespaces/production/replicasets"
PODS = "/api/v1/namespaces/production/pods"
EVENTS = "/api/v1/namespaces/production/events"


class FakeCluster:
    """Objects by path. before(method, path) is called ahead of each request: a test interferes there."""

    server = "https://fake"
    secrets = credentials = ()

    def __init__(self):
        self.objects = {"/apis/extensions/v1beta1": {"resources": [{"name": "ingresses"}]}}
        self.logs = {}
        self.calls = []  # (method, path) of everything, reads included
        self.bodies = []  # (method, path, body) of writes
        self.before = lambda method, path: None
        self._counter = itertools.count(1)

    @property
    def writes(self):
        return [(method, path) for method, path, _body in self.bodies]

    def put(self, path, obj):
        """Places an object without leaving a trace; what it has (a uid) stays."""
        made = copy.deepcopy(obj)
        made.setdefault("metadata", {}).setdefault("name", path.rsplit("/", 1)[1])
        made["metadata"].setdefault("uid", f"uid-{next(self._counter)}")
        made["metadata"]["resourceVersion"] = str(next(self._counter))
        self.objects[path] = made
        return copy.deepcopy(made)

    def drop(self, path):
        del self.objects[path]

    def _enter(self, method, path, body=None):
        self.calls.append((method, path))
        if method != "GET":
            self.bodies.append((method, path, copy.deepcopy(body)))
        self.before(method, path)

    def _known(self, method, path):
        if path not in self.objects:
            raise ApiError(404, "Not Found", f"{path} not found", method, path)
        return self.objects[path]

    def _fresh(self, method, path, body):
        wanted = ((body or {}).get("metadata") or {}).get("resourceVersion")
        if wanted is not None and wanted != self._known(method, path)["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", "the object has been modified", method, path)

    def _store(self, path, obj):
        obj["metadata"]["resourceVersion"] = str(next(self._counter))
        self.objects[path] = obj
        return copy.deepcopy(obj)

    def clock(self):
        """No response tells the time."""
        return None

    def get(self, path, **_query):
        self._enter("GET", path)
        return copy.deepcopy(self._known("GET", path))

    def find(self, path):
        self._enter("GET", path)
        return copy.deepcopy(self.objects.get(path))

    def items(self, path, **_query):
        self._enter("GET", path)
        return [copy.deepcopy(obj) for at, obj in sorted(self.objects.items()) if at.rpartition("/")[0] == path]

    def text(self, path, **query):
        """A log: self.logs by path, and by path?previous."""
        self._enter("GET", path)
        full = path + ("?previous" if query.get("previous") else "")
        if full not in self.logs:
            raise ApiError(404, "Not Found", f"{full} not found", "GET", path)
        return self.logs[full]

    def attempt(self, method, path, body):
        """A dry run: before is asked as for every request, and nothing is stored."""
        self.calls.append((method, f"{path}?dryRun=All"))
        self.before(method, f"{path}?dryRun=All")

    def create(self, path, body):
        self._enter("POST", path, body)
        full = f"{path}/{body['metadata']['name']}"
        if full in self.objects:
            raise ApiError(409, "AlreadyExists", f"{full} already exists", "POST", path)
        made = copy.deepcopy(body)
        made["metadata"]["uid"] = f"uid-{next(self._counter)}"
        return self._store(full, made)

    def replace(self, path, body):
        self._enter("PUT", path, body)
        known = self._known("PUT", path)
        self._fresh("PUT", path, body)
        made = copy.deepcopy(body)
        made["metadata"]["uid"] = known["metadata"]["uid"]
        return self._store(path, made)

    def patch(self, path, body, content_type=MERGE):
        self._enter("PATCH", path, body)
        path = path.removesuffix("/scale")
        self._known("PATCH", path)
        self._fresh("PATCH", path, body)
        return self._store(path, merged(self.objects[path], body, content_type == STRATEGIC))

    def delete(self, path, uid=None, propagation="Background"):
        self._enter("DELETE", path, {"uid": uid})
        if path not in self.objects:
            return False
        if uid and self.objects[path]["metadata"]["uid"] != uid:
            raise ApiError(409, "Conflict", "the UID in the precondition does not match", "DELETE", path)
        del self.objects[path]
        return True


def merged(old, new, strategic):
    """RFC 7386; strategic merges lists of named objects by name."""
    if isinstance(new, dict):
        result = copy.deepcopy(old) if isinstance(old, dict) else {}
        for key, value in new.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merged(result.get(key), value, strategic)
        return result
    if strategic and isinstance(new, list) and all(isinstance(item, dict) and "name" in item for item in new):
        result = {item["name"]: item for item in copy.deepcopy(old or [])}
        for item in new:
            result[item["name"]] = merged(result.get(item["name"]), item, strategic)
        return list(result.values())
    return copy.deepcopy(new)


class Clock:
    """Time that passes by sleeping only. at(seconds, action) happens on the way."""

    def __init__(self):
        self.now = 0.0
        self._plans = []

    def __call__(self):
        return self.now

    def at(self, seconds, action):
        self._plans.append((seconds, action))

    def sleep(self, seconds):
        assert seconds > 0, "a sleep of nothing is a busy loop"
        self.now += seconds
        due = [plan for plan in self._plans if plan[0] <= self.now]
        self._plans = [plan for plan in self._plans if plan[0] > self.now]
        for _when, action in due:
            action()
        assert self.now < 100_000, "this never ends"


def deployment(name, replicas=1, ready=None, **spec):
    """A Deployment that is rolled out; ready: how many pods are updated and available."""
    ready = replicas if ready is None else ready
    pod = {"containers": [{"name": name, "image": f"registry/{name}:6.0.0"}]}
    return {
        "metadata": {"name": name, "uid": f"uid-of-{name}", "generation": 1},
        "spec": {"replicas": replicas, "template": {"spec": pod}, **spec},
        "status": {"observedGeneration": 1, "replicas": ready, "updatedReplicas": ready, "availableReplicas": ready},
    }


def ingress(name, *hosts, paths=("/",), uid=None):
    rules = [{"host": host, "http": {"paths": [{"path": path} for path in paths]}} for host in hosts]
    return {"metadata": {"name": name, "uid": uid or f"uid-of-{name}"}, "spec": {"rules": rules}}


def hpa(name, kind="Deployment"):
    return {"metadata": {"name": name}, "spec": {"scaleTargetRef": {"kind": kind, "name": name}}}


def place(cluster, *found):
    for one in found:
        cluster.put(f"{DEPLOYMENTS}/{one['metadata']['name']}", one)


def route(cluster, *found):
    for one in found:
        cluster.put(f"{INGRESSES}/{one['metadata']['name']}", one)


def pod(cluster, name, reason=None):
    cluster.put(
        f"{REPLICA_SETS}/{name}",
        {"metadata": {"uid": f"rs-{name}", "ownerReferences": [{"kind": "Deployment", "uid": f"uid-of-{name}"}]}},
    )
    status = (
        {"containerStatuses": [{"image": "x", "state": {"waiting": {"reason": reason, "message": "no"}}}]}
        if reason
        else {}
    )
    cluster.put(
        f"{PODS}/{name}",
        {"metadata": {"ownerReferences": [{"kind": "ReplicaSet", "uid": f"rs-{name}"}]}, "status": status},
    )


class Listed:
    """What the watches would show, read anew at each look; nothing tells that it has changed."""

    def __init__(self, cluster, clock):
        self._cluster, self._clock = cluster, clock
        self.closed = False

    @classmethod
    def by(cls, clock):
        """As a RolloutWatcher takes it."""
        return lambda cluster, _namespace: cls(cluster, clock)

    def deployments(self):
        return self._cluster.items(DEPLOYMENTS)

    def pods(self):
        return self._cluster.items(PODS)

    def replica_sets(self):
        return self._cluster.items(REPLICA_SETS)

    def wait(self, seconds):
        self._clock.sleep(min(seconds, 0.5))

    def close(self):
        self.closed = True
