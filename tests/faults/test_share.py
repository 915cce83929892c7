"""What CI runs: every step and every kind once, on two workers, each with an upgrade of its own; and every point of the track record."""

from __future__ import annotations

import pytest
from faults import points, record

MODULES = "pl"  # every class of step is in it
PARTS = 2


def of_the_record(modules=None):
    return [(row["modules"], points.Strike(row["step"], row["place"], row["kind"])) for row in record.track_record() if modules in (None, row["modules"])]


@pytest.mark.parametrize("part", range(PARTS))
def test_every_step_and_every_kind_once(chain, part):
    upgrade, strikes = chain(MODULES, lambda steps: points.shares(steps, [strike for _modules, strike in of_the_record(MODULES)], PARTS)[0][part])
    asked = [strike for strike in strikes if points.step_class(strike.step) == "SQL"]
    assert sum(upgrade.asked.values()) <= len(asked), "at most one answer for each interrupted migration"


def test_the_points_of_the_record_that_no_share_takes(chain, reference):
    """Of other modules, or two too many at one step: an upgrade for each."""
    steps = reference(MODULES)["steps"]
    left = points.shares(steps, [strike for _modules, strike in of_the_record(MODULES)], PARTS)[1]
    for modules, strike in of_the_record():
        if modules != MODULES or strike in left:
            chain(modules, lambda _steps, strike=strike: [strike])
