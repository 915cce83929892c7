# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found in monqctl's cleaned output, and the errors where it is not found."""

from __future__ import annotations

import json

from ..errors import CommandError
from ..redaction import text as redaction
from . import tables
from .rules import DONE, FAILED, UNKNOWN, VARIABLE

UNREADABLE = "check monqctl's configuration and the registry, then run the same command again"
VERSION = ("version",)
CONTEXT = ("config", "current-context")
STATUS = ("registry", "get", "status")
SEEN = 300  # characters of a reply that a message shows


def answer(rules, argv, text, secrets=(), first=False):
    """The one answer that the rules find in a text. first: of several, the first one.

    Raises CommandError where there is none, or more than one.
    """
    found = rules.answers(argv, text)
    if len(found) == 1 or (first and found):
        return found[0]
    what = " ".join(argv)
    raise CommandError(
        f"monqctl {what}: " + ("the reply holds several answers" if found else "there is no answer in the reply"),
        f"monqctl {what}",
        f"one answer, by one of the rules {', '.join(rules.names(argv, 'answer')) or 'of ' + VARIABLE}",
        repr(redaction.redact(text, secrets).strip()[:SEEN]),
        f"add a rule that finds it: {example(what)}",
        unreadable=bool(text.strip()),
    )


def example(what):
    rule = {VARIABLE: {what: {"answer": {"mine": "context is (?P<answer>\\S+)"}}}}
    return "-e '" + json.dumps(rule) + "'"


def version(rules, text, secrets=()):
    """The version as a tuple, such as (1, 1, 2)."""
    return tuple(int(part) for part in answer(rules, VERSION, text, secrets, first=True).split("."))


def json_reply(text, what, secrets=()):
    """The reply's JSON, whatever surrounds it; an empty reply is an error, not an empty object (trap 16)."""
    if not text.strip():
        raise CommandError(f"{what} returned nothing", what, "JSON", "an empty reply", UNREADABLE)
    try:
        return tables.find_json(text)
    except ValueError as exc:
        seen = repr(redaction.redact(text, secrets)[:SEEN])
        raise CommandError(f"{what} did not return JSON", what, "JSON", seen, UNREADABLE) from exc


def shown_rows(rows, secrets=()):
    return {redaction.redact(name, secrets): redaction.redact(state, secrets) for name, state in rows.items()}


def tail(text, lines=15):
    return "\n".join(text.rstrip().splitlines()[-lines:])


def healthy_status(rules, text, ignored, secrets=()):
    """The rows of the status, redacted. Raises CommandError if a row failed that may not (trap 28), or if no rule knows
    what it says."""
    rows = tables.pairs(text)
    judged = {name: rules.state(STATUS, state) for name, state in rows.items() if name not in ignored}
    if not rows or (judged and DONE not in judged.values() and FAILED not in judged.values()):
        raise _status_error(
            "the registry's status cannot be read",
            "a table of names and states",
            repr(redaction.redact(text, secrets)[:SEEN]),
            f"run monqctl registry get status; where it is fine, add its words: {_healthy('its words')}",
        )
    failed = {name: state for name, state in rows.items() if judged.get(name) == FAILED}
    if failed:
        expected = f"no failed row except {', '.join(ignored)}"
        seen = _listed(shown_rows(failed, secrets))
        then = "fix what failed, then run the same command again"
        raise _status_error("the registry is not healthy", expected, seen, then)
    unknown = {name: state for name, state in rows.items() if judged.get(name) == UNKNOWN}
    if unknown:
        shown = shown_rows(unknown, secrets)
        raise _status_error(
            "the registry's status has rows that no rule knows",
            "states that are known as healthy",
            _listed(shown),
            f"where they are healthy: {_healthy(next(iter(shown.values())))}",
        )
    return shown_rows(rows, secrets)


def _listed(rows):
    return ", ".join(f"{name}: {state}" for name, state in rows.items())


def _healthy(words):
    rule = {VARIABLE: {" ".join(STATUS): {"healthy": {"mine": words}}}}
    return "-e '" + json.dumps(rule, ensure_ascii=False).replace("'", "\\u0027") + "'"


def _status_error(what, expected, seen, then):
    return CommandError(what, "monqctl registry get status", expected, seen, then)
