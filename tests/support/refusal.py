"""Makes the API server really refuse requests: an admission webhook that never responds."""

from __future__ import annotations

import json
import time


def webhook(installation, resource, operation, label):
    """Returns the configuration of an admission webhook that never responds."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"refuse-{installation.name}"},
        "webhooks": [
            {
                "name": "refuse.monq.test",
                "clientConfig": {"url": "https://127.0.0.1:9/refuse"},
                "rules": [
                    {"apiGroups": ["*"], "apiVersions": ["*"], "resources": [resource], "operations": [operation]}
                ],
                "namespaceSelector": {"matchLabels": {"test-refuse": installation.name}},
                "objectSelector": label,
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": 1,
            }
        ],
    }


class Refusal:
    """Installs the webhook, and removes it again."""

    def __init__(self, installation, resource, operation, label=None):
        self.installation, self.path = installation, installation.work / "webhook.json"
        self.path.write_text(json.dumps(webhook(installation, resource, operation, label or {})))
        installation.kubectl(
            "label",
            "namespace",
            installation.facts["namespace"],
            f"test-refuse={installation.name}",
            "--overwrite",
            user="sandbox-admin",
        )

    def command(self):
        kubeconfig = self.installation.sandbox.facts["kubeconfig"]
        return ["kubectl", "--kubeconfig", kubeconfig, "--context", "sandbox-admin", "apply", "-f", str(self.path)]

    def apply(self):
        self.installation.kubectl("apply", "-f", str(self.path), user="sandbox-admin")
        time.sleep(0.5)  # until the API server has noticed the webhook

    def lift(self):
        self.installation.kubectl("delete", "-f", str(self.path), user="sandbox-admin")
        time.sleep(0.5)
