"""What the lock's module asks before and after it waited for the Lease."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import MonqError, StepError
from ansible_collections.monq.platform.plugins.modules.lock import begin


class Lease:
    def __init__(self):
        self.released = []

    def release(self, lock_id):
        self.released.append(lock_id)


class Run:
    def __init__(self, other_plan=False):
        self._other_plan = other_plan

    def require_same_plan(self):
        if self._other_plan:
            raise StepError("the list of steps is another one")

    @staticmethod
    def begin():
        return ["prepare.registry.update"]


def refuse(_run=None):
    raise MonqError("a rollback has begun")


def agree(_run):
    return None


def test_the_lock_is_kept_and_what_was_imported_is_told():
    lease, run = Lease(), Run()
    assert begin(lease, lambda: run, agree, "id") == (run, ["prepare.registry.update"]) and lease.released == []


@pytest.mark.parametrize(
    ("load", "require"),
    [
        pytest.param(refuse, agree, id="the API server does not answer any more"),
        pytest.param(lambda: Run(other_plan=True), agree, id="another upgrade was begun while this one waited"),
        pytest.param(Run, refuse, id="a rollback was begun while this one waited"),
    ],
)
def test_what_goes_wrong_after_the_lock_was_taken_gives_it_back(load, require):
    lease = Lease()
    with pytest.raises(MonqError):
        begin(lease, load, require, "id")
    assert lease.released == ["id"]
