# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check can find: one entry for each kind of finding, with the id by which docs and machines know it.

An id is never used for something else: a check that goes leaves its id to RETIRED. An entry's texts (object, expected,
seen, next) are templates for a finding's parameters; where it has none, the code that finds it makes the text.
"""

from __future__ import annotations

from ..language import mark
from . import (
    entries_bundle,
    entries_client,
    entries_cluster,
    entries_host,
    entries_inputs,
    entries_outcome,
    entries_postgresql,
    entries_tls,
)

PARTS = (
    entries_inputs,
    entries_cluster,
    entries_tls,
    entries_client,
    entries_postgresql,
    entries_outcome,
    entries_bundle,
    entries_host,
)
ENTRIES = {number: entry for part in PARTS for number, entry in part.ENTRIES.items()}
RETIRED = ("MONQ-039",)

TEXTS = ("object", "expected", "seen", "next")
PAGE = mark("docs/docsite/rst/findings.rst")

_BY_NAME = {entry["name"]: (number, entry) for number, entry in ENTRIES.items()}


def of(name):
    """(id, entry) of a kind of finding; an empty id if the catalogue does not know it, which a test forbids."""
    return _BY_NAME.get(name, ("", {"name": name, "check": name}))


def check(entry):
    """The word for the group of checks that an entry belongs to."""
    name = entry["name"]
    return entry.get("check") or (name if name.startswith("postgresql.") else name.partition(".")[0])


def page(number):
    """Where an id is explained."""
    return f"{PAGE}#{number.lower()}" if number else ""


def text(entry, what, parameters):
    """One of an entry's texts for a finding's parameters."""
    shown = {name: _shown(value) for name, value in parameters.items()}
    return entry.get(what, "").format(**shown)


def _shown(value):
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
