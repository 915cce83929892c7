"""Fixtures of all tests that run on the sandbox: one sandbox for the whole session, in its own folder, removed at the
end."""

from __future__ import annotations

import os

import pytest

from .harness import Sandbox


@pytest.fixture(scope="session")
def sandbox():
    worker = os.environ.get("PYTEST_XDIST_WORKER", "test")  # one for each worker of pytest-xdist
    made = Sandbox(f"/var/tmp/monq-sandbox-{worker}-{os.getuid()}")
    made("down")
    made("up", "--installation", "site-run")
    yield made
    if not os.environ.get("MONQ_TEST_KEEP"):
        made("down")


@pytest.fixture(scope="module")
def install(sandbox):
    """Returns install(name, modules=…, alias=…), which creates a fresh 5.9.3."""
    made = []

    def make(name, **options):
        made.append(sandbox.installation(name, **options))
        return made[-1]

    yield make
    for installation in made:
        installation.close()
