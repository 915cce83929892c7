# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible import constants as C
from ansible.plugins.action import ActionBase

from ..module_utils.errors import InputError
from ..module_utils.language import mark
from ..module_utils.redaction.text import redact
from ..modules.notify import SPEC
from ..plugin_utils import languages, notification
from ..plugin_utils.screen import show, warn

URI = "ansible.builtin.uri"
TIMEOUT = 5  # seconds
NOT_TOLD = mark("not told: {problem}")


class ActionModule(ActionBase):
    """Sends one event to whom it may concern. Whatever fails here is a warning, and no URL is shown."""

    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        result = {**super().run(tmp, task_vars), "changed": False, "sent": [], "problems": []}
        _valid, given = self.validate_argument_spec(SPEC)
        words = languages.chosen(self, task_vars)
        try:
            targets = notification.targets(given["targets"])
        except InputError as exc:
            if given["event"] == "checked":
                show(words.message(str(exc)), color=C.COLOR_ERROR)  # the task's own result is hidden, for its arguments
            return {**result, "failed": given["event"] == "checked", "msg": str(exc)}
        if given["event"] == "checked" or self._task.check_mode:
            return result
        secrets = [*given["secrets"], *(secret for target in targets for secret in target.secrets)]
        try:
            facts = notification.facts_of(given, secrets)
            text = notification.text(given["event"], facts, secrets, words)
        except Exception as exc:  # pylint: disable=broad-exception-caught
            problem = words._("no message was made: {why}", why=type(exc).__name__)
            return self._warned(result, words, problem, secrets)
        for target in targets:
            if given["event"] in target.events:
                problem = self._send(target, target.payload(given["event"], text, facts), task_vars, words)
                if problem:
                    problem = f"{target.name} ({target.preset}), {given['event']}: {problem}"
                    self._warned(result, words, problem, secrets)
                else:
                    result["sent"].append(target.name)
        return result

    def _send(self, target, body, task_vars, words):
        """Why it did not arrive, or an empty text."""
        args = {
            "url": target.url,
            "method": "POST",
            "headers": target.headers,
            "body": body,
            "body_format": "json",
            "timeout": TIMEOUT,
            "follow_redirects": "none",
            "status_code": list(range(200, 300)),
        }
        try:
            reply = self._execute_module(module_name=URI, module_args=args, task_vars=task_vars)
        except Exception as exc:  # pylint: disable=broad-exception-caught
            return f"{type(exc).__name__}: {exc}"
        if not reply.get("failed"):
            return ""
        status = reply.get("status") or -1
        if status > 0:
            # With a sign of percent: braces would be recognised in the status of a program.
            return words.gettext("status %(status)d") % {"status": status}
        return words._("no response: {why}", why=str(reply.get("msg") or "").rpartition(": ")[2])

    @staticmethod
    def _warned(result, words, problem, secrets):
        shown = words._(NOT_TOLD, problem=" ".join(redact(problem, secrets).split()))
        result["problems"].append(shown)
        warn(shown)
        return result
