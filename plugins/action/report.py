# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible.plugins.action import ActionBase

from ..plugin_utils.screen import show


class ActionModule(ActionBase):
    """Shows a text, and fails with it if the task says so."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, given = self.validate_argument_spec(
            {"text": {"type": "str", "required": True}, "failed": {"type": "bool", "default": False}}
        )
        text = given["text"].rstrip("\n")
        result.update(changed=False, text=text)
        if given["failed"]:
            return {**result, "failed": True, "msg": text}
        show(text)
        return result
