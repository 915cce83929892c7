"""Sets all counts of a namespace with the bare HTTP client of Python, on one connection: KUBECONFIG NAMESPACE COUNT."""

import base64
import http.client
import json
import ssl
import sys
from urllib.parse import urlsplit

path, namespace, count = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    kubeconfig = json.load(file)
server = urlsplit(kubeconfig["clusters"][0]["cluster"]["server"])
authority = base64.b64decode(kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
token = next(user["user"]["token"] for user in kubeconfig["users"] if user["name"] == "admin")
connection = http.client.HTTPSConnection(
    server.hostname, server.port, context=ssl.create_default_context(cadata=authority)
)


def send(method, url, body=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"}
    connection.request(method, url, body and json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    return json.loads(text)


base = f"/apis/apps/v1/namespaces/{namespace}/deployments"
for deployment in send("GET", base)["items"]:
    send("PATCH", f"{base}/{deployment['metadata']['name']}/scale", {"spec": {"replicas": int(count)}})
