# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as a page to read and sign, in Markdown: what is deleted comes first. Pure: no input, no output."""

from __future__ import annotations

import shlex

from ..language import ENGLISH, mark

NOTE = mark("This is a check: nothing was changed.")
UNDO = {
    "reversible": mark("can be undone"),
    "compensable": mark("rollback.yml undoes it"),
    "irreversible": mark("CANNOT BE UNDONE"),
}
SEVERITIES = {"stop": mark("STOP"), "warning": mark("WARNING"), "info": mark("INFO")}


def page(plan, words=ENGLISH):
    """The whole plan."""
    return _Page(words).whole(plan)


def summary(plan, path="", words=ENGLISH):
    """What a run shows of it."""
    parts, left = plan["parts"], [row for row in plan["shown"]["steps"] if row["will_run"]]
    doomed, replaced = sorted(parts["routes_removed"]), len(parts["deployments"])
    final = [row["key"] for row in left if row["undo"] == "irreversible"]
    names = ", ".join(doomed) or words._("none")
    lines = [
        words._(NOTE),
        words._("Plan {id}", id=plan["id"]),
        f"  {_deleted(len(doomed), words)}: {names}",
        f"  {_replaced(replaced, words)}",
        f"  {_final(len(final), words)}" + (words._(", the first: {step}", step=final[0]) if final else ""),
        words.n(
            "  {n} steps are left, {changing} of them change something",
            "  {n} steps are left, {changing} of them change something",
            len(left),
            changing=_changing(left),
        ),
    ]
    lines += [words._("  page to read: {path}", path=path)] if path else []
    lines.append(words._("  to run exactly this: -e monq_plan={id}", id=plan["id"]))
    return "\n".join([*lines, words._(NOTE)])


def compared(approved, said, words=ENGLISH):
    """Whether a plan still applies. said: what differs."""
    if not said:
        return words._("The plan {id} is the installation's present state", id=approved)
    lines = "".join(f"\n    {words.sentence(line)}" for line in said)
    return words._("The plan {id} no longer applies:{lines}", id=approved, lines=lines)


def _deleted(count, words):
    return words.n("WILL BE DELETED: {n} Ingresses", "WILL BE DELETED: {n} Ingresses", count)


def _replaced(count, words):
    return words.n("WILL BE REPLACED: {n} Deployments", "WILL BE REPLACED: {n} Deployments", count)


def _final(count, words):
    return words.n("CANNOT BE UNDONE: {n} steps", "CANNOT BE UNDONE: {n} steps", count)


def _changing(rows):
    return sum(row["changes"] for row in rows)


class _Page:
    """The page's parts in one language."""

    def __init__(self, words):
        self._words, self._ = words, words._  # pylint: disable=disallowed-name

    def whole(self, plan):
        parts, shown, _ = plan["parts"], plan["shown"], self._  # pylint: disable=disallowed-name
        left = [row for row in shown["steps"] if row["will_run"]]
        about = {name: plan[name] for name in ("host", "environment", "release")}
        lines = [
            _(NOTE),
            "",
            "# " + _("Upgrade of {host} ({environment}) to Monq {release}", **about),
            "",
            _("Plan `{id}`, made at {made_at}.", id=plan["id"], made_at=plan["made_at"]),
            "",
            *self._deletions(parts),
            *self._irreversible(left),
            "## " + _("Steps"),
            "",
            _(
                "{left} of {all} steps are left, {changing} of them change something.",
                left=len(left),
                all=len(shown["steps"]),
                changing=_changing(left),
            ),
            "",
            *self._table(
                ["", _("step"), _("undo"), _("command")], [self._row(number, row) for number, row in enumerate(left, 1)]
            ),
            *self._template(shown["template_diff"]),
            *self._counts(parts["replicas"]),
            "## " + _("Routes that stay"),
            "",
            *self._table(
                ["Ingress", _("hosts")], [[n, ", ".join(r["hosts"])] for n, r in sorted(parts["routes_kept"].items())]
            ),
            "## " + _("Versions and certificates"),
            "",
            *self._table(
                [_("what"), _("now")], sorted(parts["versions"].items()) + self._certificates(parts["certificates"])
            ),
            "## " + _("Findings of preflight"),
            "",
            *self._table([_("severity"), _("check"), _("object")], [self._finding(*one) for one in parts["findings"]]),
            "## " + _("Parts"),
            "",
            _(
                "The id is the SHA-256 over these. `plan.yml -e monq_plan=FILE` shows what differs from the "
                "installation."
            ),
            "",
            *self._table([_("part"), "sha256"], sorted(plan["hashes"].items())),
            "",
            _("Approved by: ____________________  Role: ____________________  Date: ____________"),
            "",
            _(NOTE),
        ]
        return "\n".join(lines) + "\n"

    def _deletions(self, parts):
        removed, replaced = parts["routes_removed"], parts["deployments"]
        rows = [[f"`{name}`", ", ".join(row["hosts"])] for name, row in sorted(removed.items())]
        return [
            "## " + _deleted(len(removed), self._words),
            "",
            *self._table(["Ingress", self._("hosts")], rows),
            "## " + _replaced(len(replaced), self._words),
            "",
            *self._table(
                ["Deployment", self._("images")],
                [[f"`{n}`", ", ".join(r["images"])] for n, r in sorted(replaced.items())],
            ),
        ]

    def _irreversible(self, left):
        rows = [row for row in left if row["undo"] == "irreversible"]
        return [
            "## " + _final(len(rows), self._words),
            "",
            *self._table(
                [self._("step"), self._("what")],
                [[f"`{row['key']}`", self._words.sentence(row["title"])] for row in rows],
            ),
        ]

    def _row(self, number, row):
        command = f"`{shlex.join(row['argv'])}`" if row["argv"] else ""
        undo = self._(UNDO[row["undo"]]) if row["changes"] else self._("waits")
        return [str(number), f"`{row['key']}`: {self._words.sentence(row['title'])}", undo, command]

    def _template(self, difference):
        title = ["## " + self._("Template in the registry"), ""]
        if not difference:
            return [*title, self._("Not changed, or not read yet."), ""]
        return [*title, "```diff", *difference, "```", ""]

    def _counts(self, replicas):
        rows = [
            [name, str(row["kubernetes"]), "" if row["registry"] is None else str(row["registry"])]
            for name, row in sorted(replicas.items())
            if isinstance(row, dict)
        ]
        head = ["Deployment", "Kubernetes", self._("registry")]
        return ["## " + self._("Replica counts to restore"), "", *self._table(head, rows)]

    def _finding(self, check, severity, obj):
        known = self._(SEVERITIES[severity]).lower() if severity in SEVERITIES else severity
        return [known, check, self._words.sentence(obj)]

    def _certificates(self, found):
        return [[self._("certificate in Secret {name}", name=name), f"`{sha}`"] for name, sha in sorted(found.items())]

    def _table(self, head, rows):
        if not rows:
            return [self._("none"), ""]
        cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
        return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells]] + [""]
