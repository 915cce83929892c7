# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .. import arguments
from ..bundle.verification import remembered_in
from ..engine import progress, steps
from ..engine.snapshots import orphans
from ..errors import ApiError, ApiUnreachable, InputError, MonqError
from ..outage.watching import settings
from ..postgres import dump
from ..redaction.text import known
from ..session import Session, client
from ..upgrade.home import is_due
from ..upgrade.last_exit import now_of
from ..upgrade.registry_token import RegistryToken
from ..upgrade.schedule import WINDOW, Window
from . import bundle, clocks, cluster, consul, host, inputs, postgres, registry
from .examination import Examination, is_gone
from .finding import STOP, finding, inside_outage, lost_ledger, merged, of_error

CHECKS = ("inputs", "cluster", "registry", "databases")


class Preflight:
    """Reads everything that could block the upgrade, and changes nothing. Every check runs: whatever one raises becomes
    a finding."""

    def __init__(self, given, rollback, remember=False):
        """rollback: describes an unfinished rollback, given cluster, namespace and release; returns an empty string if
        there is none. remember: whether the next stage may know which contents of a bundle were verified."""
        self._given, self._rollback, self._remember = given, rollback, remember
        self._made = Examination(_secrets(given))
        self._connection = self.session = None
        self._lost = False
        self.report = {**host.UNREAD, "findings": []}

    def run(self, checks=CHECKS):
        """Returns the report: findings, state of the ledger, and what is left to do."""
        make = self._made.make
        if "inputs" in checks:
            make("inputs", lambda: inputs.examine(self._given, _secrets(self._given)), subject="variables")
        make("inputs", self._plan, subject="monq_modules")
        make("inputs", self._watch, subject="monq_probe_url and monq_silence")
        make("kubernetes.connection", self._connect, subject="monq_kubeconfig")
        if self._connection:
            make("ledger", self._open, subject="the ledger")
        if self.session:
            make("steps", self.session.run.require_same_plan, subject="the list of steps")
            make("steps", self.session.run.require_known_decisions, subject="monq_resolve")
            make("ledger", self._look, subject="the ledger")
        if not self.report["finished"]:
            make("host.library", self._libraries, checks, subject="the Python that runs modules")
        if "cluster" in checks and self._connection:
            make("kubernetes.read", self._cluster, subject="the cluster")
            make("window", self._window, subject=WINDOW)
        if "registry" in checks and not self._lost:
            make("monqctl", self._registry, subject="monqctl and the registry")
            make("bundle.manifest", self._bundle, subject="monq_bundle_dir")
        # Inside the outage the way out is forward: the dumps exist, and the SQL may have changed owners.
        if "databases" in checks and not (self.report["cut"] or self.report["finished"] or self._lost):
            make("postgresql.reachable", self._databases, subject="PostgreSQL")
            make("clock.skew", lambda: clocks.of_database(self._with_databases()), subject="PostgreSQL")
            if (self._given.get("consul") or {}).get("url"):
                make("postgresql.settings", self._consul, subject="Consul")
        self.report["findings"] = self._shown()
        return self.report

    @property
    def generation(self):
        """The upgrade's number; None if the ledger cannot be read."""
        return self.session.run.ledger.generation if self.session else None

    def _shown(self):
        """The findings, each once, without a known secret in any of their texts."""
        secrets = known([*_secrets(self._given), *getattr(self._connection, "credentials", ())])
        masked = [_masked(one, secrets) for one in self._made.findings]
        return merged(masked)

    def _plan(self):
        arguments.plan(self._given)
        arguments.known_secrets(self._given)

    def _libraries(self, checks):
        found = host.libraries(self._given, checks)
        return inside_outage(found) if self.report["cut"] else found

    def _connect(self):
        try:
            self._connection = arguments.cluster(self._given)
        except InputError as exc:
            return [of_error("inputs", exc)]
        return []

    def _open(self):
        """Reads the ledger if the account may."""
        try:
            self.session = Session.open(params=self._given, check_mode=True, cluster=self._connection)
        except InputError:  # the variable that makes no plan is a finding already
            return []
        except (ApiUnreachable, ApiError) as exc:
            if is_gone(exc):
                self._connection = None
                return [of_error("kubernetes.connection", exc)]
            if exc.status != 403:  # the permission check names the missing verb
                raise
        return []

    def _look(self):
        """Reads the state of the ledger. If it is finished, only the installation's identity is still checked."""
        session, run = self.session, self.session.run
        finished = run.all_done(lambda step: step.kind != "client")
        self.report.update(
            finished=finished,
            prepared=finished or run.all_done(lambda step: step.key.startswith("prepare.")),
            cut=bool(run.ledger.get("upgrade.routing.cut")),
        )
        snapshots = orphans(session.cluster, session.namespace, session.release["version"], run.ledger)
        lost = lost_ledger(session.release, session.namespace, snapshots) if snapshots else None
        self._lost = bool(lost)
        self.report["ledger"] = {
            **progress.overview(run, lost=lost),
            "lock": _holder(session),
            "rollback": self._rollback(session.cluster, session.namespace, session.release["version"]),
        }
        self.report["home_due"] = is_due(session, self._given["releasehub_token"])

    def _cluster(self):
        return cluster.examine(self._connection, self._given, self.session, self.report)

    def _watch(self):
        """Nobody wants to learn right before the outage that it cannot be watched."""
        settings(*(self._given.get(name) for name in ("probe_url", "probe_expect", "silence")))

    def _window(self):
        """A run with the outage starts within the window; a removal of routes that has begun is finished anyway."""
        text = self._given.get("outage_window")
        if not text or self.report["cut"] or self.report["finished"]:
            return []
        window = Window(text)
        problem = window.problem(now_of(self._connection)) if self._given["confirmation_required"] else ""
        return [finding("window", STOP, text=text, problem=problem)] if problem else []

    def _registry(self):
        run = self.session.run if self.session else None
        release, secrets = self._given["plan"]["release"], getattr(self._connection, "credentials", ())
        token = RegistryToken(self._connection, self._given["namespace"], release, None)
        seen = registry.examine(client(self._given, secrets=secrets), self._given, run, token.stored, self.report)
        self.report["deferred"] = seen["deferred"]
        return seen["findings"]

    def _bundle(self):
        """The whole bundle, which is not read any more once everything is done."""
        if self.report["finished"]:
            return []
        given = self._given
        kept = remembered_in(given["spool_directory"], given["spool_host"]) if self._remember else ""
        said = self.session.progress if self.session else arguments.live_progress(given)
        found = bundle.examine(given["plan"]["variables"], given["plan"]["release"], kept, said.say)
        return inside_outage(found) if self.report["cut"] else found

    def _databases(self):
        return postgres.inspect(self._with_databases())["findings"]

    def _consul(self):
        given = self._with_databases()
        environment = given["consul"].get("environment") or given["environment"]
        where = {**given["consul"], "environment": environment}
        return consul.examine(where, given["databases"], given["postgresql"], _secrets(given))

    def _with_databases(self):
        """The parameters, with the databases that are dumped."""
        plan = self._given["plan"]
        known = [module for module in plan["modules"] if module in plan["release"]["modules"]]
        names = steps.backed_up(plan["release"], known, plan["backup_databases"])
        return {**self._given, "databases": dump.databases(names, self._given["database_names"])}


def _secrets(given):
    """What no text may show; where the list itself cannot be read, that is a finding of the inputs."""
    try:
        return arguments.known_secrets(given)
    except MonqError:
        return []


def _masked(value, secrets):
    if isinstance(value, dict):
        return {name: _masked(item, secrets) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(item, secrets) for item in value]
    return secrets.mask(value) if isinstance(value, str) else value


def _holder(session):
    """The holder of the lock. The permission check reports a missing verb."""
    try:
        return session.lease.holder()
    except ApiError as exc:
        if exc.status != 403:
            raise
        return "unknown"
