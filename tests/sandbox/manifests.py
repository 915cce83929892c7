# GNU General Public License v3.0+
"""Builds Kubernetes objects from the registry's K8s template, as the vendor's system does. Pure: dictionaries in,
dictionaries out."""

import copy
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
REGISTRY = "pl-microservice-registry-api-service"
SNIPPET_ANNOTATION = "nginx.ingress.kubernetes.io/configuration-snippet"


def load(name):
    with open(os.path.join(HERE, "data", name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def parameters(template):
    return {row["Name"]: row["Value"] for row in template["JsonConfig"].get("Parameters") or []}


def fill(value, words):
    """Returns the value with every %Word% in its texts replaced."""
    if isinstance(value, dict):
        return {key: fill(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, words) for item in value]
    if isinstance(value, str) and "%" in value:
        for word, text in words.items():
            value = value.replace(word, text)
    return value


def words(template, namespace, module, name, image=""):
    texts = {key: value for key, value in parameters(template).items() if isinstance(value, str)}
    texts.update({"%AppName%": name, "%Namespace%": namespace, "%Module%": module, "%Image%": image})
    return texts


def image(module, name, tag):
    return f"registry.sandbox.local/{module}/{name}:{tag}"


def environment(name, databases, postgresql):
    """Returns the variables that the release itself sets; any others on a Deployment were set by hand."""
    rows = [{"name": "ASPNETCORE_ENVIRONMENT", "value": "Production"}, {"name": "Monq__Service", "value": name}]
    if name in databases:
        rows += [
            {"name": "Postgres__Host", "value": postgresql["host"]},
            {"name": "Postgres__Port", "value": str(postgresql["port"])},
            {"name": "Postgres__Database", "value": databases[name]},
            {"name": "Postgres__Password", "value": postgresql["password"]},
        ]
    return rows


def deployment(template, namespace, module, name, kind, version, image_name, env, replicas=1):
    config = template["JsonConfig"]
    body = copy.deepcopy(config["Deployment"])
    container = copy.deepcopy(config["Container-" + kind])
    container["env"] = env
    body["metadata"].setdefault("annotations", {})["monq.version"] = version
    body["spec"]["replicas"] = replicas
    body["spec"]["template"]["spec"]["containers"] = [container]
    return fill(body, words(template, namespace, module, name, image_name))


def hand_made(body, hand):
    """Applies what an operator of 5.9.3 has changed by hand, and what Replace loses."""
    pod = body["spec"]["template"]["spec"]
    container = pod["containers"][0]
    if hand.get("resources"):
        container["resources"] = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}
    if hand.get("tolerations"):
        pod["tolerations"] = [{"key": "monq", "operator": "Equal", "value": "only", "effect": "NoSchedule"}]
    container["env"] += [{"name": name, "value": value} for name, value in hand.get("env", {}).items()]
    return body


def ingress(namespace, name, hosts, paths, module=None, annotations=None, tls=None):
    labels = {"app": name, "monq.module": module} if module else {"app": name}
    served = [
        {"path": path, "pathType": "ImplementationSpecific", "backend": {"serviceName": service, "servicePort": 80}}
        for path, service in paths
    ]
    spec = {"rules": [{"host": host, "http": {"paths": served}} for host in hosts]}
    if tls:
        spec["tls"] = tls
    annotations = {"kubernetes.io/ingress.class": "nginx", **(annotations or {})}
    return {
        "apiVersion": "extensions/v1beta1",
        "kind": "Ingress",
        "spec": spec,
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations},
    }


def routing_ingress(template, namespace, module, app, paths):
    """Returns one route of the new system. Raises KeyError if the template has no routingIngress or lacks a
    parameter."""
    values = parameters(template)
    body = fill(copy.deepcopy(template["JsonConfig"]["routingIngress"]), words(template, namespace, module, app))
    aliases = values["%AliasDomains%"]
    hosts = [values["%Domain%"], *(aliases.split(",") if aliases else [])]
    made = ingress(
        namespace,
        app,
        hosts,
        paths,
        module,
        {SNIPPET_ANNOTATION: values["%IngressSnippet%"]},
        values["%IngressSecrets%"],
    )
    body["metadata"] = {**made["metadata"], **body["metadata"]}
    body["spec"] = {**body["spec"], **made["spec"]}
    return body
