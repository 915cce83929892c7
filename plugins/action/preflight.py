# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..module_utils.checks import host
from ..plugin_utils.heartbeat import HeartbeatAction


class ActionModule(HeartbeatAction):
    """Shows what the module is doing. Where the module cannot run at all, that is the finding."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        given = task_vars or {}
        python = self._templar.template(given.get("ansible_python_interpreter", ""))
        found = host.not_run(result, python, given.get("inventory_hostname", ""))
        return {"changed": False, "findings_file": "", **host.UNREAD, "findings": [found]} if found else result
