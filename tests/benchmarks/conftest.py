"""A sandbox of the benchmarks' own, and the figures, which are kept as soon as they are known."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import figures  # noqa: E402
from support import fixtures  # noqa: E402
from support.harness import Sandbox  # noqa: E402

install = fixtures.install


@pytest.fixture(scope="session")
def sandbox():
    made = Sandbox(f"/var/tmp/monq-sandbox-bench-{os.getuid()}")
    made("down")
    made("up", "--installation", "site-run")
    yield made
    if not os.environ.get("MONQ_TEST_KEEP"):
        made("down")


def pytest_configure():
    figures.clear()


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("figures")
    for line in figures.table(figures.rows()):
        terminalreporter.write_line(line)
