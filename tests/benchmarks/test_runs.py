"""A whole run, the second run and a check, beside the release notes typed by a script. The simulator answers at once:
what is left is the weight of either side."""

from __future__ import annotations

import statistics

from benchmarks import figures, measure

NOTES = "the notes typed by a script"


def test_runs(install):
    ours, hand = install("site-run"), install("by-hand")
    check = measure.play(ours, "site", "--check", "--diff", confirm=False)
    notes = measure.by_hand(hand)
    calls_by_hand = len(hand.journal(changing=False))
    before = len(ours.journal(changing=False))
    whole = measure.play(ours, "site")
    calls = len(ours.journal(changing=False)) - before
    again = [measure.play(ours, "site") for _round in range(3)]
    second = measure.Cost(*map(statistics.median, zip(*again)))
    figures.add("CPU of a whole run", whole.cpu, NOTES, notes.cpu, goal=3.5)
    figures.add("wall time of a whole run", whole.wall, NOTES, notes.wall)
    figures.add("memory of a whole run", whole.memory, NOTES, notes.memory, "MiB")
    figures.add("CPU of the second run", second.cpu, "", None, goal=6)
    figures.add("wall time of the second run", second.wall, "", None)
    figures.add("CPU of --check --diff", check.cpu, NOTES, notes.cpu)
    figures.add("wall time of --check --diff", check.wall, NOTES, notes.wall)
    figures.add("calls of monqctl in a whole run", calls, NOTES, calls_by_hand, "", goal=90 / calls_by_hand)
