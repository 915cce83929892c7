# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the reports are made of, from the cluster alone."""

from __future__ import annotations

import contextlib
import datetime
import json
import os

from .. import arguments, timestamp
from ..engine import progress
from ..engine.lease import HOLDER, ID, NAME, Lease
from ..engine.ledger import FILES, INPUTS, PLAN, of_upgrade
from ..engine.runner import StepRunner
from ..engine.snapshots import SnapshotStore
from ..engine.spool import Spool
from ..errors import ApiError, ApiUnreachable, LockError, MonqError
from ..outage import record
from ..redaction.data import sanitise
from ..rollback.ledger import RollbackLedger, archived, upgrade_ledger
from ..session import INPUTS as SHAPE
from ..version import COLLECTION
from . import document, facts, rollback_document, sections
from .support_bundle import versions

UPGRADE, ROLLBACK = "report", "rollback-report"  # names of files


class Gathering:
    """The reports of one generation: of the upgrade, and of its rollback if there is one."""

    def __init__(self, params, cluster=None, check_mode=False, now=None, ansible_version=""):
        self._given, self._check_mode, self._ansible = params, check_mode, ansible_version
        self._cluster = cluster or arguments.cluster(params)
        self._namespace, self._release = params["namespace"], params["plan"]["release"]
        self._version = self._release["version"]
        self._now = now or datetime.datetime.now(datetime.timezone.utc)
        self._secrets = arguments.known_secrets(params)
        self.problems = []  # what the report lacks

    def result(self):
        """{reports: [{name, content}], folder, generation, problems, complete}. complete: whether a run has nothing to
        add."""
        generation = self._generation()
        upgrade = upgrade_ledger(self._cluster, self._namespace, self._version, generation)
        own = self._rollback_ledger(generation)
        folder = self._folder(generation)
        reports = []
        if upgrade.entries and not _carried_only(upgrade):
            reports.append({"name": UPGRADE, "content": self._upgrade(upgrade)})
        if own.entries:
            reports.append({"name": ROLLBACK, "content": self._rollback(own, upgrade)})
        made = [{**one, "content": self._dated(folder, one)} for one in reports]
        complete = bool(made) and made[-1]["content"]["outcome"] in (document.FINISHED, rollback_document.ROLLED_BACK)
        return {
            "reports": made,
            "folder": folder,
            "generation": generation,
            "problems": self.problems,
            "complete": complete,
        }

    def _folder(self, generation):
        return Spool(self._given["spool_directory"], self._given["spool_host"], self._version).folder(generation)

    # ---- ledgers

    def _generation(self):
        """The generation asked for; else that of the upgrade, or of the rollback that was the last to do something."""
        if self._given["generation"]:
            return self._given["generation"]
        live = of_upgrade(self._cluster, self._namespace, self._version)
        if live.entries and not _carried_only(live):
            return live.generation
        last = RollbackLedger(self._cluster, self._namespace, self._version).load()
        return last.generation if last.exists else live.generation

    def _rollback_ledger(self, generation):
        live = RollbackLedger(self._cluster, self._namespace, self._version).load()
        if not live.exists or live.generation == generation:
            return live
        return RollbackLedger(self._cluster, self._namespace, archived(self._version, generation)).load()

    def _is_live(self, ledger):
        return ledger.name == f"monq-upgrade-{self._version}"

    def _part(self, ledger):
        """What stands for the release in the names of this ledger's objects."""
        return self._version if self._is_live(ledger) else archived(self._version, ledger.generation)

    def _given_plan(self, ledger):
        """The plan's arguments as the upgrade was started with: whoever makes the report again need not know them."""
        plan, entries = dict(self._given["plan"]), ledger.entries
        if entries:
            begun = json.loads(ledger.annotations.get(INPUTS) or "{}")
            plan.update({name: begun[name] for name in SHAPE if name in begun})
            plan["configure"] = any(key.startswith("prepare.monqctl.") for key in entries)
            if "prepare.registry.update" in entries:  # it comes after the token
                plan["online"] = "prepare.release_hub.token" in entries
        return plan

    def _about(self, plan):
        return {
            "made": timestamp.text(self._now),
            "installation": {
                "host": self._given["spool_host"],
                "environment": self._given["environment"],
                "namespace": self._namespace,
                "server": self._cluster.server,
                "modules": list(plan["modules"]),
            },
            "collection": {"name": "monq.platform", "version": COLLECTION},
            "holder": self._holder(),
            "release": self._release,
            "modules": plan["modules"],
        }

    def _holder(self):
        """The ID of the lock that is held now, or an empty string. A run's own lock at its end is none."""
        lease = self._cluster.find(f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases/{NAME}") or {}
        notes = (lease.get("metadata") or {}).get("annotations") or {}
        held = (lease.get("spec") or {}).get("holderIdentity") and notes.get(HOLDER)
        found = notes.get(ID, "") if held else ""
        return "" if found == self._given["lock_id"] else found

    # ---- the two reports

    def _upgrade(self, ledger):
        plan = self._given_plan(ledger)
        run = StepRunner(plan=arguments.plan({"plan": plan}), ledger=ledger, lease=None, check_mode=True)
        store = SnapshotStore(self._cluster, self._namespace, self._part(ledger))
        known = facts.read(self._cluster, self._namespace, self._part(ledger), ledger.generation)
        before = {} if "before" in (known.get("verified") or {}) else self._before(store, ledger)
        if self._given["failure"] and self._is_live(ledger):
            known = self._failed(ledger, before) or known
        known = {**known, "probe": facts.watched(known, record.spans(self._folder(ledger.generation)))}
        digests = json.loads(ledger.annotations.get(FILES) or "{}")
        content = document.upgrade(
            self._about(plan),
            progress.overview(run),
            {
                "entries": ledger.entries,
                "digests": digests,
                "closed": ledger.closed,
                "plan": ledger.annotations.get(PLAN),
            },
            {"replicas": before.get("replicas"), "routes": sections.route_hosts(before.get("ingresses") or [])},
            known,
        )
        return sanitise(content, self._secrets)

    def _before(self, store, ledger):
        """The snapshot right before the outage, or else the one before prepare."""
        found = {}
        for name, stage in (("cut", "upgrade"), ("original", "prepare")):
            digests = [(ledger.get(f"{stage}.{part}.{name}") or {}).get("result") for part in ("snapshot", "replicas")]
            if all(digests):
                try:
                    found = store.open(name, digests[0])
                    return {**found, "replicas": store.open(f"{name}-replicas", digests[1])}
                except (MonqError, KeyError) as exc:
                    self.problems.append(f"snapshot {name}: {getattr(exc, 'what', exc)}: {getattr(exc, 'seen', '')}")
        return found

    def _failed(self, ledger, before):
        """Records the failure and returns all facts. Without the lock it is shown, but not recorded: another run may
        be at work."""
        given, lock = self._given["failure"], self._given["lock_id"]
        failure = {
            "at": timestamp.text(self._now),
            "task": given.get("task") or "",
            "step": given.get("step") or "",
            "message": given.get("message") or "",
            "lock": lock,
            **({"last_exit": True} if given.get("last_exit") in (True, "True", "true") else {}),
        }
        software = versions(lambda: self._cluster, self._ansible)
        deployments = before.get("deployments")
        seen = facts.after_failure(self._cluster, self._namespace, deployments, given.get("findings") or (), software)
        recording = facts.Recording(self._cluster, self._namespace, self._version, ledger.generation, self._secrets)
        try:
            Lease(self._cluster, self._namespace).require(lock)
        except (LockError, ApiError, ApiUnreachable) as exc:
            self.problems.append(f"the failure is not recorded in the cluster: {exc.what}")
        else:
            if not self._check_mode:
                found = recording.failed(failure, seen)
                if recording.problem:
                    self.problems.append(f"the failure is not recorded in the cluster: {recording.problem}")
                return found
        return {"failures": [failure], "seen_at_failure": seen}

    def _rollback(self, own, upgrade):
        plan, given = self._given_plan(upgrade), json.loads(own.annotations.get(INPUTS) or "{}")
        known = facts.read(self._cluster, self._namespace, self._part(upgrade), upgrade.generation)
        content = rollback_document.rollback(
            self._about(plan),
            {"entries": own.entries, "generation": own.generation, "databases": given.get("databases") or []},
            {"entries": upgrade.entries, "generation": upgrade.generation},
            arguments.plan({"plan": plan}),
            any(key.startswith("rollback.monqctl.") for key in own.entries),
            given.get("registry_replicas") or plan["registry_replicas"],
            facts.watched(known, record.spans(self._folder(own.generation))),
        )
        return sanitise(content, self._secrets)

    def _dated(self, folder, report):
        """The content; with the date of the file that is there, if nothing else differs."""
        content = report["content"]
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            with open(os.path.join(folder, f"{report['name']}.json"), encoding="utf-8") as file:
                kept = json.load(file)
            if {**kept, "made": ""} == {**content, "made": ""}:
                return {**content, "made": kept["made"]}
        return content


def _carried_only(ledger):
    """Returns whether a ledger holds nothing but the SQL of a generation that was rolled back."""
    return all("earlier_attempt" in entry for entry in ledger.entries.values())


def make(params, check_mode=False, ansible_version="", cluster=None):
    """The module's result."""
    return Gathering(params, cluster, check_mode, ansible_version=ansible_version).result()
