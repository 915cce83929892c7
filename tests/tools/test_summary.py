"""Adds up pytest's JUnit files, with a line for each stage and one for all, so that the end of a long log shows what
ran."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree


def count(path: str) -> tuple[int, int, int]:
    """Returns the numbers of passed, failed and skipped tests of one file."""
    total = failed = skipped = 0
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return total - failed - skipped, failed, skipped


def main(paths: list[str]) -> int:
    sums = [count(path) for path in paths]
    for path, (passed, failed, skipped) in zip(paths, sums):
        print(f"{Path(path).stem}: {passed} passed, {failed} failed, {skipped} skipped")
    passed, failed, skipped = (sum(column) for column in zip(*sums)) if sums else (0, 0, 0)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
