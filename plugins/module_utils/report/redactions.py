# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a support bundle hides: the same word for the same secret in all of its files, and the list of them."""

from __future__ import annotations

from ..redaction.encodings import MASK, WORD

NAME = "redactions.json"


class Redactions:
    """Numbers the secrets in the order in which they are met: ********1*, ********2*. It keeps the secrets in memory
    only."""

    def __init__(self):
        self._words, self._found = {}, {}

    def of(self, file):
        """What stands for a secret in that file, for redact() and sanitise()."""

        def cover(rule, value, times=1):
            known = WORD.search(value)
            if known and known[0] == value:
                return value  # hidden by an earlier rule, or by the run that wrote the text
            # What holds a hidden secret is hidden with it, and keeps its word.
            secret = value.strip(" \t,;")  # a rule may have taken what ends a word for a part of it
            word = known[0] if known else self._words.setdefault(secret, f"{MASK}{len(self._words) + 1}*")
            row = self._found.setdefault((file, rule), {"count": 0, "words": set()})
            row["count"] += times
            row["words"].add(word)
            return word

        return cover

    def listed(self):
        """[{file, rule, count, words}], by file and rule."""
        return [
            {"file": file, "rule": rule, "count": row["count"], "words": sorted(row["words"], key=_number)}
            for (file, rule), row in sorted(self._found.items())
        ]


def _number(word):
    return int(word[len(MASK) : -1] or 0) if word != MASK else 0
