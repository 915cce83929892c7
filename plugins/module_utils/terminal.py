# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decodes and cleans what a program printed, once, before anybody reads, judges or shows it. Standard library only."""

from __future__ import annotations

import codecs
import re
import unicodedata

# Bytes kept of a stream: its head and its tail. A template is far smaller; a client in a loop is not.
LIMIT = 64 * 2**20
CUT = "\n[… {} bytes left out …]\n"

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What Russian systems use besides UTF-8. Which one it is can be told by the letters: ordinary text is in lower case.
_RUSSIAN = ("cp1251", "koi8-r", "cp866")
_ORDINARY = re.compile("[а-яё]")

# ECMA-48: CSI and OSC sequences, then any other escape; 8-bit CSI too.
_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
)
_LINE_ENDS = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")


class Kept:
    """What is kept of a stream of bytes: all of it up to LIMIT, else its head and its tail."""

    def __init__(self, limit=LIMIT):
        self._limit, self._head, self._tail, self._left_out = limit, bytearray(), bytearray(), 0

    def add(self, data):
        room = max(0, self._limit // 2 - len(self._head))
        self._head += data[:room]
        self._tail += data[room:]
        excess = len(self._tail) - self._limit // 2
        if excess > self._limit // 2:  # seldom, as it moves the rest
            self._cut(excess)

    def _cut(self, excess):
        del self._tail[:excess]
        self._left_out += excess

    def text(self):
        self._cut(max(0, len(self._tail) - self._limit // 2))
        if not self._left_out:
            return decode(bytes(self._head + self._tail))
        return decode(bytes(self._head)) + CUT.format(self._left_out) + decode(bytes(self._tail))


def decode(data):
    """The text of a program's bytes: by its byte order mark, else UTF-8, else the likeliest Russian encoding."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    text = data.decode("utf-8", "replace")
    if text.count("\ufffd") <= 2:  # a character that was cut in two, or one that the program itself could not write
        return text
    guesses = [data.decode(encoding, "replace") for encoding in _RUSSIAN]
    best = max(guesses, key=lambda guess: len(_ORDINARY.findall(guess)))
    return best if _ORDINARY.search(best) else text


def clean(text):
    """The text as plain lines: without byte order marks, escape sequences and characters that are not seen. A carriage
    return ends a line, so that what a progress bar overwrote can still be read."""
    text = _LINE_ENDS.sub("\n", _ESCAPES.sub("", text))
    if text.isascii() and text.isprintable():
        return text
    return "".join(_seen(character) for character in text)


def _seen(character):
    if character in "\n\t" or " " <= character <= "~":
        return character
    kind = unicodedata.category(character)
    # Cc: control; Cf: byte order mark, zero width, direction overrides; Cs, Co: no characters at all
    if kind in ("Cc", "Cf", "Cs", "Co"):
        return ""
    return " " if kind == "Zs" else character


def lines(text):
    """The lines that say something, without blanks around them."""
    return [line.strip() for line in text.split("\n") if line.strip()]
