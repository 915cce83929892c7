# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from .. import arguments
from ..engine import decisions, steps
from ..engine.lease import Lease
from ..engine.ledger import FINGERPRINT, INPUTS, number
from ..engine.runner import GuardedRun
from ..engine.spool import EmergencyCopies
from ..errors import LockError, MonqError, StepError
from ..monqctl.client import Monqctl
from ..postgres.client import SERVER
from . import steps as rollback_steps
from .ledger import RollbackLedger, upgrade_ledger

DATABASES = {
    "databases": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"microservice": {"type": "str", "required": True}, "database": {"type": "str", "required": True}},
    },
}

ROUTES = {
    "domain": {"type": "str", "required": True},
    "alias_domains": {"type": "list", "elements": "str", "default": []},
    "alias_ingresses": {"type": "list", "elements": "str", "default": []},
}

WORDS = {
    "environment": {"type": "str", "required": True},
    "confirm": {"type": "str", "default": ""},
    "closed": {"type": "bool", "default": False},
    "postgresql": {"type": "dict", "options": SERVER},
}


class RollbackRun(GuardedRun):
    """A guarded run on the rollback's plan and ledger; it knows the upgrade that it takes back."""

    def __init__(self, upgrade, upgrade_plan, databases, *given, **named):
        super().__init__(*given, **named)
        self.upgrade = upgrade
        self.upgrade_plan = upgrade_plan
        self.databases = databases
        self.repaired = False  # whether the check of the end, a gate, has put something back

    @property
    def changed(self):
        return super().changed or self.repaired

    @property
    def attempt(self):
        return self.ledger.attempt

    @property
    def needed(self):
        """Whether there is anything to take back."""
        return self.ledger.unfinished or rollback_steps.may_roll_back(self.upgrade.entries)

    def answer(self, key):
        """The operator's word on a step of the upgrade."""
        return self._resolve.get(key)

    def accepted(self, key):
        return (self.ledger.get(key) or {}).get("state") == "accepted"

    def require_known_answers(self):
        decisions.check(self._resolve, {**self._steps, **{step.key: step for step in self.upgrade_plan}})

    def run(self, key, action, renewed=False, told=None):
        """A step that cannot be done must not keep the platform down: its failure names the word that goes on without it."""
        try:
            return super().run(key, action, renewed, told)
        except MonqError as exc:
            attempt = exc.details.get("attempt")
            if attempt and key != rollback_steps.ARCHIVE and not isinstance(exc, LockError):
                exc.next_step += f"; where that cannot be, judge it yourself and go on without this step:\n    {self.choice(key, 'accept', attempt)}"
            raise

    def begin(self):
        """The upgrade's ledger too: a frozen upgrade must not write into what is being taken back."""
        self.upgrade.take_over(self._lock_id)
        return super().begin()

    def platform(self):
        entries = self.upgrade.entries
        down = steps.outage(self.upgrade_plan, entries) == "down"
        return rollback_steps.platform(entries[rollback_steps.CUT].get("started") if down else None, self.ledger.entries)

    def require_same_plan(self):
        """Of the modules that the upgrade was begun with; and one that has begun ends as it began, with the same databases."""
        begun, given = json.loads(self.upgrade.annotations.get(INPUTS) or "{}").get("modules"), self._inputs.get("modules")
        if begun and given and sorted(begun) != sorted(given):
            raise StepError(
                "the upgrade was begun with other modules",
                f"ConfigMap {self.upgrade.name}",
                ", ".join(begun),
                ", ".join(given),
                "what was done to the others would stay: run rollback.yml with the monq_modules that the upgrade was begun with",
            )
        seen = self.ledger.annotations.get(FINGERPRINT)
        if self.ledger.unfinished and seen and seen != steps.fingerprint(self.plan):
            prefix = "rollback.database."
            named = [key[len(prefix) :] for key in self.ledger.entries if key.startswith(prefix)]
            raise StepError(
                "the rollback that has begun has another list of steps",
                f"ConfigMap {self.ledger.name}",
                f"steps-sha256 {seen}",
                f"{steps.fingerprint(self.plan)}; databases given: {', '.join(self.databases) or 'none'}; begun so far: {', '.join(named) or 'none'}",
                "run rollback.yml with the variables that it was begun with, monq_rollback_databases above all",
            )


def rollback_run(params, check_mode, connection):
    """What every module of a rollback starts from; beside it stands arguments.guarded_run."""
    namespace, release = params["namespace"], params["plan"]["release"]["version"]
    own = RollbackLedger(connection, namespace, release).load()
    if own.unfinished:
        upgrade = upgrade_ledger(connection, namespace, release, own.attempt)
    else:
        upgrade = upgrade_ledger(connection, namespace, release)
        own = number(RollbackLedger(connection, namespace, release), upgrade.attempt)
    upgrade_plan = arguments.plan(params)
    databases = [item["microservice"] for item in params["databases"]]
    home = Monqctl(home=params["monqctl_home"])
    emergency = EmergencyCopies(params["emergency_directory"], params["emergency_host"], f"{release}-rollback")
    run = RollbackRun(
        upgrade,
        upgrade_plan,
        databases,
        rollback_steps.plan(upgrade_plan, databases, params["plan"]["configure"], params["plan"]["registry_replicas"]),
        own,
        Lease(connection, namespace, params["lock_duration"]),
        params["lock_id"],
        home.marker(),
        home.make_marker,
        params["resolve"],
        check_mode,
        {"databases": databases, "registry_replicas": params["plan"]["registry_replicas"], "modules": params["plan"]["modules"]},
        copies=emergency,
    )
    connection.fence = run.fence
    run.renew()
    return run
