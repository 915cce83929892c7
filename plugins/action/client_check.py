# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible.plugins.action.normal import ActionModule as Normal

from ..module_utils.monqctl import reading
from ..plugin_utils import languages


class ActionModule(Normal):
    """Runs the module, and says what it has found in the operator's language."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        words = languages.chosen(self, task_vars)
        if "calls" in result and words.code != "en":
            result["text"] = reading.text(result["calls"], words)
        return result
