# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..monqctl.output import tail
from .calls import LINES
from .counts import CountRestore
from .effects import Effects
from .registry_token import TokenSteps
from .rollouts import RolloutGate


class Microservices:
    """Executes a module's steps from Replace to rollout, in the plan's order."""

    def __init__(self, session, module, timeout):
        self._session, self._module = session, module
        self._counts = CountRestore(session)
        self._token = TokenSteps(session, timeout)
        self._rollout = RolloutGate(session, timeout)
        self._report = {"output": "", "ready": 0, "exempt": {}}

    def execute(self):
        """Executes the steps; returns their reports in one dict."""
        prefix = f"upgrade.{self._module}."
        for step in self._session.run.plan:
            part = step.key[len(prefix) :] if step.key.startswith(prefix) else ""
            if part == "microservices.replace":
                self._session.run.execute(step.key, lambda step=step: self._replace(step))
            elif part == "registry.env":
                self._token.execute(step)
            elif part.startswith("replicas."):
                self._counts.execute(step.key)
            elif part == "microservices.rollout" and self._waits_here():
                self._report.update(self._rollout.execute([self._module]))
        return {**self._report, **self._counts.report}

    def _waits_here(self):
        return self._session.params["plan"]["rollout_gate"] == "module"

    def _replace(self, step):
        effects = Effects(self._session)
        self._report["output"] = tail(effects.after(step, lambda: self._session.monqctl.change(step.argv)), LINES)
        self._session.warnings += effects.warnings
