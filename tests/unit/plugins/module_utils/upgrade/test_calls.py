"""A phase of monqctl's calls in one process: each its own step, its argv out of the plan."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.upgrade import calls
from fake_session import FakeMonqctl, FakeSession, Runs
from repository import RELEASE

PLAN = steps.plan(
    RELEASE,
    ["pl", "cl"],
    configure=True,
    instance_name="i",
    registry_server="r",
    context="c",
    credential_name="x",
    releasehub_name="h",
)


class Unseen:
    """Effects are looked at in test_effects."""

    def __init__(self, session):
        self.warnings, self.evidence = ["a warning"], {}

    def after(self, step, call, effect=None, repeated=False):
        return call()


@pytest.fixture(autouse=True)
def unseen(monkeypatch):
    monkeypatch.setattr(calls, "Effects", Unseen)


def argv(prefix):
    return [step.argv for step in PLAN if step.key.startswith(prefix + ".")]


@pytest.mark.parametrize(
    "prefix",
    ["upgrade.pl.database", "upgrade.cl.database", "upgrade.pl.cache", "upgrade.routing.apply", "prepare.release_hub"],
)
def test_the_calls_of_a_phase_come_out_of_the_plan(prefix):
    session = FakeSession(run=Runs(PLAN))
    outputs = calls.execute(session, prefix, "t0ken")
    assert [call[0] for call in session.monqctl.changed] == argv(prefix) and argv(prefix)
    assert list(outputs) == session.run.done == [step.key for step in PLAN if step.key.startswith(prefix + ".")]
    assert {call[1] for call in session.monqctl.changed} == {"t0ken"}


@pytest.mark.parametrize(
    ("prefix", "compared"),
    [
        pytest.param("upgrade.pl.database", "every", id="trap 11: SQL"),
        pytest.param("upgrade.routing.apply", "every", id="trap 11: routing"),
        pytest.param("upgrade.pl.cache", "first", id="caches"),
        pytest.param("prepare.monqctl", "none", id="what makes the context"),
        pytest.param("prepare.release_hub", "every", id="the Release Hub's token"),
    ],
)
def test_the_context_is_compared(prefix, compared):
    session = FakeSession(run=Runs(PLAN))
    calls.execute(session, prefix)
    seen = [call[3] for call in session.monqctl.changed]
    assert (
        seen
        == {"every": [True] * len(seen), "first": [True] + [False] * (len(seen) - 1), "none": [False] * len(seen)}[
            compared
        ]
    )


def test_a_phase_goes_on_where_it_was_killed_and_compares_the_context_anew():
    keys = [step.key for step in PLAN if step.key.startswith("upgrade.pl.cache.")]
    session = FakeSession(run=Runs(PLAN, {keys[0]: {"state": "done"}}))
    assert list(calls.execute(session, "upgrade.pl.cache")) == keys[1:]
    assert session.monqctl.changed[0][3] is True


def test_what_fails_ends_the_phase():
    class Failing(FakeMonqctl):
        def change(self, argv, *given, **more):
            super().change(argv, *given, **more)
            raise CommandError("monqctl failed")

    session = FakeSession(run=Runs(PLAN), monqctl=Failing())
    with pytest.raises(CommandError):
        calls.execute(session, "upgrade.pl.database")
    assert len(session.monqctl.changed) == 1


def test_a_long_output_is_cut_to_its_end():
    class Talking(FakeMonqctl):
        def change(self, *given, **more):
            return "\n".join(str(number) for number in range(100))

    found = calls.execute(FakeSession(run=Runs(PLAN), monqctl=Talking()), "prepare.release_hub")
    assert [text.splitlines() for text in found.values()] == [[str(number) for number in range(50, 100)]]
