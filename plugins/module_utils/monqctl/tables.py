# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a table or JSON out of cleaned text, whatever surrounds it. Standard library only."""

from __future__ import annotations

import json
import re

_VERTICAL = re.compile(r"[|\u00a6\u2502\u2503\u2551\u2506\u250a]")
_RULER = re.compile(r"[\s\-+=|_.:*~#\u2013\u2014\u2500-\u257f]+")
_NUMBER = re.compile(r"[#№]?\s*\d+[.):]?")
_MARK = re.compile(r"^([✓✔✅☑✗✘✖❌])\s*(.+)$")
_NUMBERED = re.compile(r"^\s*\d+[.)]\s+")
_HEADER = re.compile(
    r"(?i)(#|№|no\.?|n|id|service|services|name|component|check|module|status|state|health|result|message|details|info"
    r"|сервис|сервисы|служба|имя|название|наименование|компонент|проверка|модуль|статус|состояние|результат|сообщение"
    r"|описание|подробности)"
)
_LEADER = re.compile(r"^(.*?\S)\s*(?:\.{3,}|\u2026+|(?:\s\.){3,})\s*(\S.*)$")
_PAIR = re.compile(r"^([^:=]*[^:=\s])\s*(?::|=|\s->|\s[-\u2013\u2014])\s+(\S.*)$")


def rows(text):
    """[[cell, …]] of the table in a text: parted by vertical lines, tabs, leaders of dots, two blanks or more, colons,
    or single blanks. Rulers, titles, headers and a column of numbers are left out."""
    found = [line for line in text.split("\n") if line.strip() and not _RULER.fullmatch(line)]
    for split in (_by_lines, _by_tabs, _by_leaders, _by_gaps, _by_pairs, _by_blanks):
        cells = [split(line) for line in found]
        cells = [row for row in cells if row and len(row) > 1]
        if len(cells) > (split in (_by_pairs, _by_blanks)):  # one line of prose is no table
            return _without_numbers([row for row in cells if not _is_header(row)])
    return []


def _by_lines(line):
    return [cell.strip() for cell in _VERTICAL.split(_trimmed(line))] if _VERTICAL.search(line) else None


def _trimmed(line):
    """Without the table's own frame: an empty first or last cell of the row stays one."""
    line = line.strip()
    line = line[1:] if _VERTICAL.match(line) else line
    return line[:-1] if line and _VERTICAL.match(line[-1]) else line


def _by_tabs(line):
    return [cell.strip() for cell in line.strip().split("\t") if cell.strip()] if "\t" in line.strip() else None


def _by_leaders(line):
    found = _LEADER.match(_NUMBERED.sub("", line.strip()))
    return list(found.groups()) if found else None


def _by_gaps(line):
    return re.split(r"\s{2,}", _NUMBERED.sub("", line.strip()))


def _by_pairs(line):
    if line.rstrip().endswith(":"):
        return None  # a title
    found = _PAIR.match(_NUMBERED.sub("", line.strip()))
    return list(found.groups()) if found else None


def _by_blanks(line):
    if line.rstrip().endswith(":"):
        return None
    return _NUMBERED.sub("", line.strip()).split(" ", 1)


def _is_header(row):
    return all(_HEADER.fullmatch(cell) for cell in row if cell)


def _without_numbers(table):
    if table and all(len(row) > 2 and _NUMBER.fullmatch(row[0]) for row in table):
        return [row[1:] for row in table]
    return table


def pairs(text):
    """{name: state} of a table whose first column is a name; a state is all other cells."""
    found = {}
    for name, *others in rows(text):
        mark = _MARK.match(name)
        if mark:
            name, others = mark.group(2), [mark.group(1), *others]
        if name:
            found[name] = " ".join(cell for cell in others if cell)
    return found


def find_json(text):
    """The JSON object or list in a text, whatever is before and behind it: the longest one that begins a line.

    Raises ValueError if there is none.
    """
    try:
        return json.loads(text)
    except ValueError:
        pass
    decoder, best = json.JSONDecoder(), None
    start = 0
    for found in re.finditer(r"^[ \t]*([{\[])", text, re.MULTILINE):
        if found.start(1) < start:
            continue  # inside of one that was read
        try:
            value, end = decoder.raw_decode(text, found.start(1))
        except ValueError:
            continue
        start = end
        if best is None or end - found.start(1) > best[0]:
            best = (end - found.start(1), value)
    if best is None:
        raise ValueError("no JSON object or list")
    return best[1]
