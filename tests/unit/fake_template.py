"""Templates of 5.9.3, made of parts: ours, strangers' and stale ones."""

from __future__ import annotations

from copy import deepcopy

VOLUME = {"name": "monq-ca-certificates", "secret": {"secretName": "monq-ca-certificates", "optional": True}}
MOUNT = {"name": "monq-ca-certificates", "mountPath": "/certs"}
ROUTING = {
    "apiVersion": "extensions/v1beta1",
    "kind": "Ingress",
    "metadata": {"name": "%AppName%", "namespace": "%Namespace%"},
    "spec": {"rules": []},
}
SNIPPET = {"Name": "%IngressSnippet%", "Value": "proxy_set_header X-Smon-Userspace-Id 1;"}
ALIASES = ["monq-alias.domain.com", "*.monq.domain.com"]
SECRETS = [{"hosts": ["monq.domain.com"], "secretName": "monq.domain.com-tls"}]
ALIAS = {"Name": "%AliasDomains%", "Value": "monq-alias.domain.com,*.monq.domain.com"}
TLS = {"Name": "%IngressSecrets%", "Value": SECRETS}
OURS = [SNIPPET, ALIAS, TLS]

FOREIGN_VOLUME = {"name": "logs", "emptyDir": {}}
FOREIGN_MOUNT = {"name": "logs", "mountPath": "/logs"}
FOREIGN_PARAMETER = {"Name": "%Domain%", "Value": "monq.domain.com"}
STALE_VOLUME = {"name": "monq-ca-certificates", "configMap": {"name": "old"}}
STALE_MOUNT = {"name": "monq-ca-certificates", "mountPath": "/certs", "readOnly": True}
STALE_ALIAS = {"Name": "%AliasDomains%", "Value": "old.domain.com"}


def template(volumes=None, api=None, console=None, parameters=None, **config):
    """A template of 5.9.3; a list that is None is null in it."""
    return {
        "Name": "K8s",
        "JsonConfig": {
            "Deployment": {"spec": {"replicas": 1, "template": {"spec": {"volumes": volumes, "containers": []}}}},
            "Container-api": {"name": "%AppName%", "volumeMounts": api},
            "Container-console": {"name": "%AppName%", "volumeMounts": console},
            "Parameters": parameters,
            **config,
        },
    }


def lists(whole):
    config = whole["JsonConfig"]
    return {
        "volumes": config["Deployment"]["spec"]["template"]["spec"]["volumes"],
        "api": config["Container-api"]["volumeMounts"],
        "console": config["Container-console"]["volumeMounts"],
        "parameters": config["Parameters"],
    }


def without(whole, path):
    """The same template without the field at a path."""
    result = deepcopy(whole)
    *parents, last = path.split(".")
    here = result
    for step in parents:
        here = here[step]
    del here[last]
    return result


def with_value(whole, path, value):
    result = deepcopy(whole)
    *parents, last = path.split(".")
    here = result
    for step in parents:
        here = here[step]
    here[last] = value
    return result
