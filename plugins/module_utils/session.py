# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from . import arguments
from .bundle.verification import before_use
from .engine import sql_files
from .engine.lease import FRESH, Lease
from .engine.ledger import of_upgrade
from .engine.runner import StepRunner
from .engine.snapshots import SnapshotStore
from .engine.spool import Spool
from .monqctl.client import Monqctl
from .monqctl.registry import RegistryReplicas
from .monqctl.transcript import Transcript

# What determines the list of steps, in the operator's terms.
INPUTS = ("modules", "prefetch_images", "registry_replicas", "rollout_gate", "backup_databases", "backup_in_outage")


class Session:
    """What a module works with: one connection to the cluster, one read of the ledger, one monqctl."""

    def __init__(self, *, params, check_mode, cluster, run):
        self.params, self.check_mode = params, check_mode
        self.cluster, self.run = cluster, run
        self.release, self.modules = params["plan"]["release"], params["plan"]["modules"]
        self.namespace = params["namespace"]
        self.store = SnapshotStore(cluster, self.namespace, self.release["version"])
        self.lease = Lease(cluster, self.namespace, params["lock_duration"])
        self._monqctl = None
        self.progress = arguments.live_progress(params, *cluster.credentials)
        run.report_to(self.progress)
        self.warnings = []  # for the operator, from whatever is executed
        cluster.fence = lambda: run.fence(FRESH)
        run.renew()

    @classmethod
    def open(cls, *, params, check_mode=False, cluster=None, make_run=None):
        """Connects, reads the ledger and shows other starters that the holder of params["lock_id"] is alive.

        make_run: creates the step runner from params, check_mode and cluster; by default the upgrade's.
        """
        cluster = cluster or arguments.cluster(params)
        run = (make_run or upgrade_run)(params, check_mode, cluster)
        return cls(params=params, check_mode=check_mode, cluster=cluster, run=run)

    def again(self, **changed):
        """Opens the same session with other parameters, such as a lock that was just taken, and reads the ledger
        again."""
        return type(self).open(params={**self.params, **changed}, check_mode=self.check_mode, cluster=self.cluster)

    def result(self, warn):
        """What every module returns: changed and the steps. warn: shows a warning, as AnsibleModule.warn does."""
        for warning in self.warnings:
            warn(warning)
        return self.run.result()

    @property
    def patience(self):
        """Seconds for an effect: a call may return before its work is done."""
        return self.params["effect_timeout"]

    @property
    def folder(self):
        """The folder for this generation's dumps, results and reports, on the inventory host."""
        spool = Spool(self.params["spool_directory"], self.params["spool_host"], self.release["version"])
        return spool.folder(self.run.ledger.generation)

    @property
    def monqctl(self):
        if self._monqctl is None:
            kept = None if self.check_mode or not self.params["lock_id"] else Transcript(self.folder)
            self._monqctl = client(self.params, self.run.fence, self.cluster.credentials, kept, self.progress)
        return self._monqctl

    @property
    def registry(self):
        """The registry's replica counts; None where they are entered by hand."""
        if self.params["plan"]["registry_replicas"] == "manual":
            return None
        return RegistryReplicas(self.monqctl, self.params["replica_commands"])

    def snapshot(self, name):
        """A snapshot of the upgrade, verified against the digest in the ledger: original, original-replicas, cut or
        cut-replicas."""
        part, _dash, replicas = name.partition("-")
        stage = "prepare" if part == "original" else "upgrade"
        key = f"{stage}.{'replicas' if replicas else 'snapshot'}.{part}"
        return self.store.open(name, self.run.ledger.get(key)["result"])


def upgrade_run(params, check_mode, cluster):
    given, home = params["plan"], Monqctl(home=params["monqctl_home"])
    version = given["release"]["version"]
    return StepRunner(
        plan=arguments.plan(params),
        ledger=of_upgrade(cluster, params["namespace"], version),
        lease=Lease(cluster, params["namespace"], params["lock_duration"]),
        lock_id=params["lock_id"],
        home=home.marker(),
        make_home=home.make_marker,
        resolve=params["resolve"],
        check_mode=check_mode,
        inputs={name: given[name] for name in INPUTS},
        files=sql_files.digests(given["release"], given["modules"], given["variables"].get("release_source_dir")),
        spool=Spool(params["spool_directory"], params["spool_host"], version),
        approved=params["approved_plan"],
    )


def client(params, fence=None, secrets=(), transcript=None, progress=None):
    """monqctl as the parameters describe it. fence: called right before every changing call. secrets: further secrets
    that no text may show. transcript: keeps every call. progress: where its last line is said. A bundle is verified
    again right before a call that reads it."""
    return Monqctl(
        params["monqctl_path"],
        params["monqctl_home"],
        arguments.environment(params),
        params["monqctl_timeout"],
        params["monqctl_context"],
        params["client_rules"],
        fence=fence,
        secrets=[*arguments.known_secrets(params), *secrets],
        transcript=transcript,
        progress=progress,
        before=before_use((params.get("plan") or {}).get("variables") or {}, progress.say if progress else None),
    )
