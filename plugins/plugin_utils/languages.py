# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's language, monq_language, on the controller."""

from __future__ import annotations

import contextlib
import functools
import os

from ansible.template import Templar

from ..module_utils.language import ENGLISH, PLURALS, Language
from . import po_file

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locale")
VARIABLE = "monq_language"


def path(code):
    return os.path.join(FOLDER, code, "LC_MESSAGES", "monq_platform.po")


@functools.cache
def entries(code):
    with open(path(code), encoding="utf-8") as file:
        return po_file.read(file.read())


@functools.cache
def language(code="en"):
    """The language of a code; English for what is none, which the variable's check reports."""
    known = code in PLURALS and code != "en"
    return Language(code, lambda: po_file.table(entries(code))) if known else ENGLISH


def chosen(action, task_vars):
    """The language of an action's host. A display must not fail, so the default is taken for what cannot be read."""
    with contextlib.suppress(Exception):
        return language(str(action._templar.template(task_vars[VARIABLE])))
    return ENGLISH


def of_host(play, host):
    """The language of a host of a play, for a callback, which has no action: see chosen()."""
    with contextlib.suppress(Exception):
        given = play.get_variable_manager().get_vars(play=play, host=host, include_hostvars=False)
        return language(str(Templar(loader=None, variables=given).template(given[VARIABLE])))
    return ENGLISH


def part(code, *places):
    """What a module needs that makes a text on the inventory host: the translations of some files or folders of
    module_utils. Arguments of Language; empty for English."""
    if language(code) is ENGLISH:
        return {}
    within = tuple(f"plugins/module_utils/{place}" for place in places)
    known = [one for one in entries(code) if any(name.startswith(within) for name in one["files"])]
    return {"code": code, "table": po_file.table(known)}
