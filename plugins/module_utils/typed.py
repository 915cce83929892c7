# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable's value in its declared type, whether it came from an inventory, from key=value on the command line or
from a survey, which know texts only. Standard library only."""

from __future__ import annotations

import json
import re

TRUE = ("true", "yes", "on", "1", "y", "t")
FALSE = ("false", "no", "off", "0", "n", "f")


def typed(value, kind, default=None):
    """The value as kind: bool, int, text, list or dict. An empty text is the default, or empty; what cannot be taken
    comes back as it is, for the checks to report."""
    return {"bool": _bool, "int": _int, "text": _text, "list": _list, "dict": _dict}[kind](value, default)


def left_empty(options, values):
    """{name: default} of the variables that are an empty text where their type or their choices have no such value.
    options: of the argument specs. values: the variables that are set."""
    found = {}
    for name, option in options.items():
        strict = option["type"] not in ("str", "path", "raw") or option.get("choices")
        if strict and not option.get("required") and name in values and _is_empty(values[name]):
            found[name] = option.get("default")
    return found


def _is_empty(value):
    return value is None or (isinstance(value, str) and not value.strip())


def _text(value, default):
    return default if _is_empty(value) else value


def _int(value, default):
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d+\s*", value):
        return int(value)
    return default if _is_empty(value) else value


def _bool(value, default):
    text = "" if value is None else str(value).strip().lower()
    if not text:
        return default
    return True if text in TRUE else False if text in FALSE else value


def _list(value, default):
    """Of a text: a JSON list, or words parted by commas, blanks or line ends."""
    if isinstance(value, str):
        parsed = _json(value, list)
        value = [word for word in re.split(r"[,\s]+", value) if word] if parsed is None else parsed
    if isinstance(value, list):
        value = [item for item in value if item not in ("", None)]
    return (default or []) if value in (None, []) else value


def _dict(value, default):
    """Of a text: a JSON object, or name=value parted by commas or blanks."""
    if isinstance(value, str) and value.strip():
        parsed = _json(value, dict)
        pairs = [word.partition("=") for word in re.split(r"[,\s]+", value) if word]
        whole = all(name and equals for name, equals, _given in pairs)
        value = parsed if parsed is not None else {n: given for n, _equals, given in pairs} if whole else value
    return (default or {}) if value in (None, "", {}) or (isinstance(value, str) and not value.strip()) else value


def _json(text, kind):
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, kind) else None
