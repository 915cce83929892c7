"""Adds up pytest's JUnit files, with a line for each stage and one for all, so that the end of a long log shows what
ran; and names each skipped test with its reason. In CI (MONQ_CI set) a test that is skipped is a failure: what a test
needs is there, and one that nobody sees skipped proves nothing. Elsewhere it is only shown."""

from __future__ import annotations

import os
import sys
from collections import namedtuple
from pathlib import Path
from xml.etree import ElementTree

# May be skipped in CI too: names of tests without their parameters, or of files with a dot behind them.
ALLOWED = {
    # Need user or network namespaces, which a container may lack. Shown, so that somebody sees it.
    "tests.integration.test_bastion.",
    "tests.integration.test_bundle.",
    "tests.integration.test_stages.test_the_pods_user_is_another_one",
    # Needs CAP_SYS_ADMIN, which a container may lack; the file size limit is tested in its place, everywhere.
    "tests.integration.test_postgresql_backup_failures.test_trap_39_a_full_disk",
    # One fault that a developer asks for by STEP, PLACE and KIND.
    "tests.faults.test_point.test_point",
}

# skips: [(name of the test, reason)]
Count = namedtuple("Count", "passed failed skipped skips")


def count(path: str) -> Count:
    """Returns what became of the tests of one file."""
    total = failed = skipped = 0
    skips = []
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
        for case in suite.iter("testcase"):
            name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
            skips += [(name, one.get("message") or "no reason") for one in case.iter("skipped")]
    return Count(total - failed - skipped, failed, skipped, skips)


def main(paths: list[str]) -> int:
    counts = [count(path) for path in paths]
    for path, one in zip(paths, counts):
        print(f"{Path(path).stem}: {one.passed} passed, {one.failed} failed, {one.skipped} skipped")
    passed, failed, skipped = (sum(column) for column in zip(*(one[:3] for one in counts))) if counts else (0, 0, 0)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    skips = [skip for one in counts for skip in one.skips]
    for name, reason in skips:
        print(f"skipped: {name}: {reason}")
    refused = [name for name, _reason in skips if not _allowed(name.partition("[")[0])]
    refused = refused if os.environ.get("MONQ_CI") else []
    if refused:
        print(f"In CI no test may be skipped but those of ALLOWED in tests/tools/test_summary.py: {', '.join(refused)}")
    return 1 if failed or not passed or refused else 0


def _allowed(name: str) -> bool:
    return name in ALLOWED or f"{name.rpartition('.')[0]}." in ALLOWED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
