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
ALONE = ("none",)  # single words that are sentences; all others may be keys and states
LETTERS = 6  # a template with fewer letters of its own would recognise anything
DEEPEST = 3  # values within values


def mark(text):
    """Marks a text for the catalogue; it is translated where it is shown."""
    return text


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
        """table: {English text: translation, or its plural forms}; empty for English."""
        self.code, self._table = code, table or {}
        self._plural, self._known = PLURALS[code], None

    def gettext(self, text):
        found = self._table.get(text) or text
        return found if isinstance(found, str) else found[0]

    def ngettext(self, one, many, number):
        forms = self._table.get(one)
        if not forms or isinstance(forms, str):
            return many if english(number) else one
        return forms[self._plural(number)]

    def _(self, text, /, **values):
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
        for pattern, template in self._templates() if depth <= DEEPEST else []:
            found = pattern.fullmatch(text)
            if found:
                values = {name[1:]: self.sentence(value, depth + 1) for name, value in found.groupdict().items()}
                return _filled(self.gettext(template), values)
        for sign in ("\n", "; "):
            if sign in text:
                return sign.join(self._indented(part, depth) for part in text.split(sign))
        return text

    def _indented(self, text, depth):
        said = text.lstrip()
        return text[: len(text) - len(said)] + self.sentence(said, depth)

    def _templates(self):
        """[(pattern, template)]; those with most letters of their own first."""
        if self._known is None:
            rated = [(len(re.findall(r"[^\W\d_]", _own(text))), text) for text in self._table if _own(text) != text]
            self._known = [(pattern(text), text) for letters, text in sorted(rated, reverse=True) if letters >= LETTERS]
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


def _own(template):
    """A template without its fields; itself if it has none, or is none."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return template
    return "".join(part[0] for part in parts) if any(part[1] is not None for part in parts) else template


def pattern(template):
    """What a text made of a template matches; each field is a group, its name after an f."""
    made, seen = "", set()
    for own, name, _spec, _conversion in string.Formatter().parse(template):
        made += re.escape(own)
        if name is not None:
            made += f"(?P=f{name})" if name in seen else f"(?P<f{name}>.*?)"
            seen.add(name)
    return re.compile(made, re.DOTALL)


def _filled(template, values):
    """Templates of f-strings have numbers as fields, which format takes from a list."""
    numbers = [values[name] for name in sorted((n for n in values if n.isdigit()), key=int)]
    return template.format(*numbers, **{name: value for name, value in values.items() if not name.isdigit()})
