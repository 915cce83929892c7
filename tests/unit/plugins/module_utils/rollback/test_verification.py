"""The check at the end of a rollback: what differs is named, and put back by the next run."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.rollback.verification import differences
from fake_cluster import DEPLOYMENTS, INGRESSES, ingress
from fake_rollback import World, all_steps, begun, lock


@pytest.fixture
def world():
    return World()


def test_the_check_names_what_differs(world):
    world.upgrade()
    with pytest.raises(MonqError, match="does not match its pre-upgrade state") as caught:
        world.rollback().check()
    for part in (
        "Deployment pl-a",
        "Deployment pl-new",
        "Ingress pl-api",
        "Ingress frontend-box",
        "template",
        "pl-a in the registry",
    ):
        assert part in caught.value.seen


def checked(world, taken):
    """Everything up to the check is done; then somebody changes what was put back, and the check fails."""
    world.upgrade()
    keys = all_steps(world, world.rollback())
    for key in keys[: keys.index("rollback.installation.check")]:
        world.settle()
        world.rollback(world.run(taken)).perform(key)
    world.cluster.drop(f"{INGRESSES}/frontend-box")
    world.cluster.put(f"{INGRESSES}/pl-api", ingress("pl-api", "monq.example.org"))
    world.cluster.objects[f"{DEPLOYMENTS}/pl-a"]["spec"]["replicas"] = 1
    world.monqctl.template = {"JsonConfig": {"v": 6}}
    world.monqctl.services[0]["Replicas"] = 1
    with pytest.raises(MonqError, match="does not match its pre-upgrade state") as caught:
        world.rollback(world.run(taken)).perform("rollback.installation.check")
    assert "restores what differs" in caught.value.next_step
    assert f"{INGRESSES}/pl-api" in world.cluster.objects, "the first look changes nothing"
    world.clock.at(world.clock.now + 1, world.settle)


def test_the_next_run_puts_back_what_the_check_has_found(world):
    """The steps of before are done and stay skipped: the check does their work, and the printed advice is true."""
    taken = lock(world)
    checked(world, taken)
    run = world.run(taken)
    world.rollback(run).perform("rollback.installation.check")
    assert run.done == ["rollback.installation.check"] and run.changed, "a gate that has changed something says so"
    world.rollback(world.run(taken)).perform("rollback.ledger.archive")
    assert (
        world.installation() == world.before
        and world.monqctl.template == {"JsonConfig": {"v": 5}}
        and world.monqctl.services[0]["Replicas"] == 3
    )


def test_what_cannot_be_put_back_again_keeps_no_other_back_and_is_told(world):
    taken = lock(world)
    checked(world, taken)

    def refused(*_given, **_more):
        raise CommandError("monqctl failed", seen="no space left")

    world.monqctl.change = refused
    with pytest.raises(MonqError, match="does not match its pre-upgrade state") as caught:
        world.rollback(world.run(taken)).perform("rollback.installation.check")
    assert "template" in caught.value.seen and "no space left" in caught.value.seen
    assert "Ingress" not in caught.value.seen and "Deployment" not in caught.value.seen


def test_a_check_without_a_difference_changes_nothing_the_second_time(world):
    taken = lock(world)
    begun_and_whole = all_steps(world, world.rollback())
    for key in begun_and_whole[: begun_and_whole.index("rollback.installation.check")]:
        world.rollback(world.run(taken)).perform(key)
    begun(world, "rollback.installation.check", "failed")
    run = world.run(taken)
    world.rollback(run).perform("rollback.installation.check")
    assert not run.changed and differences(world.rollback()) == [] and world.installation() == world.before
