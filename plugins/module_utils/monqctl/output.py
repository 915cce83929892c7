# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re

from ..errors import CommandError
from ..redaction import text as redaction

UNREADABLE = "check monqctl's configuration and the registry, then run the same command again"


def version(text, secrets=()):
    """The version as a tuple, such as (1, 1, 2), from the first line of "monqctl version"."""
    first = (text.splitlines() or [""])[0]
    found = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", first)
    if not found:
        raise CommandError(
            "monqctl version did not print a version",
            "monqctl version",
            "a first line with vX.Y.Z",
            repr(redaction.redact(first, secrets)[:200]),
            "check monq_monqctl_path",
        )
    return tuple(int(part) for part in found.groups())


def status_rows(text):
    """{name: state} from the table of "registry get status": cells separated by |, rows between lines of dashes."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) >= 2 and cells[0] and not set(line.strip()) <= set("-+| "):
            rows[cells[0]] = cells[1]
    return rows


def json_reply(text, what, secrets=()):
    """The reply parsed as JSON; an empty reply is an error, not an empty object (trap 16)."""
    if not text.strip():
        raise CommandError(f"{what} returned nothing", what, "JSON", "an empty reply", UNREADABLE)
    try:
        return json.loads(text)
    except ValueError as exc:
        raise CommandError(
            f"{what} did not return JSON",
            what,
            "JSON",
            repr(redaction.redact(text, secrets)[:200]),
            UNREADABLE,
        ) from exc


def shown_rows(rows, secrets=()):
    return {redaction.redact(name, secrets): redaction.redact(state, secrets) for name, state in rows.items()}


def failure_patterns(patterns, argv):
    """The patterns that apply to argv: those of "*" and of the longest matching command, whose empty list disables
    all."""
    words = " ".join(word for word in argv if not word.startswith("-"))
    best = max((key for key in patterns if key != "*" and (words + " ").startswith(key + " ")), key=len, default=None)
    if best and not patterns[best]:
        return []
    return list(patterns.get("*", [])) + (list(patterns[best]) if best else [])


def failure_line(output, patterns):
    """The first output line that indicates failure, or None."""
    for pattern in patterns:
        found = re.search(pattern, output)
        if found:
            start = output.rfind("\n", 0, found.start()) + 1
            end = output.find("\n", found.end())
            return output[start : end if end >= 0 else len(output)].strip()
    return None


NEVER_BEGAN = re.compile(
    r"(?i)connection refused|could not connect|could not translate host name|no such host|no route to host|network is "
    r"unreachable"
    r"|connection to server .* failed"
)


def never_began(output):
    """Returns whether monqctl never reached its target, according to its first line. Later lines may mean that the
    connection was lost midway."""
    first = next((line for line in output.splitlines() if line.strip()), "")
    return bool(NEVER_BEGAN.search(first))


def tail(text, lines=15):
    return "\n".join(text.rstrip().splitlines()[-lines:])


BAD = re.compile(r"(?i)fail|error|unhealthy|down|unavailable|critical")


def failed_rows(rows, ignored):
    """The failed rows, except those that the release's data lists."""
    return {name: state for name, state in rows.items() if BAD.search(state) and name not in ignored}


def healthy_status(text, ignored, secrets=()):
    """The rows of the status, redacted. Raises CommandError if a row failed that may not (trap 28)."""
    rows = status_rows(text)
    failed = failed_rows(rows, ignored)
    if failed or not rows:
        raise CommandError(
            "the registry is not healthy" if rows else "the registry's status cannot be read",
            "monqctl registry get status",
            f"no failed row except {', '.join(ignored)}",
            ", ".join(f"{name}: {state}" for name, state in shown_rows(failed, secrets).items())
            or repr(redaction.redact(text, secrets)[:200]),
            "fix what failed, then run the same command again",
        )
    return shown_rows(rows, secrets)
