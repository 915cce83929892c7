# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from .. import arguments
from ..engine import decisions, progress, steps
from ..engine.lease import Lease
from ..engine.ledger import FINGERPRINT, INPUTS, number
from ..engine.runner import StepRunner
from ..engine.spool import Spool
from ..errors import LockError, MonqError, StepError
from ..monqctl.client import Monqctl
from ..postgres.client import SERVER
from ..session import Session
from . import steps as rollback_steps
from .ledger import RollbackLedger, upgrade_ledger

DATABASES = {
    "databases": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "microservice": {"type": "str", "required": True},
            "database": {"type": "str", "required": True},
        },
    },
}

CONFIRMATIONS = {
    "environment": {"type": "str", "required": True},
    "confirm": {"type": "str", "default": ""},
    "closed": {"type": "bool", "default": False},
    "postgresql": {"type": "dict", "options": SERVER},
}


class RollbackRun(StepRunner):
    """A step runner on the rollback's plan and ledger, with the upgrade that it undoes."""

    def __init__(self, *, upgrade, upgrade_plan, databases, **given):
        super().__init__(**given)
        self.upgrade = upgrade
        self.upgrade_plan = upgrade_plan
        self.databases = databases
        self.repaired = False  # whether the final check, a gate, has restored something

    @property
    def changed(self):
        return super().changed or self.repaired

    @property
    def generation(self):
        return self.ledger.generation

    @property
    def needed(self):
        """Returns whether there is anything to undo."""
        return self.ledger.unfinished or rollback_steps.may_roll_back(self.upgrade.entries)

    def decision(self, key):
        """The operator's decision on a step of the upgrade."""
        return self._resolve.get(key)

    def accepted(self, key):
        return (self.ledger.get(key) or {}).get("state") == "accepted"

    def require_known_decisions(self):
        decisions.check(self._resolve, {**self._steps, **{step.key: step for step in self.upgrade_plan}})

    def execute(self, key, action, renewed=False, configured=None):
        """Executes a step; its error also shows how to skip it, as one failing step must not keep the platform down."""
        try:
            return super().execute(key, action, renewed, configured)
        except MonqError as exc:
            attempt = exc.details.get("attempt")
            if attempt and key != rollback_steps.ARCHIVE and not isinstance(exc, LockError):
                choice = self.choice(key, "accept", attempt)
                exc.next_step += f"; if that is not possible, verify it yourself and skip this step with\n    {choice}"
            raise

    def begin(self):
        """Takes over the upgrade's ledger too: a frozen upgrade must not write to it any more."""
        self.upgrade.take_over(self._lock_id)
        return super().begin()

    def platform(self):
        return rollback_steps.platform(self._upgrade_down(), self.ledger.entries)

    def outage(self):
        """none, to come, running or over: whether this rollback is, will be or was an outage."""
        if self._down_since():
            return "running"
        if self.is_done("rollback.routing.restore"):
            return "over"
        return "to come" if rollback_steps.CUT in self.upgrade.entries or self.databases else "none"

    def _upgrade_down(self):
        return progress.down_since(self.upgrade_plan, self.upgrade.entries)

    def _down_since(self):
        return rollback_steps.down_since(self._upgrade_down(), self.ledger.entries)

    def require_same_plan(self):
        """Raises StepError if the modules differ from the upgrade's, or the steps from those this rollback started
        with."""
        begun = json.loads(self.upgrade.annotations.get(INPUTS) or "{}").get("modules")
        given = self._inputs.get("modules")
        if begun and given and sorted(begun) != sorted(given):
            raise StepError(
                "the upgrade was started with different modules",
                f"ConfigMap {self.upgrade.name}",
                ", ".join(begun),
                ", ".join(given),
                "run rollback.yml with the monq_modules that the upgrade was started with; otherwise changes to the "
                "other modules would remain",
            )
        seen, mine = self.ledger.annotations.get(FINGERPRINT), steps.fingerprint(self.plan)
        if self.ledger.unfinished and seen and seen != mine:
            prefix = "rollback.database."
            named = [key[len(prefix) :] for key in self.ledger.entries if key.startswith(prefix)]
            raise StepError(
                "the step list differs from the one this rollback started with",
                f"ConfigMap {self.ledger.name}",
                f"steps-sha256 {seen}",
                f"{mine}; databases given: {', '.join(self.databases) or 'none'}; "
                f"started so far: {', '.join(named) or 'none'}",
                "run rollback.yml with the variables that it was started with, above all monq_rollback_databases",
            )


def open_session(*, params, check_mode=False, cluster=None):
    """The session of every rollback module; an upgrade uses session.Session.open."""
    return Session.open(params=params, check_mode=check_mode, cluster=cluster, make_run=rollback_run)


def rollback_run(params, check_mode, cluster):
    namespace, given = params["namespace"], params["plan"]
    release = given["release"]["version"]
    own = RollbackLedger(cluster, namespace, release).load()
    if own.unfinished:
        upgrade = upgrade_ledger(cluster, namespace, release, own.generation)
    else:
        upgrade = upgrade_ledger(cluster, namespace, release)
        own = number(RollbackLedger(cluster, namespace, release), upgrade.generation)
    upgrade_plan, home = arguments.plan(params), Monqctl(home=params["monqctl_home"])
    databases = [item["microservice"] for item in params["databases"]]
    replicas = given["registry_replicas"]
    return RollbackRun(
        upgrade=upgrade,
        upgrade_plan=upgrade_plan,
        databases=databases,
        plan=rollback_steps.plan(upgrade_plan, databases, given["configure"], replicas),
        ledger=own,
        lease=Lease(cluster, namespace, params["lock_duration"]),
        lock_id=params["lock_id"],
        home=home.marker(),
        make_home=home.make_marker,
        resolve=params["resolve"],
        check_mode=check_mode,
        inputs={"databases": databases, "registry_replicas": replicas, "modules": given["modules"]},
        spool=Spool(params["spool_directory"], params["spool_host"], f"{release}-rollback"),
    )
