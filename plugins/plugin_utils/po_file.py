# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a gettext catalogue as it is written. A compiled one would have to be built, and would differ one day."""

from __future__ import annotations

import json
import re

KEYWORD = re.compile(r"(msgctxt|msgid|msgid_plural|msgstr|msgstr\[\d+\])\s+(\".*\")$")


def read(text):
    """[{msgid, msgid_plural, msgstr: [form], files: [name]}] without the header; what is obsolete is left out."""
    found, entry, last = [], _empty(), None
    for line in [*text.splitlines(), ""]:
        line = line.strip()
        keyword = KEYWORD.match(line)
        if keyword:
            last = keyword.group(1)
            entry["texts"][last] = _unquoted(keyword.group(2))
        elif line.startswith('"'):
            entry["texts"][last] += _unquoted(line)
        elif line.startswith("#:"):
            entry["files"] += [name.partition(":")[0] for name in line[2:].split()]
        elif not line:
            found += [_entry(entry)] if entry["texts"].get("msgid") else []
            entry, last = _empty(), None
    return found


def _empty():
    return {"texts": {}, "files": []}


def _entry(entry):
    texts = entry["texts"]
    forms = [texts[name] for name in sorted(texts) if name.startswith("msgstr")]
    return {
        "msgid": texts["msgid"],
        "msgid_plural": texts.get("msgid_plural", ""),
        "msgstr": forms,
        "files": entry["files"],
    }


def _unquoted(written):
    return json.loads(written)  # the same escapes


def table(entries):
    """{English text: translation, or its plural forms}, without what is not translated."""
    return {
        one["msgid"]: one["msgstr"] if one["msgid_plural"] else one["msgstr"][0]
        for one in entries
        if all(one["msgstr"])
    }
