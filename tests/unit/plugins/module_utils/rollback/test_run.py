"""The run of a rollback: the lock, the order of its steps, the word that goes on, check mode."""

from __future__ import annotations

import json

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine.ledger import Ledger
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError, LockError, StepError
from ansible_collections.monq.platform.plugins.module_utils.rollback import run as rollback_run
from ansible_collections.monq.platform.plugins.module_utils.rollback.ledger import RollbackLedger
from fake_cluster import CONFIGMAPS, INGRESSES, LEASES, SECRETS
from fake_rollback import UPGRADE, World, begun
from repository import RELEASE


@pytest.fixture
def world():
    return World()


def test_steps_refuse_without_the_lock_and_before_their_predecessors(world):
    world.upgrade()
    for run, message in ((world.run(), "must come first|does not hold the lock"),):
        with pytest.raises(StepError, match=message):
            world.rollback(run).perform("rollback.routing.remove")
    assert not [path for _method, path in world.cluster.writes if path.startswith(INGRESSES)]
    assert f"{LEASES}/monq-upgrade" not in world.cluster.objects
    with pytest.raises(StepError) as caught:
        world.rollback(world.run()).perform("rollback.diagnostics.save")
    assert caught.value.platform.startswith("DOWN since 2026-03-01T10:00:00Z")


def test_check_mode_predicts_and_does_nothing(world):
    world.upgrade()
    writes = len(world.cluster.bodies)
    run = world.run(check_mode=True)
    for step in run.plan:
        world.rollback(run).perform(step.key)
    assert run.predicted == [step.key for step in run.plan] and run.changed
    assert len(world.cluster.bodies) == writes and world.monqctl.calls == []


def test_other_modules_than_the_upgrade_was_begun_with_refuse(world):
    notes = world.cluster.objects[f"{CONFIGMAPS}/monq-upgrade-6.0.0"]["metadata"]["annotations"]
    notes["monq.platform/steps-from"] = json.dumps({"modules": ["pl", "fm"]})
    with pytest.raises(StepError, match="started with different modules"):
        world.run(inputs={"modules": ["pl"]}).require_same_plan()
    world.run(inputs={"modules": ["fm", "pl"]}).require_same_plan()


@pytest.mark.parametrize("read", ["template_differs", "registry_counts", "registry_entries"])
def test_another_context_is_another_registry_at_the_step_too(world, read):
    def wrong():
        raise CommandError("monqctl's current context is not the expected one")

    world.upgrade().monqctl.require_context = wrong
    with pytest.raises(CommandError, match="not the expected one"):
        getattr(world.rollback(), read)()


def test_monqctl_learns_the_token_that_the_registry_demands(world):
    """A run that was killed between the variable and the credential left a registry that monqctl cannot ask."""
    world.record("prepare.registry_token.env", state="intent")
    token = RELEASE["registry_token"]
    world.cluster.put(
        SECRETS + "/" + token["secret"], {"metadata": {"name": token["secret"]}, "data": {token["key"]: "dG9rZW4="}}
    )
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    for key in ("rollback.diagnostics.save", "rollback.routing.remove"):
        world.rollback(world.run(lock)).perform(key)
    world.settle()
    rollback = world.rollback(world.run(lock, home="home"))
    told = []
    rollback.monqctl.change = lambda argv, secret="", content=None, in_context=True: told.append((argv[:3], secret))
    rollback.restore_registry = dict
    rollback.perform("rollback.registry")
    assert told == [(["config", "set", "credential"], "token")]


def test_a_step_that_fails_names_the_word_that_goes_on_without_it(world):
    """A registry that is out of order must not keep the platform down."""
    world.upgrade()
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")
    for key in ("rollback.diagnostics.save", "rollback.routing.remove", "rollback.registry"):
        world.rollback(world.run(lock)).perform(key)
    world.monqctl.down = True
    with pytest.raises(CommandError) as failed:
        world.rollback(world.run(lock)).perform("rollback.registry_template.apply")
    word = {"rollback.registry_template.apply": {"answer": "accept", "attempt": failed.value.details["attempt"]}}
    assert json.dumps({"monq_resolve": word}) in failed.value.next_step
    world.rollback(world.run(lock, resolve=word)).perform("rollback.registry_template.apply")
    assert (
        RollbackLedger(world.cluster, "production", "6.0.0").load().get("rollback.registry_template.apply")["state"]
        == "accepted"
    )


def test_a_run_that_lost_the_lock_is_offered_no_word(world):
    """Another run holds it by then: there is nothing to go on with."""
    lock = rollback_run.Lease(world.cluster, "production", 120, world.clock, world.clock.sleep).acquire("us")

    def lost():
        raise LockError("the lock is lost")

    rollback = world.rollback(world.run(lock))
    rollback.save_diagnostics = lost
    with pytest.raises(LockError) as caught:
        rollback.perform("rollback.diagnostics.save")
    assert "accept" not in caught.value.next_step


def test_sql_of_a_database_whose_step_was_accepted_is_carried():
    world = World([{"microservice": "pl-i18n-service", "database": "pl_i18n_service"}])
    sql = next(step.key for step in UPGRADE if step.ask and "pl-i18n-service" in step.key)
    for state, carried in (("accepted", [sql]), ("done", [])):
        world.upgrade().record(sql)
        begun(world, "rollback.database.pl-i18n-service", state)
        world.rollback().archive()
        assert list(Ledger(world.cluster, "production", "6.0.0").load().entries) == carried
        world = World(world.databases)
