# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

from ansible import constants as C
from ansible import context

from ..module_utils.report import failure as failures

JOBS = ("JOB_ID", "AWX_JOB_ID", "TOWER_JOB_ID")


def job():
    """The ID of AWX's job, or an empty string."""
    return next((os.environ[name] for name in JOBS if os.environ.get(name)), "")


def typed():
    """What was typed: playbooks, inventory, and the options that differ from the settings."""
    given = context.CLIARGS
    inventory = list(given.get("inventory") or [])
    if inventory == list(C.DEFAULT_HOST_LIST):
        inventory = []  # none was given
    seen = {"playbooks": list(given.get("args") or []), "inventory": inventory, "limit": given.get("subset")}
    standing = {
        "remote_user": C.DEFAULT_REMOTE_USER,
        "private_key_file": C.DEFAULT_PRIVATE_KEY_FILE,
        "connection": C.DEFAULT_TRANSPORT,
        "become_method": C.DEFAULT_BECOME_METHOD,
    }
    chosen = {name: given.get(name) for name in failures.OPTIONS if given.get(name) != standing.get(name, "")}
    return {**seen, **chosen}


def verbose():
    """Returns whether -v was typed."""
    return bool(context.CLIARGS.get("verbosity"))
