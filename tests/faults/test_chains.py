"""`make faults`: kills one upgrade at every step in turn, for each of the three places, and strikes with each kind once
in each class of step.

pl alone has every class of step; `make faults MODULES=pl,sm,cl,fm` kills at every step of all modules, and takes nearly
twice as long."""

from __future__ import annotations

import os

import pytest
from faults import points, record
from faults.upgrade import plan

MODULES = os.environ.get("MODULES") or "pl"


@pytest.mark.parametrize("place", points.PLACES)
def test_killed_at_every_step(chain, place):
    upgrade, strikes = chain(MODULES, lambda steps: points.place_chain(steps, place))
    asked = [strike.step for strike in strikes if points.step_class(strike.step) == "SQL"]
    assert dict(upgrade.asked) == dict.fromkeys(asked, 1), "exactly one answer for each interrupted migration"


@pytest.mark.parametrize("kind", points.KINDS)
def test_a_kind_at_every_class_of_step(chain, kind):
    strikes = points.kind_chain(points.mutating(plan(["pl"])), kind)
    assert {points.step_class(strike.step) for strike in strikes} == set(points.KINDS[kind][0]), (
        "a class without a strike"
    )
    # A module that outlives ansible-playbook executes the other steps of its call by itself.
    for part in points.apart(strikes) if kind == "kill-ansible" else [strikes]:
        upgrade, _strikes = chain("pl", lambda steps, part=part: part)
        asked = [strike for strike in part if points.step_class(strike.step) == "SQL"]
        assert sum(upgrade.asked.values()) <= len(asked), "at most one answer for each interrupted migration"


def test_the_track_record(chain):
    for modules, strikes in record.strikes().items():
        for chosen in points.layers(strikes):
            chain(modules, lambda steps, chosen=chosen: points.in_order(steps, chosen))
