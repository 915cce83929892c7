# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible import constants as C
from ansible.plugins.action import ActionBase

from ..module_utils.errors import InputError
from ..module_utils.language import mark
from ..module_utils.report import fleet
from ..modules.batch import SPEC
from ..plugin_utils import languages
from ..plugin_utils.screen import show

NOT_BEGUN = mark(
    "{host}: NOT BEGUN: of the batches before it, these have not come to their end: {hosts}. Nothing was changed here. "
    "As many may fail as monq_serial_failures says: {allowed}"
)


class ActionModule(ActionBase):
    """Lets an installation begin only after batches without failures."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = {**super().run(tmp, task_vars), "changed": False}
        _valid, given = self.validate_argument_spec(SPEC)
        host, hosts = task_vars["inventory_hostname"], task_vars["ansible_play_hosts_all"]
        try:
            before = self._before(given["serial"], host, hosts, task_vars["ansible_play_batch"])
        except InputError as exc:
            # No text in the operator's language follows: the run ends with this one.
            return {**result, "failed": True, "msg": languages.chosen(self, task_vars).message(str(exc))}
        known = task_vars["hostvars"]
        open_ = [name for name in before if not known[name].get(given["fact"])]
        begins = len(open_) <= given["allowed"]
        if not begins:
            words = languages.chosen(self, task_vars)
            said = words._(NOT_BEGUN, host=host, hosts=", ".join(open_), allowed=given["allowed"])
            show(said, color=C.COLOR_ERROR)
        return {**result, "begins": begins, "not_ended": open_, "hosts": list(hosts)}

    @staticmethod
    def _before(serial, host, hosts, batch):
        """The hosts of the batches before this one. Raises InputError if Ansible has made other batches."""
        try:
            before, after = fleet.earlier(serial, hosts, host)
        except ValueError as exc:
            raise _wrong(mark("numbers and percentages"), str(serial)) from exc
        others = set(batch) & {*before, *after}
        if others:
            seen = f"{host}, {', '.join(sorted(others))}"
            raise _wrong(mark("given with -e: Ansible reads it from no inventory"), seen)
        return before


def _wrong(expected, seen):
    return InputError(
        "monq_serial is not what the batches of this run are",
        "monq_serial",
        expected,
        seen,
        """give it as JSON, such as -e '{"monq_serial": [1, "100%"]}', and nowhere else""",
    )
