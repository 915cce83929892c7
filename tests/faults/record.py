"""What the fault tests record: rows of strikes, the table, and the page of the docs."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUTPUT = ROOT / "tests" / "output" / "faults"
LAST_RUN = HERE / "last_run.json"
TRACK_RECORD = HERE / "track_record.yml"
PAGE = ROOT / "docs" / "docsite" / "rst" / "faults.rst"
FIELDS = ("found", "step", "place", "kind", "modules", "wrong", "fixed")


def track_record():
    """Returns [{found, step, place, kind, modules, wrong, fixed}]."""
    return yaml.safe_load(TRACK_RECORD.read_text(encoding="utf-8"))["points"] or []


def strikes():
    """Returns {modules: [Strike]} of the track record."""
    from .points import Strike

    found = {}
    for row in track_record():
        found.setdefault(row["modules"], []).append(Strike(row["step"], row["place"], row["kind"]))
    return found


def modules(least):
    """Returns the modules of one installation in which each point of the track record exists, and at least these."""
    return list(dict.fromkeys(",".join([least, *strikes()]).split(",")))


# ---- rows


def clear():
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for path in OUTPUT.glob("*.jsonl"):
        path.unlink()


def keep(name, row):
    """Writes one line for each strike as soon as its result is known, so that an interrupted run keeps its rows so
    far."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with open(OUTPUT / f"{name}.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def rows():
    return [
        json.loads(line)
        for path in sorted(OUTPUT.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


# ---- the table


def label(row):
    return row["kind"] if row["kind"] != "kill" else f"kill {row['place']}"


def table(found):
    """Returns the kinds, and [[class, [cell for each kind]]]; a cell is "times, seconds of the longest" or empty."""
    from . import points

    kinds = [f"kill {place}" for place in points.PLACES] + list(points.KINDS)
    lines = []
    for name in points.CLASSES:
        cells = []
        for kind in kinds:
            here = [row for row in found if row["step_class"] == name and label(row) == kind]
            bad = [row for row in here if row["result"].startswith("FAILED")]
            cells.append(
                "" if not here else ("FAILED" if bad else f"{len(here)}, {max(row['seconds'] for row in here):.0f} s")
            )
        if any(cells):
            lines.append([name, cells])
    return kinds, lines


def text(found):
    """Returns the text printed at the end of a run: a line for each strike, and the totals."""
    line = "{step_class:20} {kind:14} {place:7} {result:44} {runs:>4} {seconds:>6} {cpu:>6}  {step}"
    out = [
        line.format(
            step_class="step class",
            kind="kind",
            place="place",
            result="result",
            runs="runs",
            seconds="s",
            cpu="cpu s",
            step="step",
        )
    ]
    out += [line.format(**row) for row in found]
    failed = sum(row["result"].startswith("FAILED") for row in found)
    return [
        *out,
        f"{len(found)} faults, {failed} failed, {len({row['step'] for row in found})} steps, "
        f"{len({label(row) for row in found})} kinds and places",
    ]


# ---- the page


def rst_table(head, body, widths):
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: " + " ".join(map(str, widths)), ""]
    for row in [head, *body]:
        lines += [(("   * - " if index == 0 else "     - ") + str(cell)).rstrip() for index, cell in enumerate(row)]
    return "\n".join(lines)


def rendered():
    """Returns {mark: text} of the page's generated parts."""
    from . import points

    last = json.loads(LAST_RUN.read_text(encoding="utf-8"))
    kinds, lines = table(last["rows"])
    flat = [[name, kind, cell] for name, cells in lines for kind, cell in zip(kinds, cells) if cell]
    known = []
    for kind, (classes, _place, what) in points.KINDS.items():
        known.append(
            [f"``{kind}``", what, "every class" if set(classes) == set(points.CLASSES) else ", ".join(classes)]
        )
    head, bugs = ["found", "step", "place, kind", "what was wrong", "fixed"], []
    for row in track_record():
        bugs.append(
            [row["found"], f"``{row['step']}``", f"{row['place']}, ``{row['kind']}``", row["wrong"], row["fixed"]]
        )
    failed = sum(row["result"].startswith("FAILED") for row in last["rows"])
    steps = len({row["step"] for row in last["rows"]})
    words = (
        f"{last['date']}, {last['what']}: {len(last['rows'])} faults at {steps} steps, {failed} failed. {last['ended']}"
    )
    return {
        "kinds": rst_table(["kind", "fault", "step classes"], known, [15, 55, 30]),
        "table": words + "\n\n" + rst_table(["step class", "kind", "faults, longest resume"], flat, [35, 25, 40]),
        "record": rst_table(head, bugs, [10, 25, 15, 35, 15]) if bugs else "No bug has been found by a fault yet.",
    }


def page(written):
    for name, body in rendered().items():
        part = re.compile(rf"(\.\. begin {name}\n).*?(\.\. end {name}\n)", re.DOTALL)
        written = part.sub(lambda found, body=body: f"{found.group(1)}\n{body}\n\n{found.group(2)}", written)
    return written


def main():
    """Runs as python -m faults.record [WHAT ENDED]: copies the rows of the last run to last_run.json, if given, and
    writes the page."""
    import datetime

    if len(sys.argv) == 3:
        data = {"date": datetime.date.today().isoformat(), "what": sys.argv[1], "ended": sys.argv[2], "rows": rows()}
        LAST_RUN.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
