# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what monqctl printed by rules that are data: _monq_client_rules, and over them the operator's
monq_client_rules. Pure: no input, no output."""

from __future__ import annotations

import json
import re
from collections import namedtuple

from ..errors import InputError
from ..terminal import lines

VARIABLE = "monq_client_rules"
KINDS = ("failure", "harmless", "success", "never_began", "answer", "healthy", "failed")
DONE, FAILED, UNKNOWN = "done", "failed", "not known"

# state: DONE, FAILED or UNKNOWN; rule: what decided, as call.kind.name, or empty; line: the line that it matched
Verdict = namedtuple("Verdict", "state rule line")


class Rules:
    """{command's leading words, or "*": {kind: {name: regular expression, a list of them, or null}}}. For a longer
    command a rule of the same name takes the place of the shorter one's."""

    def __init__(self, given):
        self._compiled = {}
        for call, kinds in given.items():
            for kind, named in self._checked(call, kinds).items():
                for name, pattern in self._checked(f"{call}.{kind}", named).items():
                    self._compiled[call, kind, name] = _compiled(f"{call}.{kind}.{name}", pattern)
                if kind not in KINDS:
                    raise _unusable(f"{call}.{kind}", f"one of {', '.join(KINDS)}", kind)

    @staticmethod
    def _checked(where, value):
        if not isinstance(value, dict):
            raise _unusable(where, "a mapping", type(value).__name__)
        return value

    def of(self, argv, kind):
        """{name: (rule as call.kind.name, compiled)} that hold for a command, those of longer commands last."""
        words = " ".join(word for word in argv if not word.startswith("-")) + " "
        calls = {call for call, _kind, _name in self._compiled if call == "*" or words.startswith(call + " ")}
        found = {}
        for call in sorted(calls, key=lambda call: (call != "*", len(call))):
            for (whose, which, name), pattern in self._compiled.items():
                if (whose, which) == (call, kind):
                    found.pop(name, None)
                    if pattern:
                        found[name] = (f"{call}.{kind}.{name}", pattern)
        return found

    def names(self, argv, kind):
        """The rules that hold for a command, as call.kind.name."""
        return [rule for rule, _pattern in self.of(argv, kind).values()]

    def first(self, argv, kind, text):
        """(rule, line) of the first line that a rule of this kind matches, or None."""
        rules = list(self.of(argv, kind).values())
        spared = [pattern for _rule, pattern in self.of(argv, "harmless").values()] if kind == "failure" else []
        for line in lines(text):
            rest = line
            for pattern in spared:
                rest = pattern.sub(" ", rest)
            for rule, pattern in rules:
                if pattern.search(rest.strip()):
                    return rule, line
        return None

    def judge(self, argv, status, text):
        """The Verdict on a call that has ended, by its status and words alone."""
        failure = self.first(argv, "failure", text)
        if status:
            return Verdict(FAILED, *(failure or ("", "")))
        if failure:
            return Verdict(FAILED, *failure)
        if self.of(argv, "success"):
            success = self.first(argv, "success", text)
            return Verdict(DONE, *success) if success else Verdict(UNKNOWN, "success", "")
        return Verdict(DONE, "", "")

    def never_began(self, argv, text):
        """Whether the first line says that the client did not reach its target. Later ones may tell of a connection
        that was lost midway."""
        first = next(iter(lines(text)), "")
        return self.first(argv, "never_began", first) is not None

    def answers(self, argv, text):
        """The different answers that the first matching rule finds in a text, in order; without rules, its one line."""
        said = lines(text)
        for _rule, pattern in self.of(argv, "answer").values():
            found = [match.group("answer").strip() for match in map(pattern.search, said) if match]
            if found:
                return list(dict.fromkeys(found))
        return [] if self.of(argv, "answer") or len(said) != 1 else said

    def state(self, argv, text):
        """FAILED, DONE or UNKNOWN: what a row of a status says."""
        if self.first(argv, "failed", text):
            return FAILED
        return DONE if self.first(argv, "healthy", text) else UNKNOWN


def _compiled(where, pattern):
    if pattern is None:
        return None
    parts = pattern if isinstance(pattern, list) else [pattern]
    if not parts or not all(isinstance(part, str) and part for part in parts):
        raise _unusable(where, "a regular expression or a list of them, or null to switch the rule off", repr(pattern))
    try:
        compiled = re.compile(parts[0] if len(parts) == 1 else "|".join(f"(?:{part})" for part in parts), re.IGNORECASE)
    except re.error as exc:
        raise _unusable(where, "a regular expression", f"{pattern}: {exc}") from exc
    if ".answer." in where and "answer" not in compiled.groupindex:
        raise _unusable(where, "a regular expression with a group (?P<answer>…)", pattern)
    return compiled


def _unusable(where, expected, seen):
    return InputError(f"{VARIABLE} holds a rule that cannot be used", f"{VARIABLE}: {where}", expected, seen)


def off(rule):
    """The option that switches a rule off. rule: call.kind.name."""
    call, kind, name = rule.rsplit(".", 2)
    return "-e '" + json.dumps({VARIABLE: {call: {kind: {name: None}}}}, ensure_ascii=False) + "'"


def spare(argv, line):
    """The option that makes a line harmless for a command."""
    call = " ".join(word for word in argv if not word.startswith("-"))
    rule = {call: {"harmless": {"this_line": "^" + re.escape(line) + "$"}}}
    return "-e '" + json.dumps({VARIABLE: rule}, ensure_ascii=False).replace("'", "\\u0027") + "'"
