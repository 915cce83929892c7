# GNU General Public License v3.0+
"""The Kubernetes objects of one simulated Monq 5.9.3: Deployments and HPAs, Ingresses, Secrets, a ConfigMap."""

import base64

import manifests
from certificates import certificate, certificate_authority
from kubelet import LOAD

INTERNAL_K8S = "https://kubernetes.default.svc.cluster.local"


def names(name):
    base = f"{name}.sandbox.local"
    return {"base": base, "main": f"monq.{base}", "alias": f"monq-alias.{base}", "wildcard": f"*.alias.{base}"}


def objects(installation):
    """Returns the objects in the order in which they are created."""
    return (
        *other_objects(installation),
        *tls_secrets(installation),
        *ingresses(installation),
        *deployments(installation),
    )


def kubernetes_template(installation):
    body = manifests.load("template-5.9.3")
    body["Uri"] = INTERNAL_K8S if installation.settings.get("internal_k8s") else installation.state.data["api_server"]
    values = {"%Namespace%": installation.name, "%Domain%": installation.domains()[0]}
    for row in body["JsonConfig"]["Parameters"]:
        row["Value"] = values.get(row["Name"], row["Value"])
    return body


def images_by_name(installation):
    return {
        row["name"]: manifests.image(
            module, row["name"], row.get("image_tag", installation.catalogue[module]["old_version"])
        )
        for module, row in installation.services(installation.modules)
    }


def deployments(installation):
    template, databases, postgresql, images = (
        kubernetes_template(installation),
        installation.databases(),
        installation.postgresql(),
        images_by_name(installation),
    )
    for module, row in installation.services(installation.modules):
        name = row["name"]
        body = manifests.deployment(
            template,
            installation.name,
            module,
            name,
            row.get("kind", "api"),
            row.get("image_tag", installation.catalogue[module]["old_version"]),
            images[name],
            manifests.environment(name, databases, postgresql),
            row["kubernetes"],
        )
        yield manifests.hand_made(body, row.get("hand", {}))
        if row.get("hpa"):
            yield {
                "apiVersion": "autoscaling/v1",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {
                    "name": name,
                    "namespace": installation.name,
                    "annotations": {LOAD: str(row["hpa"]["load"])},
                },
                "spec": {
                    "minReplicas": row["hpa"]["min"],
                    "maxReplicas": row["hpa"]["max"],
                    "targetCPUUtilizationPercentage": 70,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                },
            }


def ingresses(installation):
    data, host = manifests.load("ingresses"), names(installation.name)
    rows = (
        [row for row in data["legacy"] if row["module"] in installation.modules]
        + (data["alias"] if installation.settings["alias"] else [])
        + data["survivors"]
    )
    for row in rows:
        hosts = [text.format(**host) for text in row["hosts"]]
        regex = (
            {"nginx.ingress.kubernetes.io/use-regex": "true"}
            if any("(" in path for path, _service in row["paths"])
            else {}
        )
        tls = [secret for secret in installation.ingress_secrets() if set(secret["hosts"]) & set(hosts)]
        yield manifests.ingress(installation.name, row["name"], hosts, row["paths"], row.get("module"), regex, tls)


def tls_secrets(installation):
    """Returns TLS Secrets with real certificates of this sandbox's CA, created once, so that reset is fast."""
    folder = installation.state.path("cache", "tls")
    authority = read(certificate_authority(folder, "monq sandbox")[0])
    for row in installation.ingress_secrets():
        cert, key = certificate(folder, row["secretName"], [f"DNS:{host}" for host in row["hosts"]])
        yield {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": row["secretName"], "namespace": installation.name},
            "data": {"tls.crt": encoded(read(cert) + authority), "tls.key": encoded(read(key))},
        }


def other_objects(installation):
    yield {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": "smtp-account", "namespace": installation.name},
        "data": {"login": encoded("monq"), "password": encoded(installation.state.token(f"smtp-{installation.name}"))},
    }
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "monq-config", "namespace": installation.name},
        "data": {"timezone": "Europe/Moscow"},
    }


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def encoded(text):
    return base64.b64encode(text.encode()).decode()
