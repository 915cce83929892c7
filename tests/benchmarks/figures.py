"""The figures: what was measured beside what, as JSON, as a table, as a page of the docs."""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUTPUT = ROOT / "tests" / "output" / "bench.jsonl"
LAST_RUN = HERE / "last_run.json"
PAGE = ROOT / "docs" / "docsite" / "rst" / "benchmarks.rst"
BEGIN, END = ".. begin figures\n", ".. end figures\n"


def clear():
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.unlink(missing_ok=True)
    (OUTPUT.parent / "bench.log").unlink(missing_ok=True)


def add(what, ours, beside, other, unit="s", goal=None):
    """One figure. ours, other: the two numbers, in unit. beside: what the other one is, or nothing where the figure
    stands alone; the ratio is ours to it. goal: the largest ratio, or the largest number where there is no other."""
    ratio = ours / other if other else None
    value = ratio if other else ours
    row = {"what": what, "ours": ours, "unit": unit, "beside": beside, "other": other, "ratio": ratio, "goal": goal}
    row["reached"] = None if goal is None else value <= goal
    with open(OUTPUT, "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    return row


def rows():
    return [json.loads(line) for line in OUTPUT.read_text(encoding="utf-8").splitlines()] if OUTPUT.exists() else []


def number(value):
    """Three digits that count."""
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def cells(row):
    unit = f" {row['unit']}" if row["unit"] else ""
    other = f"{number(row['other'])}{unit}: {row['beside']}" if row["other"] else row["beside"]
    goal = number(row["goal"]) + {True: "", False: ", missed", None: ""}[row["reached"]]
    return [row["what"], f"{number(row['ours'])}{unit}", other, number(row["ratio"]), goal]


HEAD = ["what", "ours", "beside", "ratio", "goal"]


def table(found):
    lines = [HEAD, *map(cells, found)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def rendered(runs):
    """A table for each run, as reStructuredText."""
    lines = []
    for run in runs:
        lines += [f"Measured on {run['date']} on {run['machine']}, scale {run['scale']}.", "", ".. list-table::"]
        lines += ["   :header-rows: 1", "   :widths: 34 12 34 8 12", ""]
        for row in [HEAD, *map(cells, run["rows"])]:
            lines += [f"   {'* -' if not index else '  -'} {cell}".rstrip() for index, cell in enumerate(row)]
        lines.append("")
    return "\n".join(lines)


def merged(runs, new):
    """The runs with a new one: what it has measured again is dropped from the others."""
    again = {row["what"] for row in new["rows"]}
    left = [{**run, "rows": [row for row in run["rows"] if row["what"] not in again]} for run in runs]
    return [run for run in [*left, new] if run["rows"]]


def page(text):
    """The page with the table of the last run in it."""
    runs = json.loads(LAST_RUN.read_text(encoding="utf-8"))
    return re.sub(f"{BEGIN}.*?{END}", lambda _found: f"{BEGIN}\n{rendered(runs)}\n{END}", text, flags=re.DOTALL)


def main():
    """python tests/benchmarks/figures.py [MACHINE]: the rows of this run go into last_run.json and a page of docs."""
    if len(sys.argv) == 2:
        new = {"date": datetime.date.today().isoformat(), "machine": sys.argv[1]}
        new.update(scale=os.environ.get("SCALE", "1"), rows=rows())
        runs = merged(json.loads(LAST_RUN.read_text(encoding="utf-8")), new)
        LAST_RUN.write_text(json.dumps(runs, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
