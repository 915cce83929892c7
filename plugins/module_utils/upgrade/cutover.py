# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..k8s import objects
from ..k8s.routes import to_cut
from ..k8s.watch import RouteWatcher, require_saved
from ..language import mark
from .last_exit import require_window
from .replicas import kubernetes_changes

CUT, WAIT = "upgrade.routing.cut", "upgrade.routing.wait"
COUNT_CHANGED = mark("{} has {} replicas now; {} were saved before the outage and will be restored")


class Cutover:
    """Removes the old routes. Everything that can be read or decided before the outage is."""

    def __init__(self, session, alias_domains, alias_ingresses):
        self._session, self._alias = session, (alias_domains, alias_ingresses)
        self.warnings = []

    def execute(self, pause, timeout, window=""):
        """Executes the cutover; returns the names of the routes that were, or would be, removed.

        window: the interval in which the outage may begin; a cutover that has begun is finished in any case. Raises
        StepError outside it.
        """
        run, doomed = self._session.run, []
        # As long as no new route can exist, any route with an old name is an old one.
        early = not any(key.startswith("upgrade.routing.apply.") for key in run.ledger.entries)
        if run.is_done("upgrade.snapshot.cut"):
            doomed = self._saved()
            if early:
                self._require_saved(doomed)
            if not run.is_done(CUT):
                self._compare_counts()
        watcher = RouteWatcher(self._session.cluster, self._session.namespace, timeout, say=self._session.progress.say)
        # Before the step's intent, which counts as the begin of the outage.
        if CUT not in run.ledger.entries and not self._session.check_mode:
            require_window(self._session.cluster, window)
        report = run.execute(CUT, lambda: {"removed": watcher.remove(doomed, pause)})
        if early and CUT in run.done:
            self._require_saved(doomed)  # something may have recreated one meanwhile
        if CUT in run.predicted:
            return [route["name"] for route in self._live()]
        return (report or {}).get("removed", [])

    def _select(self, ingresses):
        return to_cut(ingresses, self._session.release, self._session.modules, *self._alias)

    def _saved(self):
        return self._select(self._session.snapshot("cut")["ingresses"])

    def _live(self):
        return self._select(objects.routes(self._session.cluster, self._session.namespace))

    def _require_saved(self, saved):
        require_saved(saved, self._live(), self._session.namespace)

    def _compare_counts(self):
        """Warns about counts that changed between snapshot and cutover, which may be far apart after a cancelled
        job."""
        cluster, namespace = self._session.cluster, self._session.namespace
        before = self._session.snapshot("cut-replicas")
        changes = kubernetes_changes(before, objects.deployments(cluster, namespace), objects.hpas(cluster, namespace))
        self.warnings += [COUNT_CHANGED.format(*change) for change in changes]


def wait_for_routes(session, domains, timeout):
    """Waits until the new routes serve all domains; returns these. Nothing is returned if the step is predicted."""

    def wait():
        old = {ingress["metadata"]["uid"] for ingress in session.snapshot("cut")["ingresses"]}
        watcher = RouteWatcher(session.cluster, session.namespace, timeout, say=session.progress.say)
        return {"served": watcher.wait(old, domains)}

    return (session.run.execute(WAIT, wait) or {}).get("served", [])
