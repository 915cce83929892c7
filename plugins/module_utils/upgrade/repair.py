# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which done step to do again where its effect turns out to be missing: advice for error messages and findings."""

from __future__ import annotations

from ..k8s.rollout import matches
from ..language import mark

IMAGES = mark("if the image is missing in the registry, have it copied again: run site.yml with")
STEP = mark("to do this step again, run site.yml with")
NO_IMAGE = ("ImagePullBackOff", "ErrImagePull")


def module_of(release, modules, deployment):
    """The module that a Deployment belongs to, or None."""
    for module in modules:
        if matches(deployment, release["modules"][module]["deployments"]):
            return module
    return None


def images(run, release, modules, reasons):
    """How to copy the images again for Deployments that cannot pull theirs, or "". reasons: {Deployment: why late}."""
    unpulled = [name for name, why in reasons.items() if any(word in why for word in NO_IMAGE)]
    affected = [m for m in modules if m in {module_of(release, modules, name) for name in unpulled}]
    choices = [run.redo_choice(key) for module in affected for key in image_steps(run, module)]
    return _listed(IMAGES, choices)


def image_steps(run, module):
    keys = {step.key for step in run.plan}
    return [key for key in (f"prepare.{module}.images", f"upgrade.{module}.images") if key in keys]


def step(run, key):
    """How to do a step again, or ""."""
    known = any(step.key == key for step in run.plan)
    return _listed(STEP, [run.redo_choice(key)] if known else [])


def _listed(words, choices):
    found = [choice for choice in choices if choice]
    return "\n    ".join([words, *found]) if found else ""
