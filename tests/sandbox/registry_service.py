# GNU General Public License v3.0+
"""The microservice registry of one installation: an HTTP service over a folder of JSON files.

usage: registry_service.py INSTALLATION_DIR PORT ACCESS_FILE

Like the real one, it runs behind the Deployment pl-microservice-registry-api-service: without an available replica it
responds with 503, and once that Deployment has SECURE_TOKEN, it requires the token. It keeps nothing in memory, so that
its folder can be replaced while it runs."""

import base64
import http.server
import json
import os
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import web  # noqa: E402
from files import read_json, write_json  # noqa: E402
from kube import Kube, KubeError  # noqa: E402
from manifests import REGISTRY  # noqa: E402


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Registry:
    def __init__(self, folder, access):
        self.folder = os.path.join(folder, "registry")
        self.namespace = os.path.basename(folder)
        self.kube = Kube(access)
        self.lock = threading.Lock()

    def read(self, name):
        return read_json(os.path.join(self.folder, name + ".json"))

    def write(self, name, data):
        write_json(os.path.join(self.folder, name + ".json"), data)

    def secure_token(self):
        """Returns the token that the running registry requires, or None. It is read from the API at each request, so
        that it is never stale."""
        deployment = self.kube.get("Deployment", self.namespace, REGISTRY)
        if not deployment or not (deployment.get("status") or {}).get("availableReplicas"):
            raise Refused(503, "the microservice registry is not running")
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            for row in container.get("env") or []:
                if row["name"] == "SECURE_TOKEN":
                    reference = (row.get("valueFrom") or {}).get("secretKeyRef")
                    if not reference:
                        return row.get("value", "")
                    secret = self.kube.get("Secret", self.namespace, reference["name"])
                    if not secret or reference["key"] not in (secret.get("data") or {}):
                        raise Refused(
                            503,
                            f"the microservice registry cannot start: no key {reference['key']} in Secret "
                            f"{reference['name']}",
                        )
                    return base64.b64decode(secret["data"][reference["key"]]).decode()
        return None

    def admit(self, token):
        wanted = self.secure_token()
        if wanted is not None and token != wanted:
            raise Refused(401, "registry token is missing or wrong")

    def answer(self, method, path, body):
        parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
        if parts == ["version"]:
            return self._whole("version", method, body)
        if parts == ["status"] and method == "GET":
            return self.read("status")
        if parts == ["services"] and method == "GET":
            return self.read("services")
        if parts == ["services", "K8s"]:
            if method == "PUT" and not (isinstance(body, dict) and isinstance(body.get("JsonConfig"), dict)):
                raise Refused(400, "service K8s: not an object with JsonConfig")
            return self._whole("template", method, body)
        if parts == ["microservices"] and method == "GET":
            return self.read("microservices")
        if parts[0] == "modules" and len(parts) == 2 and method == "PUT":
            rows = [row for row in self.read("microservices") if row["Module"] != parts[1]] + body
            self.write("microservices", sorted(rows, key=lambda row: row["Name"]))
            return body
        if parts[0] == "microservices" and len(parts) == 2:
            return self._microservice(method, parts[1], body)
        if parts[0] == "cache" and len(parts) == 2 and method == "POST":
            if parts[1] not in {row["Name"] for row in self.read("microservices")}:
                raise Refused(404, f"microservice {parts[1]} not found")
            self.write("caches", [*(self.read("caches") or []), parts[1]])
            return {}
        raise Refused(404, f"{method} {path}: unknown")

    def _whole(self, name, method, body):
        if method == "PUT":
            self.write(name, body)
        return self.read(name)

    def _microservice(self, method, name, body):
        rows = self.read("microservices")
        found = next((row for row in rows if row["Name"] == name), None)
        if not found and method != "PUT":
            raise Refused(404, f"microservice {name} not found")
        if method == "PUT":
            if not isinstance(body, dict) or body.get("Name") != name:
                raise Refused(400, f"microservice {name}: the file is of another microservice")
            if not isinstance(body.get("Replicas"), int) or isinstance(body["Replicas"], bool) or body["Replicas"] < 0:
                raise Refused(400, f"microservice {name}: Replicas is not a count")
            others = [row for row in rows if row["Name"] != name]
            self.write("microservices", sorted([*others, body], key=lambda row: row["Name"]))
            found = body
        return found


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    registry = None

    def log_message(self, *_unused):
        pass

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        try:
            body = json.loads(raw) if raw else None
            with self.registry.lock:
                self.registry.admit(self.headers.get("X-Registry-Token"))
                status, data = 200, self.registry.answer(self.command, self.path, body)
        except Refused as refusal:
            status, data = refusal.status, {"error": str(refusal)}
        except (KubeError, web.WebError) as error:
            status, data = 503, {"error": f"Kubernetes: {error}"}
        except ValueError:
            status, data = 400, {"error": "not JSON"}
        payload = json.dumps(data, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_PUT = do_POST = serve  # noqa: N815


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    Handler.registry = Registry(os.path.abspath(sys.argv[1]), read_json(sys.argv[3]))
    Server(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
