# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib

from ..errors import MonqError


def hold(lease, ask, begin):
    """How every run takes the lock; what begin() returned.

    ask(): whether there is anything to do; what it forbids it raises, before the lock is waited for. begin(lock_id):
    asks the same again under the lock, as somebody else may have held it meanwhile, and returns an answer whose "id" is
    empty where nothing is left to do. A lock whose ID nobody would learn, or that nobody needs, is given back.
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
