# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import secrets

from ..engine.ledger import LABELS
from ..engine.steps import IN_CONTEXT
from ..errors import InputError, MonqError
from ..k8s.cluster import STRATEGIC, apps, core
from ..k8s.watch import RolloutWatcher

ROTATION = "monq.platform/token-rotation"
RESTORE = (
    "restore the Secret from a backup of the cluster; its token is also in the registry's containers and in monqctl's "
    "configuration"
)


class RegistryToken:
    """The registry's token: one Secret, and one variable in the registry's own containers."""

    def __init__(self, cluster, namespace, release, watcher):
        """watcher: waits for the registry's rollout; None if the variable is not touched."""
        self._cluster, self._namespace, self._watcher = cluster, namespace, watcher
        self._deployment = release["registry_deployment"]
        self._names = release["registry_token"]
        self.generated = self.rotated = self.reasserted = False

    def stored(self):
        """The stored token, or None. Raises InputError if the Secret does not contain text."""
        found = self._cluster.find(core(self._namespace, "secrets", self._names["secret"]))
        value = ((found or {}).get("data") or {}).get(self._names["key"])
        try:
            return base64.b64decode(value).decode() if value else None
        except ValueError as exc:
            raise InputError(
                "the registry's token is not text",
                f"Secret {self._namespace}/{self._names['secret']}, key {self._names['key']}",
                "UTF-8 in base64",
                "other bytes",
                "find out who created this Secret, and put the registry's token there; as long as "
                "prepare.registry_token.secret is not done, you can delete it instead: a new token is created",
            ) from exc

    def required(self):
        """The stored token. Raises MonqError if there is none: monqctl must not get an empty one."""
        found = self.stored()
        if not found:
            raise MonqError(
                "the registry's token is missing",
                f"Secret {self._namespace}/{self._names['secret']}",
                f"a token under {self._names['key']}",
                "none",
                RESTORE,
            )
        return found

    def rotation(self):
        """The ID of the last rotation, or an empty string; stored in the Secret with the token, so that a killed run
        cannot separate them."""
        found = self._cluster.find(core(self._namespace, "secrets", self._names["secret"])) or {"metadata": {}}
        return (found["metadata"].get("annotations") or {}).get(ROTATION, "")

    def behind(self, entry):
        """Returns whether a done step used the token from before a rotation."""
        return self.rotated or ((entry or {}).get("result") or {}).get("rotation", "") != self.rotation()

    def differs(self, wanted):
        """Returns whether the operator's token differs from the stored one."""
        stored = self.stored() if wanted else None
        return bool(stored and stored != wanted)

    def check(self, wanted, rotate):
        """Raises InputError if the operator's token differs and may not replace the stored one."""
        if self.differs(wanted):
            if not rotate:
                raise InputError(
                    "monq_registry_token differs from the token in the cluster",
                    f"Secret {self._namespace}/{self._names['secret']}, key {self._names['key']}",
                    "the stored token, or none",
                    "a different value",
                    "remove monq_registry_token, or set monq_registry_token_rotate: true",
                )
            self.rotated = True

    def ensure(self, wanted):
        """Creates the Secret if it is missing; replaces its value only on rotation."""
        path, name = core(self._namespace, "secrets"), self._names["secret"]
        found = self._cluster.find(f"{path}/{name}")
        stored = self.stored() if found else None
        if stored and not self.rotated:
            return {"generated": False}
        self.generated = not wanted
        value = base64.b64encode((wanted or base64.b64encode(secrets.token_bytes(32)).decode()).encode()).decode()
        if found:
            self._cluster.patch(
                f"{path}/{name}",
                {"metadata": {"annotations": {ROTATION: secrets.token_hex(4)}}, "data": {self._names["key"]: value}},
            )
        else:
            meta = {"name": name, "labels": LABELS}
            self._cluster.create(
                path,
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "type": "Opaque",
                    "metadata": meta,
                    "data": {self._names["key"]: value},
                },
            )
        return {"generated": self.generated}

    def ensure_env(self):
        """Sets the variable where it is missing, restarts the pods on rotation (a changed Secret restarts nothing), and
        waits for the rollout."""
        path = apps(self._namespace, "deployments", self._deployment)
        found = self._cluster.find(path)
        if not found:
            raise MonqError(
                "the registry's Deployment is missing",
                f"Deployment {self._namespace}/{self._deployment}",
                "present",
                "none",
                "check monq_namespace",
            )
        reference = {
            "name": self._names["variable"],
            "valueFrom": {"secretKeyRef": {"name": self._names["secret"], "key": self._names["key"]}},
        }
        containers = found["spec"]["template"]["spec"]["containers"]
        # Sidecars do not get the token; if no container has the Deployment's name, all are the registry's.
        containers = [c for c in containers if c["name"] == self._deployment] or containers
        stale = [c["name"] for c in containers if not any(_same(env, reference) for env in c.get("env") or [])]
        patch = (
            {"spec": {"containers": [{"name": name, "env": [{**reference, "value": None}]} for name in stale]}}
            if stale
            else {}
        )
        rotation = self.rotation()
        if (
            rotation
            and ((found["spec"]["template"].get("metadata") or {}).get("annotations") or {}).get(ROTATION) != rotation
        ):
            patch["metadata"] = {"annotations": {ROTATION: rotation}}
        if patch:
            self._cluster.patch(path, {"spec": {"template": patch}}, STRATEGIC)
            self.reasserted = True
        self._watcher.wait([self._deployment], {})
        return {"set": bool(patch), "rotation": rotation}


class TokenSteps:
    """The steps that keep Secret, variable and monqctl's credential consistent."""

    def __init__(self, session, timeout, wanted=None, rotate=False):
        watcher = RolloutWatcher(session.cluster, session.namespace, timeout, say=session.progress.say)
        self._session, self._wanted = session, wanted
        self._token = RegistryToken(session.cluster, session.namespace, session.release, watcher)
        self._token.check(wanted, rotate)

    @property
    def report(self):
        return {"generated": self._token.generated, "reasserted": self._token.reasserted}

    def execute(self, step):
        return {"secret": self._secret, "env": self._env, "credential": self._credential}[step.key.rpartition(".")[2]](
            step
        )

    def _secret(self, step):
        renewed = self._token.differs(self._wanted)
        return self._session.run.execute(step.key, lambda: self._token.ensure(self._wanted), renewed=renewed)

    def _env(self, step):
        # Only the token's own step restarts the registry after a rotation, not those that set the variable again.
        own = step.key.startswith("prepare.registry_token.")
        renewed = own and self._token.behind(self._session.run.ledger.get(step.key))
        return self._session.run.execute(step.key, self._token.ensure_env, renewed=renewed)

    def _credential(self, step):
        def call():
            self._session.monqctl.change(step.argv, self._token.required(), in_context=IN_CONTEXT in step.traits)

        configured = (step.argv, self._token.stored() or "")
        return self._session.run.execute(step.key, call, renewed=self._token.rotated, configured=configured)


def _same(env, reference):
    seen = ((env.get("valueFrom") or {}).get("secretKeyRef")) or {}
    return (
        env["name"] == reference["name"]
        and {k: seen.get(k) for k in ("name", "key")} == reference["valueFrom"]["secretKeyRef"]
    )
