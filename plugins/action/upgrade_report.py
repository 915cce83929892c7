# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

from ansible.plugins.action import ActionBase

from ..module_utils.language import mark
from ..plugin_utils import languages, report_view
from ..plugin_utils.report_words import Words

SPEC = "monq.platform.upgrade_report"
FILES = "monq.platform.report_files"
# Shown by the warnings below, in the operator's language; what the task returns is English.
WITHOUT = mark("not written: {problem}; report.yml makes it at any time")
FAILED = mark("the module failed")


class ActionModule(ActionBase):
    """Reads the data on the inventory host, makes the views here, and writes the files there. Never fails the run,
    unless the task asks for it."""

    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        words = languages.chosen(self, task_vars)
        required = str(self._task.args.get("required", False)).lower() in ("true", "yes", "on", "1")
        try:
            found = self._made(task_vars, words)
        except Exception as exc:  # pylint: disable=broad-exception-caught
            # The report of a run must not decide about the run.
            found = self._without(f"{type(exc).__name__}: {exc}")
        if required and not found["files"]:
            why = "; ".join(words.sentence(problem) for problem in found["problems"])
            why = why or words._("no upgrade has been started here: there is nothing to report")
            return {**result, **found, "failed": True, "msg": words._("the report was not written: {why}", why=why)}
        if found["problems"]:
            result["warnings"] = [
                words._("report: {problem}", problem=words.sentence(problem)) for problem in found["problems"]
            ]
        return {**result, **found}

    @staticmethod
    def _without(problem):
        said = WITHOUT.format(problem=problem)
        return {"changed": False, "files": [], "outcomes": {}, "verdict": "", "problems": [said]}

    def _made(self, task_vars, words):
        data = self._execute_module(module_name=SPEC, module_args=self._task.args, task_vars=task_vars)
        if data.get("failed") or data.get("unreachable"):
            return self._without(str(data.get("msg") or FAILED).splitlines()[0])
        reports, check = data["reports"], self._task.check_mode
        names = [f"{one['name']}.{kind}" for one in reports for kind in ("json", "html", "md")]
        found = {
            # Of a run that is not finished, or not begun, the real one writes another report than can be made now.
            "changed": check and not data["complete"],
            "files": [os.path.join(data["folder"], name) for name in names],
            "outcomes": {one["name"]: one["content"]["outcome"] for one in reports},
            "verdict": Words(words).verdict(reports[-1]["content"]) if reports else "",
            "problems": data["problems"],
        }
        if found["changed"] or not reports:
            return found
        texts = {}
        for one in reports:
            texts.update(report_view.files(one["name"], one["content"], words, words.code))
        written = self._execute_module(
            module_name=FILES, module_args={"folder": data["folder"], "files": texts}, task_vars=task_vars
        )
        if written.get("failed") or written.get("unreachable"):
            return {**found, **self._without(" ".join(str(written.get("msg") or FAILED).split()))}
        return {**found, "changed": bool(written.get("changed"))}
