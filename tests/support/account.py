"""The account of docs/permissions: it is applied and given a token, and its use is read from the audit log."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import yaml

from .harness import ROOT

MANIFEST = ROOT / "docs" / "permissions" / "monq-upgrade.yml"
NAME = "monq-upgrade"
CONTEXT = "monq-upgrade"
TOKEN_REQUEST = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}
ADMIN = "sandbox-admin"


class Account:
    """A ServiceAccount in the installation's namespace, created as documented, and its kubeconfig."""

    def __init__(self, installation):
        self.installation = installation
        self.namespace = installation.facts["namespace"]
        self.user = f"system:serviceaccount:{self.namespace}:{NAME}"
        self.apply()
        self.token = self._token()
        self.kubeconfig = installation.work / "monq-upgrade.kubeconfig"
        self._write_kubeconfig()
        self.extra = {"monq_kubeconfig": str(self.kubeconfig), "monq_kube_context": CONTEXT}

    def apply(self, path=MANIFEST):
        self.installation.kubectl("apply", "-f", str(path), user=ADMIN)

    def _token(self):
        request = self.installation.work / "token-request.json"
        request.write_text(json.dumps(TOKEN_REQUEST))
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{NAME}/token"
        return json.loads(self.installation.kubectl("create", "--raw", path, "-f", str(request), user=ADMIN))["status"][
            "token"
        ]

    def _write_kubeconfig(self):
        known = json.loads(Path(self.installation.sandbox.facts["kubeconfig"]).read_text())
        known["users"] = [{"name": NAME, "user": {"token": self.token}}]
        known["contexts"] = [{"name": CONTEXT, "context": {"cluster": known["clusters"][0]["name"], "user": NAME}}]
        known["current-context"] = CONTEXT
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps(known))

    def reapply_without(self, group, resource, verb, name=None):
        """Applies the whole Role except one verb of one resource. Returns once the authorizer has noticed this, and
        that a verb removed earlier is back."""
        objects = [one for one in yaml.safe_load(MANIFEST.read_text())["items"] if one["kind"] == "Role"]
        for role in objects:
            for rule in role["rules"]:
                if (rule["apiGroups"], rule["resources"]) == ([group], [resource]) and verb in rule["verbs"]:
                    rule["verbs"].remove(verb)
            role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
        path = self.installation.work / "role.yml"
        path.write_text(yaml.safe_dump_all(objects))
        self.apply(path)
        end = time.monotonic() + 60  # the authorizer notices changed Roles with a delay
        while self.may(group, resource, verb, name):
            assert time.monotonic() < end, f"{verb} {resource} is still allowed"

    def may(self, group, resource, verb, name=None):
        """Returns whether the account may do this. The account itself asks, as with kubectl auth can-i."""
        kind, _slash, sub = resource.partition("/")
        argv = ["kubectl", "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, "auth", "can-i", verb]
        argv += [kind + (f".{group}" if group else "") + (f"/{name}" if name else "")] + (
            [f"--subresource={sub}"] if sub else []
        )
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.stdout.strip() in ("yes", "no"), done.stderr
        return done.stdout.strip() == "yes"

    def used(self, since=0):
        """Returns what the account was allowed to do, according to the audit log: {(API group, resource, verb)} inside
        the namespace, and the same outside."""
        inside, outside = set(), set()
        for line in Path(self.installation.sandbox.facts["audit_log"]).read_text().splitlines()[since:]:
            event = json.loads(line)
            if (
                event["user"]["username"] != self.user
                or event["annotations"].get("authorization.k8s.io/decision") != "allow"
            ):
                continue
            where = event.get("objectRef")
            if not where or where.get("apiGroup") == "authorization.k8s.io":
                continue
            what = where["resource"] + (f"/{where['subresource']}" if where.get("subresource") else "")
            row = (where.get("apiGroup", ""), what, event["verb"])
            (inside if where.get("namespace") == self.namespace and where["resource"] != "namespaces" else outside).add(
                row
            )
        return inside, outside
