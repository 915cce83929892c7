# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in the operator's language. Modules speak English; the controller looks up what it shows by the English text,
and recognises a text with values in it by its template. What it does not know stays English."""

from __future__ import annotations

import re
import string

# The rows of an error, in the order of MonqError.
ROWS = ("object", "expected", "seen", "evidence", "changed", "platform", "next")
LETTERS = 6  # a template with fewer letters of its own would recognise anything
DEEPEST = 3  # values within values
SIZE = re.compile(r"([\d.]+) (B|KiB|MiB|GiB|TiB)")


def mark(text):
    """Marks a text for the catalogue; it is translated where it is shown."""
    return text


ALONE = (mark("none"), mark("ready"))  # words that are sentences; all others may be keys and states


def english(number):
    return int(number != 1)


def russian(number):
    """The plural form: 0 for 1 шаг, 1 for 2 шага, 2 for 5 шагов."""
    if number % 10 == 1 and number % 100 != 11:
        return 0
    return 1 if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else 2


PLURALS = {"en": english, "ru": russian}


class Language:
    """One language. Its methods gettext and ngettext are those of the standard library."""

    def __init__(self, code="en", table=None):
        """table: {English text: translation, or its plural forms}; empty for English. Or a function that returns it, as
        most tasks show nothing."""
        self.code, self._given = code, table or {}
        self._plural, self._known = PLURALS[code], None

    @property
    def _table(self):
        if callable(self._given):
            self._given = self._given()
        return self._given

    def gettext(self, text):
        found = self._table.get(text) or text
        return found if isinstance(found, str) else found[0]

    def ngettext(self, one, many, number):
        forms = self._table.get(one)
        if not forms or isinstance(forms, str):
            return many if english(number) else one
        return forms[self._plural(number)]

    def _(self, text, /, **values):  # pylint: disable=disallowed-name
        """A text of ours, with values in its braces."""
        return self.gettext(text).format(**values) if values else self.gettext(text)

    def n(self, one, many, n, /, **values):
        """The same with a number, {n}, that decides the plural form."""
        return self.ngettext(one, many, n).format(n=n, **values)

    def sentence(self, text, depth=0):
        """What a module has said: looked up whole, then by its template, then in parts."""
        text = str(text)
        if not self._table or (" " not in text and text not in ALONE):
            return text
        if text in self._table:
            return self.gettext(text)
        sized = SIZE.fullmatch(text)
        if sized:
            return f"{sized[1]} {self.gettext(sized[2])}"
        parts = [self.sentence(part, depth + 1) for part in text.split("; ")] if depth <= DEEPEST else []
        if len(parts) > 1 and not set(parts) & set(text.split("; ")):
            return "; ".join(parts)
        for own, fields, template in self._templates() if depth <= DEEPEST else []:
            found = values(text, own, fields)
            if found is not None:
                said = {name: self.sentence(value, depth + 1) for name, value in found.items()}
                return _filled(self.gettext(template), said)
        if "\n" in text:
            return "\n".join(self._indented(part, depth) for part in text.split("\n"))
        if len(parts) > 1:
            return "; ".join(parts)
        head, sign, rest = text.partition(": ")
        return f"{self.gettext(head)}{sign}{self.sentence(rest, depth)}" if sign and " " in head else text

    def _indented(self, text, depth):
        said = text.lstrip()
        return text[: len(text) - len(said)] + self.sentence(said, depth)

    def _templates(self):
        """[(own text, fields, template)]; those with most letters of their own first."""
        if self._known is None:
            rated = []
            for text in self._table:
                own, fields = _parsed(text)
                letters = len(re.findall(r"[^\W\d_]", "".join(own)))
                if fields and letters >= LETTERS:
                    rated.append((letters, own, fields, text))
            self._known = [row[1:] for row in sorted(rated, key=lambda row: (-row[0], row[-1]))]
        return self._known

    def message(self, text):
        """An error as MonqError writes it: the first line, and a row for each of what it says."""
        rows = re.split(rf"\n  ({'|'.join(ROWS)}): ", text)
        lines = [self.sentence(rows[0])]
        for name, said in zip(rows[1::2], rows[2::2]):
            lines.append(f"  {self.row(name)}: {self.sentence(said)}")
        return "\n".join(lines)

    def row(self, name):
        """The name of a row of an error."""
        return self.gettext(ROW_NAMES[name])


ROW_NAMES = {
    "object": mark("object"),
    "expected": mark("expected"),
    "seen": mark("seen"),
    "evidence": mark("evidence"),
    "changed": mark("changed"),
    "platform": mark("platform"),
    "next": mark("next"),
}
ENGLISH = Language()


def _parsed(text):
    try:
        return parsed(text)
    except ValueError:  # braces that are no fields
        return [text], []


def parsed(template):
    """([own text], [field]): a text made of the template is own text and values in turn."""
    own, fields = [""], []
    for text, name, _spec, _conversion in string.Formatter().parse(template):
        own[-1] += text
        if name is not None:
            fields.append(name or str(len(fields)))  # {} counts by itself
            own.append("")
    return own, fields


def values(text, own, fields):
    """{field: value} if the text is made of this template, or None. Each value is the shortest possible; a regular
    expression would do the same, but takes forever for some texts."""
    if not (text.startswith(own[0]) and text.endswith(own[-1])) or len(text) < len(own[0]) + len(own[-1]):
        return None
    found, place, end = {}, len(own[0]), len(text) - len(own[-1])
    for number, name in enumerate(fields):
        last = number == len(fields) - 1
        next_place = end if last else text.find(own[number + 1], place, end)
        if next_place < place or found.setdefault(name, text[place:next_place]) != text[place:next_place]:
            return None
        place = next_place + len(own[number + 1])
    return found


def _filled(template, given):
    """Templates of f-strings have numbers as fields, which format takes from a list."""
    numbers = [given[name] for name in sorted((name for name in given if name.isdigit()), key=int)]
    return template.format(*numbers, **{name: value for name, value in given.items() if not name.isdigit()})
