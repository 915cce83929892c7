"""Fixtures of all tests that run on the sandbox: one sandbox for the whole session, in its own folder, removed at the
end."""

from __future__ import annotations

import os

import pytest

from .comparison import state
from .harness import Sandbox
from .shared import shared


def folder(part="", environ=None):
    """The sandbox's folder: one for each MONQ_TEST_SANDBOX, so that two sessions on one machine leave each other alone,
    and for each worker of pytest-xdist. part: what else is in its name."""
    given = environ or os.environ
    names = [part, given.get("MONQ_TEST_SANDBOX"), given.get("PYTEST_XDIST_WORKER")]
    return f"/var/tmp/monq-sandbox-{'-'.join(filter(None, names if any(names[1:]) else [part, 'test']))}-{os.getuid()}"


@pytest.fixture(scope="session")
def sandbox():
    made = Sandbox(folder())
    made("down")
    made("up", "--installation", "site-run")
    yield made
    if not os.environ.get("MONQ_TEST_KEEP"):
        made("down")


@pytest.fixture(scope="session")
def reference(sandbox):
    """Returns reference(modules): final state and migrations of an upgrade that nothing disturbs, as {"state":,
    "migrations": {"module|file|service": times}}. It is run once for all workers."""

    def undisturbed(modules):
        made = sandbox.installation("undisturbed", modules=modules, alias=True)
        try:
            run = made.play("site")
            assert run.rc == 0, run.text[-3000:]
            return {
                "state": state(made),
                "migrations": {"|".join(key): times for key, times in made.migrations().items()},
            }
        finally:
            made.close()
            sandbox("remove", "undisturbed")  # its processes would only slow the others down

    return lambda modules: shared(f"undisturbed-{modules}", lambda: undisturbed(modules))


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
