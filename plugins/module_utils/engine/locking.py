# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib

from ..errors import MonqError


def hold(lease, ask, begin):
    """Takes the lock, the same way for every run; returns what begin() returned.

    ask(): returns whether there is anything to do, and raises if it is not allowed, before waiting for the lock.
    begin(lock_id): checks again under the lock, as another run may have held it meanwhile, and returns a dict whose
    "id" is empty if nothing is left to do. A lock that is not needed, or whose ID would be lost, is released.
    """
    if not ask():
        return None
    lock_id, needed = lease.acquire(), False
    try:
        answer = begin(lock_id)
        needed = bool(answer["id"])
        return answer
    finally:
        if not needed:
            with contextlib.suppress(MonqError):
                lease.release(lock_id)
