"""The share: every step of pl and every kind once, on two workers, each with its own upgrade; and every point of the
track record, in the same upgrades."""

from __future__ import annotations

import pytest
from faults import points, record
from faults.upgrade import plan

MODULE = "pl"  # it contains every class of step
MODULES = record.modules(MODULE)
PARTS = 2


@pytest.mark.parametrize("part", range(PARTS))
def test_every_step_every_kind_and_the_record(chain, reference, part):
    recorded = [strike for strikes in record.strikes().values() for strike in strikes]
    order = points.mutating(plan(MODULES))
    chains, left = points.shares(points.mutating(plan([MODULE])), recorded, PARTS)
    assert left == [], "more points at one step than chains: one chain more"
    if part == 0:
        reference(",".join(MODULES))
    upgrade, strikes = chain(",".join(MODULES), lambda _steps: points.in_order(order, chains[part]))
    asked = [strike for strike in strikes if points.step_class(strike.step) == "SQL"]
    assert sum(upgrade.asked.values()) <= len(asked), "at most one answer for each interrupted migration"
