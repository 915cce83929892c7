"""What stands in the way of an object that is put back, and for how long."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import ApiError, MonqError
from ansible_collections.monq.platform.plugins.module_utils.rollback.differences import Change, content
from ansible_collections.monq.platform.plugins.module_utils.rollback.send import TRIES, Sending
from fake_cluster import DEPLOYMENTS, Clock, FakeCluster, deployment

PATH = f"{DEPLOYMENTS}/pl-a"


class World:
    def __init__(self):
        self.cluster, self.clock = FakeCluster(), Clock()
        self.sending = Sending(
            self.cluster, "production", DEPLOYMENTS, "Deployment", "apps/v1", 60, self.clock, self.clock.sleep
        )
        self.change = Change("create", "pl-a", None, content(deployment("pl-a", 3)))

    def posts(self):
        return [path for method, path in self.cluster.writes if method == "POST"]


@pytest.fixture
def world():
    return World()


def held():
    made = deployment("pl-a")
    made["metadata"].update(deletionTimestamp="2026-03-01T10:00:00Z", finalizers=["example.com/held"])
    return made


def test_an_old_one_on_its_way_out_is_waited_for(world):
    world.cluster.put(PATH, held())
    world.clock.at(30, lambda: world.cluster.drop(PATH))
    world.sending.send(world.change)
    assert 30 <= world.clock.now < 32 and world.cluster.objects[PATH]["spec"]["replicas"] == 3


def test_one_that_never_goes_is_told_with_its_finalizers(world):
    world.cluster.put(PATH, held())
    with pytest.raises(MonqError, match="stuck in deletion") as caught:
        world.sending.send(world.change)
    assert not isinstance(caught.value, ApiError), "it would be tried again as a conflict, and waited for as often"
    assert (
        "example.com/held" in caught.value.seen
        and "patch deployment pl-a" in caught.value.next_step
        and 60 <= world.clock.now < 62
    )


def test_one_that_somebody_else_has_made_meanwhile_is_looked_at_again(world):
    """A conflict, and nothing to wait for: what is left is read again."""
    world.cluster.put(PATH, deployment("pl-a"))
    left = [[world.change], []]
    world.sending.all(lambda: left.pop(0))
    assert len(world.posts()) == 1 and left == [] and world.clock.now < 2


def test_a_conflict_that_stays_ends(world):
    world.cluster.put(PATH, deployment("pl-a"))
    with pytest.raises(MonqError, match="1 failed"):
        world.sending.all(lambda: [world.change])
    assert len(world.posts()) == TRIES


def test_what_is_held_comes_last_and_all_of_it_is_waited_for_once(world):
    there = [
        world.cluster.put(f"{DEPLOYMENTS}/{name}", {**held(), "metadata": {**held()["metadata"], "name": name}})
        for name in ("pl-a", "pl-b")
    ]
    changes = [
        Change("create", obj["metadata"]["name"], obj, content(deployment(obj["metadata"]["name"]))) for obj in there
    ]
    changes.append(Change("create", "pl-z", None, content(deployment("pl-z"))))
    sent = []
    with pytest.raises(MonqError, match="2 failed"):
        world.sending.all(lambda: changes, lambda change: sent.append((change.name, world.clock.now)))
    assert sent == [("pl-z", 0)] and world.clock.now < 65
