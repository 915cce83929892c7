# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..plugin_utils.heartbeat import HeartbeatAction


class ActionModule(HeartbeatAction):
    """Shows what the module is doing."""
