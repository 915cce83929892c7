# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time

from ansible.errors import AnsibleError
from ansible.playbook.helpers import load_list_of_tasks
from ansible.plugins.action import ActionBase

from ..module_utils.errors import InputError
from ..module_utils.report.failure import first_message
from ..modules.hook import SPEC
from ..plugin_utils import languages
from ..plugin_utils.report_words import Words, mark
from ..plugin_utils.screen import show, warn

VARIABLE = "monq_hooks"
NAMES = ("before_cut", "after_outage", "on_failure")
ENDED = mark("%(host)s: hook %(name)s: %(files)s took %(duration)s")
FAILED = mark("hook %(name)s has failed after %(duration)s in: %(task)s: %(message)s. The run goes on.")


class ActionModule(ActionBase):
    """Checks the site's hooks before anything is changed, and tells what became of them."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        result = {**super().run(tmp, task_vars), "changed": False}
        _valid, given = self.validate_argument_spec(SPEC)
        if given["state"] == "checked":
            try:
                # Facts, as a later play skips this task, which would overwrite what it registers.
                return {**result, "ansible_facts": {"__monq_hook_files": self._checked(given["hooks"])}}
            except InputError as exc:
                # Not every playbook has a text in the language of the run after this one.
                return {**result, "failed": True, "msg": languages.chosen(self, task_vars).message(str(exc))}
        if given["state"] == "begun":
            return {**result, "at": time.time()}
        words = Words(languages.chosen(self, task_vars))
        values = {
            "host": (task_vars or {}).get("inventory_hostname", ""),
            "name": given["name"],
            "files": ", ".join(given["files"]),
            "duration": words.duration(max(0, time.time() - given["begun"])),
            "task": given["task"],
            "message": words.said(first_message(given["result"]).splitlines()[0]),
        }
        if given["state"] == "failed":
            warn(words.gettext(FAILED) % values)
        else:
            show(words.gettext(ENDED) % values)
        return {**result, "seconds": max(0.0, round(time.time() - given["begun"], 1))}

    def _checked(self, hooks):
        """{name: [paths]}. Raises InputError for what cannot be run: found in the middle of the outage, Ansible would
        end the whole run."""
        unknown = sorted(set(hooks) - set(NAMES))
        if unknown:
            expected = mark("only these names: {names}").format(names=", ".join(NAMES))
            raise self._wrong(VARIABLE, expected, ", ".join(map(str, unknown)))
        found = {name: [] for name in NAMES}
        for name, paths in hooks.items():
            for path in [paths] if isinstance(paths, str) else list(paths or []):
                self._check(f"{VARIABLE}.{name}", str(path))
                found[name].append(str(path))
        return found

    def _check(self, name, path):
        if not os.path.isabs(path) or not os.path.isfile(path):
            expected = mark("the absolute path of a file on the machine that runs Ansible, such as {path}")
            expected = expected.format(path="{{ inventory_dir }}/x.yml")
            raise self._wrong(name, expected, path)
        try:
            tasks = self._loader.load_from_file(path)
            if not isinstance(tasks, list) or not tasks:
                raise self._wrong(name, mark("a list of tasks"), path)
            load_list_of_tasks(tasks, play=self._task.get_play(), loader=self._loader)
        except InputError:
            raise
        except (AnsibleError, AttributeError, AssertionError) as exc:
            raise self._wrong(name, mark("tasks that Ansible can load"), f"{path}: {str(exc).splitlines()[0]}") from exc

    @staticmethod
    def _wrong(name, expected, seen):
        return InputError(f"{VARIABLE} cannot be used", name, expected, seen, "correct it in the inventory")
