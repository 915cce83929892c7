"""Speed, each in one run beside what a user would do instead; the limits are those that the project set itself for 2
idle cores."""

from __future__ import annotations

import time

import pytest


@pytest.fixture(scope="module")
def figures():
    rows = []
    yield lambda name, seconds, limit, ratio="": rows.append((name, seconds, limit, ratio))
    print("\n| what | seconds | limit | against the vendor's commands by hand |\n|---|---|---|---|")
    for name, seconds, limit, ratio in rows:
        print(f"| {name} | {seconds:.1f} | {limit} | {ratio} |")


def timed(action):
    began = time.monotonic()
    result = action()
    return time.monotonic() - began, result


def test_speed(install, figures):
    installation = install("site-run")
    by_hand, vendors = timed(installation.vendor)
    assert "0 monqctl calls failed" in vendors.text
    reset, _done = timed(installation.reset)
    first = installation.play("site")
    second = installation.play("site")
    assert first.rc == 0 and second.rc == 0
    figures("sandbox reset", reset, 10)
    figures(
        "site.yml, all modules",
        first.seconds,
        90,
        f"{first.seconds / by_hand:.1f} times {by_hand:.1f} s (machine time alone: no reading, no typing)",
    )
    figures("site.yml again", second.seconds, 45, f"{second.seconds / first.seconds:.2f} of the first run")
    assert reset < 10 and first.seconds < 90 and second.seconds < 45
