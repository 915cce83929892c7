"""The share: every step and every kind once, on two workers, each with its own upgrade; and every point of the track
record."""

from __future__ import annotations

import pytest
from faults import points, record

MODULES = "pl"  # it contains every class of step
PARTS = 2


@pytest.mark.parametrize("part", range(PARTS))
def test_every_step_and_every_kind_once(chain, part):
    recorded = record.strikes().get(MODULES, [])
    upgrade, strikes = chain(MODULES, lambda steps: points.shares(steps, recorded, PARTS)[0][part])
    asked = [strike for strike in strikes if points.step_class(strike.step) == "SQL"]
    assert sum(upgrade.asked.values()) <= len(asked), "at most one answer for each interrupted migration"


def test_the_points_of_the_record_that_no_share_takes(chain, reference):
    """Covers points of other modules, and those that are too many at one step."""
    for modules, strikes in record.strikes().items():
        left = points.shares(reference(modules)["steps"], strikes, PARTS)[1] if modules == MODULES else strikes
        for chosen in points.layers(left):
            chain(modules, lambda steps, chosen=chosen: points.in_order(steps, chosen))
