# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..engine.steps import IF_KNOWN, IN_CONTEXT
from .effects import Effects
from .registry_token import RegistryToken


def complete(session, releasehub_token="", until=""):
    """Executes the client steps that this home is missing, up to the first whose predecessors are not done. until: key
    of the last step."""
    token = RegistryToken(session.cluster, session.namespace, session.release, None)
    for step, secret in _steps(session, releasehub_token, token):
        # Even if it is done: after a killed rotation, the registry's own step comes first.
        if not session.run.may_begin(step.key):
            return
        _execute(session, step, secret(), token)
        if step.key == until:
            return


def is_due(session, releasehub_token=""):
    """Returns whether a client step is missing in this home, or was configured with other values, and could be executed
    now."""
    token = RegistryToken(session.cluster, session.namespace, session.release, None)
    for step, secret in _steps(session, releasehub_token, token):
        if not session.run.may_begin(step.key):
            return False
        if not session.run.is_done(step.key) or session.run.corrected(step.key, _configured(step, secret())):
            return True
    return False


def _steps(session, releasehub_token, token):
    """Yields each client step with a callable that returns its secret."""
    secrets = {"": lambda: "", "releasehub_token": lambda: releasehub_token, "registry_token": token.stored}
    for step in session.run.plan:
        if step.kind == "client":
            yield step, lambda step=step: secrets[step.secret]() or ""


def _configured(step, secret):
    # A step that only runs if the token is known is not repeated: the token's own step sets it once it is created.
    return None if IF_KNOWN in step.traits else (step.argv, secret)


def _execute(session, step, secret, token):
    effects = Effects(session)

    def call():
        if secret or IF_KNOWN not in step.traits:
            needed = secret or (token.required() if step.secret == "registry_token" else "")
            in_context = IN_CONTEXT in step.traits
            effects.after(step, lambda: session.monqctl.change(step.argv, needed, in_context=in_context))

    session.run.execute(step.key, call, configured=_configured(step, secret))
    session.warnings += effects.warnings
