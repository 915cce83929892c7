# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from ..errors import MonqError
from ..monqctl.registry import TEMPLATE
from ..redaction.data import sanitise
from .effects import Effects, Template
from .template import as_text, transform

KEY = "prepare.registry_template.apply"


class TemplateStep:
    """Reads, transforms and applies the K8s template. Its passwords leave this process only to monqctl."""

    def __init__(self, session, alias_domains, ingress_secrets):
        self._session, self._alias_domains, self._secrets = session, alias_domains, ingress_secrets
        self.diff = {}

    def execute(self):
        """Executes the step; returns monqctl's output. diff then shows the changes, masked."""
        said = {}
        self._session.run.execute(KEY, lambda: said.update(output=self._apply()))
        if self._session.run.predicted:
            self._predict()
        return said.get("output", "")

    def _apply(self):
        wanted = self._transformed()
        content = json.dumps(wanted, ensure_ascii=False)
        step, effects = self._session.run.step(KEY), Effects(self._session)
        said = effects.after(
            step, lambda: self._session.monqctl.change(step.argv, content=content), Template(self._session, wanted)
        )
        self._session.warnings += effects.warnings
        return said

    def _transformed(self):
        present = self._session.monqctl.read_json(*TEMPLATE)
        wanted = transform(present, self._alias_domains, self._secrets)
        known = self._session.monqctl.secrets
        self.diff = {"before": as_text(sanitise(present, known)), "after": as_text(sanitise(wanted, known))}
        return wanted

    def _predict(self):
        try:
            self._transformed()
        except MonqError:
            # If prepare has yet to create the context, there is no template to show.
            if not self._session.params["plan"]["configure"]:
                raise
