# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible.plugins.action import ActionBase

from ..module_utils.report import fleet, status
from ..module_utils.report import upgrade as texts
from ..plugin_utils import languages
from ..plugin_utils.command_line import job, typed, verbose
from ..plugin_utils.screen import show


class ActionModule(ActionBase):
    """Shows the state on one screen; the whole list of steps above it, if that is asked for."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        _valid, given = self.validate_argument_spec(
            {
                "ledger": {"type": "dict", "required": True},
                "environment": {"type": "str", "required": True},
                "release": {"type": "str", "required": True},
                "all": {"type": "bool", "default": False},
            }
        )
        variables, words = task_vars or {}, languages.chosen(self, task_vars)
        host, hosts = variables.get("inventory_hostname", ""), variables.get("ansible_play_hosts_all") or []
        typed_next = status.commands(typed(), given["environment"], host if len(hosts) > 1 else "", bool(job()), words)
        text = status.screen(given["ledger"], typed_next, host, given["release"], words)
        if given["all"] or verbose():
            show(texts.plan(given["ledger"], words) + "\n")
        show(text)
        result.update(changed=False, text=text, installation=fleet.row(given["ledger"]))
        return result
