# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shlex

from ansible.errors import AnsibleConnectionFailure

from ..module_utils.checks import host
from ..plugin_utils.heartbeat import HeartbeatAction


class ActionModule(HeartbeatAction):
    """Shows what the module is doing. Where the module cannot run at all, that is the finding."""

    def run(self, tmp=None, task_vars=None):
        given = task_vars or {}
        python = self._templar.template(given.get("ansible_python_interpreter", ""))
        try:
            result = super().run(tmp, task_vars)
        except AnsibleConnectionFailure:
            # A Python that is not there takes no input. Ansible then says that the host cannot be reached.
            result = self._tried(python)
            if not result["failed"]:
                raise
        found = host.not_run(result, python, given.get("inventory_hostname", ""))
        return {"changed": False, "findings_file": "", **host.UNREAD, "findings": [found]} if found else result

    def _tried(self, python):
        """The result of a module that does nothing. Raises AnsibleConnectionFailure where the host is not reached."""
        if not python:
            return {"failed": False}
        done = self._low_level_execute_command(f"{shlex.quote(python)} -c pass", sudoable=False)
        return {
            "failed": bool(done["rc"]),
            "rc": done["rc"],
            "module_stdout": done["stdout"],
            "module_stderr": done["stderr"],
        }
