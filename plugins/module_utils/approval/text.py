# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as a page to read and sign, in Markdown: what is deleted comes first. Pure: no input, no output."""

from __future__ import annotations

import shlex

NOTE = "This is a check: nothing was changed."
UNDO = {"reversible": "can be undone", "compensable": "rollback.yml undoes it", "irreversible": "CANNOT BE UNDONE"}


def page(plan):
    """The whole plan."""
    parts, shown = plan["parts"], plan["shown"]
    left = [row for row in shown["steps"] if row["will_run"]]
    lines = [
        NOTE,
        "",
        f"# Upgrade of {plan['host']} ({plan['environment']}) to Monq {plan['release']}",
        "",
        f"Plan `{plan['id']}`, made at {plan['made_at']}.",
        "",
        *_deletions(parts),
        *_irreversible(left),
        "## Steps",
        "",
        f"{len(left)} of {len(shown['steps'])} steps are left, {_changing(left)} of them change something.",
        "",
        *_table(["", "step", "undo", "command"], [_row(number, row) for number, row in enumerate(left, 1)]),
        *_template(shown["template_diff"]),
        *_counts(parts["replicas"]),
        "## Routes that stay",
        "",
        *_table(["Ingress", "hosts"], [[n, ", ".join(r["hosts"])] for n, r in sorted(parts["routes_kept"].items())]),
        "## Versions and certificates",
        "",
        *_table(["what", "now"], sorted(parts["versions"].items()) + _certificates(parts["certificates"])),
        "## Findings of preflight",
        "",
        *_table(["severity", "check", "object"], [[one[1], one[0], one[2]] for one in parts["findings"]]),
        "## Parts",
        "",
        "The id is the SHA-256 over these. `plan.yml -e monq_plan=FILE` shows what differs from the installation.",
        "",
        *_table(["part", "sha256"], sorted(plan["hashes"].items())),
        "",
        "Approved by: ____________________  Role: ____________________  Date: ____________",
        "",
        NOTE,
    ]
    return "\n".join(lines) + "\n"


def summary(plan, path=""):
    """What a run shows of it."""
    parts, left = plan["parts"], [row for row in plan["shown"]["steps"] if row["will_run"]]
    doomed = sorted(parts["routes_removed"])
    final = [row["key"] for row in left if row["undo"] == "irreversible"]
    lines = [
        NOTE,
        f"Plan {plan['id']}",
        f"  WILL BE DELETED: {len(doomed)} Ingresses: {', '.join(doomed) or 'none'}",
        f"  WILL BE REPLACED: {len(parts['deployments'])} Deployments",
        f"  CANNOT BE UNDONE: {len(final)} steps" + (f", the first: {final[0]}" if final else ""),
        f"  {len(left)} steps are left, {_changing(left)} of them change something",
    ]
    lines += [f"  page to read: {path}"] if path else []
    lines.append(f"  to run exactly this: -e monq_plan={plan['id']}")
    return "\n".join([*lines, NOTE])


def _changing(rows):
    return sum(row["changes"] for row in rows)


def _deletions(parts):
    removed = parts["routes_removed"]
    rows = [[f"`{name}`", ", ".join(row["hosts"])] for name, row in sorted(removed.items())]
    return [
        f"## WILL BE DELETED: {len(removed)} Ingresses",
        "",
        *_table(["Ingress", "hosts"], rows),
        f"## WILL BE REPLACED: {len(parts['deployments'])} Deployments",
        "",
        *_table(
            ["Deployment", "images"],
            [[f"`{n}`", ", ".join(r["images"])] for n, r in sorted(parts["deployments"].items())],
        ),
    ]


def _irreversible(left):
    rows = [row for row in left if row["undo"] == "irreversible"]
    return [
        f"## CANNOT BE UNDONE: {len(rows)} steps",
        "",
        *_table(["step", "what"], [[f"`{row['key']}`", row["title"]] for row in rows]),
    ]


def _row(number, row):
    command = f"`{shlex.join(row['argv'])}`" if row["argv"] else ""
    return [str(number), f"`{row['key']}`: {row['title']}", UNDO[row["undo"]] if row["changes"] else "waits", command]


def _template(difference):
    if not difference:
        return ["## Template in the registry", "", "Not changed, or not read yet.", ""]
    return ["## Template in the registry", "", "```diff", *difference, "```", ""]


def _counts(replicas):
    rows = [
        [name, str(row["kubernetes"]), "" if row["registry"] is None else str(row["registry"])]
        for name, row in sorted(replicas.items())
        if isinstance(row, dict)
    ]
    return ["## Replica counts to restore", "", *_table(["Deployment", "Kubernetes", "registry"], rows)]


def _certificates(found):
    return [[f"certificate in Secret {name}", f"`{sha}`"] for name, sha in sorted(found.items())]


def _table(head, rows):
    if not rows:
        return ["none", ""]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells]] + [""]
