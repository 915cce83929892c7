"""Fixtures of the fault tests: a sandbox for each worker, an uninterrupted run as the common reference, and the table
at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults import points, record  # noqa: E402
from faults.upgrade import Broken, Upgrade, again, plan  # noqa: E402
from support.comparison import state  # noqa: E402
from support.fixtures import folder  # noqa: E402
from support.harness import Sandbox  # noqa: E402
from support.shared import shared  # noqa: E402


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        record.clear()


def pytest_terminal_summary(terminalreporter):
    found = record.rows()
    if found:
        terminalreporter.section("faults")
        for line in record.text(found):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def sandbox():
    """Returns a sandbox for this worker, which no other tests use."""
    made = Sandbox(folder("faults"))
    for line in Path("/proc/mounts").read_text().splitlines():  # the small disk of an earlier session that was killed
        if line.split()[1].startswith(f"{made.dir}/"):
            subprocess.run(["umount", line.split()[1]], check=True)
    made("down")
    made("up", "--installation", "site-run", "--modules", "pl")
    yield made
    if not os.environ.get("MONQ_TEST_KEEP"):
        made("down")


def _uninterrupted(sandbox, modules):
    made = sandbox.installation("by-hand", modules=modules, alias=True)
    made.close()
    upgrade = Upgrade(sandbox, "by-hand")
    try:
        rc, text = upgrade.run()
        assert rc == 0, text[-4000:]
        counted = {"|".join(key): runs for key, runs in upgrade.migrations().items()}
        steps = points.recorded(upgrade.ledger(), upgrade.plan)
        assert steps == points.mutating(upgrade.plan), "the run has recorded other steps than the plan has"
        return {
            "state": state(upgrade),
            "migrations": counted,
        }
    finally:
        upgrade.close()
        sandbox("remove", "by-hand")  # its processes would only slow the others down


@pytest.fixture(scope="session")
def reference(sandbox):
    """Returns reference(modules): final state and migrations of an undisturbed run, recorded once for all workers."""
    return lambda modules: shared(f"reference-{modules}", lambda: _uninterrupted(sandbox, modules))


@pytest.fixture
def chain(sandbox, reference, request):
    """Returns chain(modules, strikes): runs one upgrade, strikes at each point in turn, resumes it each time, finishes
    it and compares the result."""
    made = []

    def go(modules, choose):
        sandbox.installation("site-run", modules=modules, alias=True).close()
        strikes = choose(points.mutating(plan(modules.split(","))))
        upgrade = Upgrade(sandbox, "site-run")
        made.append(upgrade)
        if any(strike.kind == "disk-full" for strike in strikes):
            upgrade.small_disk()
        for strike in strikes:
            try:
                record.keep(request.node.name, upgrade.strike(strike)._asdict())
            except BaseException as exc:
                told = str(exc).splitlines()[0][:200] if str(exc) else type(exc).__name__
                record.keep(request.node.name, _failed(modules, strike, told))
                if isinstance(exc, Broken):
                    raise
                raise Broken(f"{strike}: {exc!r}{again(strike, modules.split(','))}") from exc
        try:
            upgrade.end(reference(modules), strikes)
        except BaseException as exc:
            record.keep(
                request.node.name, _failed(modules, strikes[-1], f"at the end: {str(exc).splitlines()[0][:200]}")
            )
            raise
        return upgrade, strikes

    yield go
    for upgrade in made:
        upgrade.close()


def _failed(modules, strike, told):
    return {
        "modules": modules,
        "step": strike.step,
        "step_class": points.step_class(strike.step),
        "place": strike.place,
        "kind": strike.kind,
        "where": "",
        "result": f"FAILED: {told}",
        "runs": 0,
        "seconds": 0,
        "cpu": 0,
    }
