# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible import constants as C
from ansible.plugins.action import ActionBase

from ..module_utils.language import ENGLISH, mark
from ..module_utils.report import failure as failures
from ..module_utils.report import fleet
from ..plugin_utils import languages
from ..plugin_utils.command_line import job, typed
from ..plugin_utils.screen import show


class ActionModule(ActionBase):
    """Shows the final text of a failing run."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        empty = {"type": "dict", "default": {}}
        spec = {
            "task": {"type": "str", "required": True},
            "result": {"type": "dict", "required": True},
            "ledger": empty,
            "bundle": empty,
        }
        _valid, given = self.validate_argument_spec(spec)
        variables, words = task_vars or {}, languages.chosen(self, task_vars)
        message = failures.first_message(given["result"])
        command, choices = self._command(variables, message, words), self._choices(given["result"], message, words)
        text = failures.text(
            variables.get("inventory_hostname", ""),
            given["task"],
            given["result"],
            given["ledger"],
            given["bundle"],
            command,
            choices,
            words,
        )
        show(text, color=C.COLOR_ERROR)
        result.update(
            changed=False,
            failed=True,
            installation=fleet.row(given["ledger"], {**given["result"], "task": given["task"]}),
            msg=failures.in_short(
                variables.get("inventory_hostname", ""), given["task"], given["result"], command, words
            ),
        )
        return result

    @staticmethod
    def _command(variables, message, words=ENGLISH):
        if job():
            return failures.relaunch(
                job(),
                next(
                    (
                        variables[name]
                        for name in ("awx_job_template_name", "tower_job_template_name")
                        if variables.get(name)
                    ),
                    "",
                ),
                words,
            )
        return failures.resume_command(typed(), message)

    @staticmethod
    def _choices(result, message, words=ENGLISH):
        """The commands to choose from at the last exit. In AWX the variables are those of the job template."""
        at_exit = result.get("last_exit")
        if not at_exit:
            return []
        if job():
            relaunched = words._("relaunch this job, or the workflow from this node, with")
            return [
                (mark("to go on"), f"{relaunched} monq_last_exit: continue"),
                (mark("to roll back"), words._("launch the job template of rollback.yml")),
            ]
        return failures.ways(typed(), message, at_exit.get("environment", ""))
