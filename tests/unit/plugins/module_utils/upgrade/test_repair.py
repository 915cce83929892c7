"""The advice that is printed where the effect of a done step turns out to be missing."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from ansible_collections.monq.platform.plugins.module_utils.upgrade import repair
from repository import RELEASE

MODULES = ["pl", "cl"]


class Run:
    def __init__(self, **options):
        self.plan = steps.plan(RELEASE, MODULES, **options)

    def redo_choice(self, key):
        return None if key == "prepare.cl.images" else f"-e REDO {key}"


@pytest.mark.parametrize(
    ("reasons", "keys"),
    [
        ({"pl-x": "pod pl-x-1: ImagePullBackOff: not found"}, ["prepare.pl.images"]),
        ({"pl-x": "pod pl-x-1: ErrImagePull", "pl-y": "1 of 2 pods are available"}, ["prepare.pl.images"]),
        ({"pl-x": "pod pl-x-1: CrashLoopBackOff"}, []),
        ({"cl-x": "pod cl-x-1: ErrImagePull"}, []),  # not allowed: nothing is offered
        ({"other": "ErrImagePull"}, []),
    ],
)
def test_images_are_copied_again_for_what_cannot_pull(reasons, keys):
    advice = repair.images(Run(), RELEASE, MODULES, reasons)
    assert [line.split()[-1] for line in advice.splitlines()[1:]] == keys
    assert bool(advice) is bool(keys)


def test_without_prefetch_the_images_are_a_step_of_the_upgrade():
    advice = repair.images(Run(prefetch_images=False), RELEASE, MODULES, {"pl-x": "ErrImagePull"})
    assert advice.endswith("-e REDO upgrade.pl.images")


def test_a_step_that_is_not_in_the_plan_is_not_offered():
    assert repair.step(Run(), "upgrade.None.replicas.kubernetes") == ""
    assert repair.step(Run(), "upgrade.pl.replicas.registry").endswith("upgrade.pl.replicas.registry")
    manual = Run(registry_replicas="manual")
    assert repair.step(manual, "upgrade.pl.replicas.registry") == ""
