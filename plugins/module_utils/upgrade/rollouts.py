# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..errors import MonqError
from ..k8s.watch import RolloutWatcher
from . import repair

NOT_WAITED_FOR = "Deployment {} is not waited for: it {}"


class RolloutGate:
    """Waits for the rollout of modules, as steps of the plan."""

    def __init__(self, session, timeout):
        self._session, self._timeout = session, timeout

    def execute(self, modules):
        """Executes each module's rollout step, with a single wait for all that are not done; returns {ready, exempt}
        over all modules."""
        run, report = self._session.run, {"ready": 0, "exempt": {}}
        keys = {module: f"upgrade.{module}.microservices.rollout" for module in modules}
        left = [module for module in modules if not run.is_done(keys[module])]
        waited = {}

        def wait():
            if not waited:
                waited.update(self._wait(left))
            return None

        for module in modules:
            known = run.execute(keys[module], lambda module=module: wait() or waited[module]) or {}
            report["ready"] += known.get("ready", 0)
            report["exempt"].update(known.get("exempt", {}))
        return report

    def _wait(self, modules):
        """{module: {ready, exempt}}."""
        session = self._session
        patterns = {module: session.release["modules"][module]["deployments"] for module in modules}
        watcher = RolloutWatcher(session.cluster, session.namespace, self._timeout, say=session.progress.say)
        try:
            return watcher.wait_for_groups(patterns, session.snapshot("cut-replicas"))
        except MonqError as exc:
            advice = repair.images(session.run, session.release, modules, exc.details.get("deployments") or {})
            exc.next_step += f"; {advice}" if advice else ""
            raise
