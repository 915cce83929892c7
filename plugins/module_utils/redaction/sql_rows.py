# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from .encodings import WORD, plain

_NAMES = ("detail", "context", "statement", "query", "internalquery", "подробности", "контекст", "оператор", "запрос")
_ANY = "(?i:" + "|".join(_NAMES) + ")"
_CAPITAL = "(?:" + "|".join(form for name in _NAMES for form in (name.upper(), name.capitalize())) + "|InternalQuery)"
_SEVERITY = (
    r"(?i:(?:ERROR|FATAL|PANIC|WARNING|NOTICE|INFO|LOG|DEBUG|HINT|LOCATION|LINE|LINE \d+"
    r"|ОШИБКА|ВАЖНО|ПАНИКА|ПРЕДУПРЕЖДЕНИЕ|ЗАМЕЧАНИЕ|ИНФОРМАЦИЯ|СООБЩЕНИЕ|ОТЛАДКА|ПОДСКАЗКА|ПОЛОЖЕНИЕ|СТРОКА|СТРОКА "
    r"\d+)\s*:)"
)
# Within a line, a lower-case "query:" or "context:" is part of a sentence ("could not execute query: ERROR: …" of
# pg_restore), unless SQL or a row follows. A JSON key ends with its quote, not with the colon.
_SQL = (
    r"(?:(?i:select|insert|update|delete|merge|with|values|copy|alter|create|drop|grant|revoke|comment|do|call|set)\b"
    r"|Key \(|Failing row)"
)
_LABEL = re.compile(
    rf"^[ \t]*{_ANY}:(?=[ \t]+\S)|^[ \t]*{_CAPITAL}:(?=[ \t]*$)"
    rf"|(?:(?<=[\s\"'])|(?<=\\[nrt]))(?:{_CAPITAL}:(?=[ \t]+\S)|(?:detail|statement|query):(?=[ \t]+{_SQL}))"
)
_NPGSQL = "(?:SchemaName|TableName|ColumnName|ConstraintName|File|Routine):"
# What ends a quoted row: the next field of PostgreSQL or Npgsql, a program's own prefix, a stack trace, a row of our
# own messages.
_NEXT = re.compile(
    rf"[ \t]*(?:{_ANY}:|{_SEVERITY}|psql:|pg_\w+:|{_NPGSQL}|at \S|\d{{4}}-\d\d-\d\d[ T].{{0,80}}?{_SEVERITY})"
    r"|  (?:object|expected|seen|evidence|changed|platform|next): "
)

# Whole details that only count, in the catalogues' words: they say why a database can be neither dropped nor renamed.
_COUNTS = re.compile(
    r"(?:There (?:is|are) \d+ (?:other session|prepared transaction)s? using the database\."
    r"|There are \d+ other session\(s\) and \d+ prepared transaction\(s\) using the database\."
    r"|Эта база данных используется ещё в \d+ сеанс(?:е|ах)\."
    r"|С этой базой данных связан[аы] \d+ подготовленн(?:ая|ые|ых) транзакци[яий]\."
    r"|С этой базой данных связаны другие сеансы \(\d+\) и подготовленные транзакции \(\d+\)\.)[ \t]*"
)


def without_rows(text, cover=plain):
    """Removes rows and statements that PostgreSQL quotes in its messages, such as a user's or a token's, over all their
    lines."""
    shown, inside = [], False
    for line in text.split("\n"):
        label = _LABEL.search(line)
        if inside and line and not label and not _NEXT.match(line):
            continue
        if label and _COUNTS.fullmatch(line[label.end() :].lstrip()):
            inside = False
        elif label:
            rest = line[label.end() :]
            # If this text was masked before, the lines after it are not part of the row.
            inside = not WORD.fullmatch(rest.strip())
            hidden = cover("a row or statement that PostgreSQL quotes", rest.strip())
            line = line[: label.end()] + (rest[: len(rest) - len(rest.lstrip())] or " ") + hidden
        elif line:
            inside = False
        shown.append(line)
    return "\n".join(shown)
