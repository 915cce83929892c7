# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import difflib

from .. import timestamp
from ..errors import ApiError
from ..k8s import objects, rollout
from ..k8s.cluster import core
from ..monqctl.registry import TEMPLATE
from ..postgres.client import Postgresql
from ..redaction.data import sanitise
from ..session import INPUTS
from ..upgrade import template
from ..version import COLLECTION
from . import document, parts


class Reading:
    """Reads an installation for a plan, and changes nothing. PostgreSQL is injected."""

    def __init__(self, session, deferred=False, connect=Postgresql):
        """session.params hold the variables. deferred: monqctl has no context yet, so that the registry cannot be
        asked."""
        self._session, self._given, self._deferred, self._connect = session, session.params, deferred, connect
        self._cluster, self._namespace = session.cluster, session.namespace
        self._patterns = [p for m in session.modules for p in session.release["modules"][m]["deployments"]]

    def plan(self, host):
        """The plan of the installation as it is now."""
        session, given = self._session, self._given
        found = self._parts()
        about = {
            "collection": COLLECTION,
            "release": session.release["version"],
            "host": host,
            "environment": given["environment"],
        }
        made_at = timestamp.text()
        return document.document(found, made_at, about, self._shown())

    def _parts(self):
        session, given = self._session, self._given
        deployments = objects.deployments(self._cluster, self._namespace)
        hpas = objects.hpas(self._cluster, self._namespace)
        removed, kept = parts.ingresses(
            objects.routes(self._cluster, self._namespace), session.release, session.modules, given
        )
        registry = None if self._deferred else session.registry and session.registry.counts()
        counts = {} if session.registry is None else registry  # entered by hand: there is nothing to read
        return {
            "identity": parts.identity(self._namespace, self._uid(), given["monqctl_context"]),
            "variables": parts.variables(given["plan"], INPUTS, given),
            "steps": parts.steps(session.run.plan),
            "ledger": parts.ledger(session.run),
            "routes_removed": removed,
            "routes_kept": kept,
            "template": self._template(),
            "deployments": parts.deployments(deployments, self._patterns),
            "replicas": parts.replicas(deployments, hpas, counts, self._patterns),
            "sql": session.run.files,
            "registry": self._registry(deployments),
            "versions": self._versions(),
            "certificates": self._certificates(),
            "findings": parts.findings(given["findings"]),
        }

    def _uid(self):
        """The namespace's UID; empty if this account may not read it."""
        try:
            found = self._cluster.find(f"/api/v1/namespaces/{self._namespace}")
        except ApiError as exc:
            if exc.status != 403:
                raise
            return ""
        return (found or {}).get("metadata", {}).get("uid", "")

    def _templates(self):
        now = self._session.monqctl.read_json(*TEMPLATE)
        return now, template.transform(now, self._given["alias_domains"], self._given["ingress_secrets"])

    def _template(self):
        return parts.NOT_READ if self._deferred else parts.template(*self._templates())

    def _registry(self, deployments):
        name = self._session.release["registry_deployment"]
        found = [one for one in deployments if one["metadata"]["name"] == name]
        return {"images": [image for one in found for image in rollout.images(one)]}

    def _versions(self):
        others = [one["database"] for one in self._given["databases"]]
        with self._connect(self._given["postgresql"]).maintenance(others) as session:
            postgresql = session.value("SHOW server_version")
        try:
            kubernetes = (self._cluster.find("/version") or {}).get("gitVersion", "")
        except ApiError as exc:
            if exc.status != 403:
                raise
            kubernetes = ""
        monqctl = ".".join(map(str, self._session.monqctl.version()))
        return {"kubernetes": kubernetes, "postgresql": postgresql, "monqctl": monqctl}

    def _certificates(self):
        names = sorted({one.get("secretName") for one in self._given["ingress_secrets"] if one.get("secretName")})
        return parts.certificates({n: self._cluster.find(core(self._namespace, "secrets", n)) for n in names})

    def _shown(self):
        """For people only: the steps with their commands, and the template's difference, without secrets."""
        run = self._session.run
        rows = [
            {
                "key": step.key,
                "title": step.title,
                "undo": step.undo,
                "kind": step.kind,
                "argv": ["monqctl", *step.argv] if step.argv else [],
                "will_run": not run.is_done(step.key),
                "changes": step.kind != "gate",
            }
            for step in run.plan
        ]
        return {"steps": rows, "template_diff": [] if self._deferred else self._difference()}

    def _difference(self):
        before, after = (template.as_text(sanitise(one)).splitlines() for one in self._templates())
        return list(difflib.unified_diff(before, after, "registry", "after prepare", lineterm="", n=2))
