# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .. import arguments
from ..engine import progress, steps
from ..engine.snapshots import orphans
from ..errors import ApiError, MonqError
from ..postgres import dump
from ..session import Session, client
from ..upgrade.home import is_due
from ..upgrade.registry_token import RegistryToken
from . import cluster, inputs, postgres, registry
from .finding import lost_ledger, of_error

CHECKS = ("inputs", "cluster", "registry", "databases")


class Preflight:
    """Reads everything that could block the upgrade, and changes nothing. Every check runs: what one raises becomes a
    finding."""

    def __init__(self, given, rollback):
        """rollback: describes an unfinished rollback, given cluster, namespace and release; returns an empty string if
        there is none."""
        self._given, self._rollback = given, rollback
        self._connection = self.session = None
        self._lost = False
        self.report = {"findings": [], "ledger": {}, "finished": False, "prepared": False, "home_due": True}
        self.report.update(deferred=False, cut=False)

    def run(self, checks=CHECKS):
        """Returns the report: findings, state of the ledger, and what is left to do."""
        if "inputs" in checks:
            self._add(lambda: inputs.examine(self._given))
        self._add(self._open, "inputs")
        if self.session:
            self._add(self._look, "kubernetes")
        if "cluster" in checks:
            self._add(self._cluster, "kubernetes")
        if "registry" in checks and not self._lost:
            self._add(self._registry, "monqctl")
        # Inside the outage the way out is forward: the dumps exist, and the SQL may have changed owners.
        if "databases" in checks and not (self.report["cut"] or self.report["finished"] or self._lost):
            self._add(self._databases, "postgresql")
        return self.report

    def _add(self, check, name="inputs"):
        try:
            self.report["findings"] += check() or []
        except MonqError as exc:
            self.report["findings"].append(of_error(name, exc))

    def _open(self):
        """Connects, and reads the ledger if the account may."""
        self._connection = arguments.cluster(self._given)
        arguments.plan(self._given)
        try:
            self.session = Session.open(params=self._given, check_mode=True, cluster=self._connection)
        except ApiError as exc:
            if exc.status != 403:  # the permission check names the missing verb
                raise

    def _look(self):
        """Reads the state of the ledger. If it is finished, only the installation's identity is still checked."""
        session, run = self.session, self.session.run
        snapshots = orphans(session.cluster, session.namespace, session.release["version"], run.ledger)
        lost = lost_ledger(session.release, session.namespace, snapshots) if snapshots else None
        self._lost = bool(lost)
        self._add(lambda: run.require_same_plan() or run.require_known_decisions(), "steps")
        finished = run.all_done(lambda step: step.kind != "client")
        self.report.update(
            ledger={
                **progress.overview(run, lost=lost),
                "lock": _holder(session),
                "rollback": self._rollback(session.cluster, session.namespace, session.release["version"]),
            },
            finished=finished,
            prepared=finished or run.all_done(lambda step: step.key.startswith("prepare.")),
            home_due=is_due(session, self._given["releasehub_token"]),
            cut=bool(run.ledger.get("upgrade.routing.cut")),
        )

    def _cluster(self):
        if not self._connection:
            return []
        return cluster.examine(self._connection, self._given, self.session, self.report)

    def _registry(self):
        run = self.session.run if self.session else None
        release, secrets = self._given["plan"]["release"], getattr(self._connection, "credentials", ())
        token = RegistryToken(self._connection, self._given["namespace"], release, None)
        seen = registry.examine(client(self._given, secrets=secrets), self._given, run, token.stored, self.report)
        self.report["deferred"] = seen["deferred"]
        return seen["findings"]

    def _databases(self):
        plan = self._given["plan"]
        names = steps.backed_up(plan["release"], plan["modules"], plan["backup_databases"])
        databases = dump.databases(names, self._given["database_names"])
        return postgres.inspect({**self._given, "databases": databases})["findings"]


def _holder(session):
    """The holder of the lock. The permission check reports a missing verb."""
    try:
        return session.lease.holder()
    except ApiError as exc:
        if exc.status != 403:
            raise
        return "unknown"
