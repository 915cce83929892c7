# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..engine.steps import IN_CONTEXT, MAKES_CONTEXT
from ..monqctl.output import tail
from .effects import Effects

LINES = 50  # lines of monqctl's output that a result keeps


def execute(session, prefix, secret="", effects=None):
    """Executes a phase's monqctl calls, each its own step; returns monqctl's output by step.

    The context is compared right before each call that must not reach another registry, and before the first of the
    other calls; not before calls that create the context.
    """
    outputs, compared, effects = {}, False, effects or Effects(session)
    for step in session.run.below(prefix):
        if not step.argv:
            continue
        makes = MAKES_CONTEXT in step.traits

        in_context = IN_CONTEXT in step.traits or not (compared or makes)

        def call(step=step, in_context=in_context, repeated=step.key in session.run.ledger.entries):
            nonlocal compared
            said = effects.after(
                step, lambda: session.monqctl.change(step.argv, secret, in_context=in_context), repeated=repeated
            )
            outputs[step.key] = tail(said, LINES)
            compared = compared or in_context
            return effects.evidence.get(step.key)

        configured = (step.argv, secret) if step.kind == "client" else None
        session.run.execute(step.key, call, configured=configured)
    session.warnings += effects.warnings
    return outputs
