# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

NAMES = ("host", "task", "result")


def parts(result):
    """(host, task, data) of what a callback gets; before ansible-core 2.19 they had other names."""
    return tuple(_part(result, name) for name in NAMES)


def _part(result, name):
    found = getattr(result, name, None)
    return getattr(result, "_" + name) if found is None else found
