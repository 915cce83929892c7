# GNU General Public License v3.0+
"""The few Kubernetes API calls that the sandbox needs."""

import web

PATHS = {
    "Namespace": "/api/v1/namespaces",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "Ingress": "/apis/extensions/v1beta1/namespaces/{}/ingresses",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v1/namespaces/{}/horizontalpodautoscalers",
    "Lease": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "Event": "/api/v1/namespaces/{}/events",
}
AT_ONCE = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background", "gracePeriodSeconds": 0}


class KubeError(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Kube:
    """A client. access: {"server", and "token" or "client_cert": [cert, key], "ca_file", "verify"}"""

    def __init__(self, access):
        headers = {"User-Agent": access.get("agent", "monq-sandbox")}
        if access.get("token"):
            headers["Authorization"] = "Bearer " + access["token"]
        self.web = web.Client(
            access["server"], headers, access.get("ca_file"), access.get("client_cert"), access.get("verify", True)
        )

    def call(self, method, path, body=None, headers=None, missing_ok=False):
        reply = self.web.request(method, path, body, headers)
        if reply.status < 300:
            return reply.json()
        if reply.status == 404 and missing_ok:
            return None
        try:
            message = reply.json().get("message")
        except (ValueError, AttributeError):
            message = reply.body.decode(errors="replace")[:300]
        raise KubeError(reply.status, f"{method} {path}: {reply.status} {message}")

    @staticmethod
    def path(kind, namespace="", name=""):
        path = PATHS[kind].format(namespace)
        return f"{path}/{name}" if name else path

    def get(self, kind, namespace, name):
        return self.call("GET", self.path(kind, namespace, name), missing_ok=True)

    def list(self, kind, namespace):
        return self.call("GET", self.path(kind, namespace)).get("items") or []

    def create(self, body):
        return self.call("POST", self.path(body["kind"], body["metadata"].get("namespace", "")), body)

    def replace(self, body):
        meta = body["metadata"]
        return self.call("PUT", self.path(body["kind"], meta.get("namespace", ""), meta["name"]), body)

    def patch(self, kind, namespace, name, body, part="", content="application/merge-patch+json"):
        return self.call("PATCH", self.path(kind, namespace, name) + part, body, {"Content-Type": content})

    def delete(self, kind, namespace, name, options=None):
        return self.call("DELETE", self.path(kind, namespace, name), options, missing_ok=True)

    def delete_all(self, kind, namespace, options=None):
        return self.call("DELETE", self.path(kind, namespace), options)
