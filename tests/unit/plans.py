"""The plan of the release for a choice of modules, with the variables of a test."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.engine import steps
from repository import CHOICES, RELEASE

VARIABLES = {
    "context": "production",
    "instance_name": "monq",
    "credential_name": "cred",
    "releasehub_name": "hub",
    "releasehub_server": "https://release-hub.monqlab.com",
    "registry_server": "https://registry.monq.test",
    "registry_source_dir": "",
    "registry_k8s_api": "",
    "release_source_dir": "",
}
FULL = ["pl", "sm", "cl", "fm"]
BY_CHOICE = pytest.mark.parametrize("modules", CHOICES, ids=" ".join)


def make(modules=None, **given):
    return steps.plan(RELEASE, modules or list(FULL), **{**VARIABLES, **given})


def keys(plan):
    return [step.key for step in plan]
