# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan that can be approved: its id is a hash over the hashes of its parts, so that a stale one names the part that
differs. Pure: no input, no output."""

from __future__ import annotations

import hashlib
import json
import re

from .. import timestamp
from ..errors import InputError, StepError

FORMAT = "1.0"
VARIABLE = "monq_plan"
ID = re.compile(r"sha256:[0-9a-f]{64}")
SHOWN = 12  # differences of one part that a message shows


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value):
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def document(parts, made_at, about, shown):
    """The plan. about: what names the installation. shown: what is for people only, and not part of the id."""
    hashes = {name: digest(value) for name, value in parts.items()}
    return {
        "format": FORMAT,
        **about,
        "made_at": made_at,
        "id": "sha256:" + digest(hashes),
        "hashes": hashes,
        "parts": parts,
        "shown": shown,
    }


def wanted(given, host):
    """The plan that monq_plan names for a host: an id, a path, or "". Raises InputError."""
    if isinstance(given, dict):
        given = given.get(host, "")
        if not given:
            raise _unusable(host, "an id for each host of the run", "none for this host")
    given = str(given or "").strip()
    if given.startswith("{"):  # a survey, or -e key=value
        try:
            return wanted(json.loads(given), host)
        except ValueError as exc:
            raise _unusable(VARIABLE, "a JSON object of hosts", f"{exc}") from exc
    if given.startswith("sha256") and not ID.fullmatch(given):
        raise _unusable(VARIABLE, "sha256: and 64 hexadecimal digits", given[:80])
    return given


def read(text, where):
    """A plan from a file's content. Raises InputError where it is none, or was altered."""
    try:
        found = json.loads(text)
        hashes = {name: digest(value) for name, value in found["parts"].items()}
        version, said = str(found["format"]), found["id"]
        timestamp.parsed(found["made_at"])
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise _unusable(where, "a plan.json that this collection wrote", f"{type(exc).__name__}: {exc}") from exc
    if version.partition(".")[0] != FORMAT.partition(".")[0]:
        raise _unusable(where, f"format {FORMAT}", f"format {version}")
    if said != "sha256:" + digest(hashes):
        raise _unusable(where, f"the content that {said} was made of", "the file was altered")
    return found


def require_fresh(approved, now, max_age):
    """Raises StepError for a plan that is too old. now: UTC. max_age: seconds, 0 for any age."""
    age = (now - timestamp.parsed(approved["made_at"])).total_seconds()
    if max_age and age > max_age:
        raise StepError(
            "the approved plan is too old",
            approved["id"],
            f"made within {max_age} s (monq_plan_max_age)",
            f"made at {approved['made_at']}",
            "make a new plan with plan.yml, and have it approved",
        )


def require_same(approved, live):
    """Raises StepError where the installation is not in the state that was approved, and names the parts."""
    names = differing(approved, live)
    if names:
        raise StepError(
            "the installation is not in the state of the approved plan; nothing was changed",
            ", ".join(names),
            f"{approved['id']}, made at {approved['made_at']}",
            f"{live['id']}\n    " + "\n    ".join(explained(approved, live, names)),
            "look at the differences; make a new plan with plan.yml, and have it approved",
            parts=names,
            plan=live["id"],
        )


def differing(approved, live):
    """The names of the parts that differ."""
    names = sorted({*approved["parts"], *live["parts"]})
    return [name for name in names if approved["hashes"].get(name) != live["hashes"].get(name)]


def explained(approved, live, names):
    """One line for each difference: part, place, then, now."""
    lines = []
    for name in names:
        found = list(_compare(approved["parts"].get(name), live["parts"].get(name), name))
        more = [f"{name}: and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
        lines += found[:SHOWN] + more
    return lines


def _compare(then, now, where):
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted({*then, *now}):
            yield from _compare(then.get(key), now.get(key), f"{where}.{key}")
    elif isinstance(then, list) and isinstance(now, list):
        known = [canonical(one) for one in then], [canonical(one) for one in now]
        gone = [one for one in then if canonical(one) not in known[1]]
        new = [one for one in now if canonical(one) not in known[0]]
        yield from (f"{where}: no longer {_short(one)}" for one in gone)
        yield from (f"{where}: now also {_short(one)}" for one in new)
        if not gone and not new and then != now:
            yield f"{where}: in another order"
    elif then != now:
        yield f"{where}: {_short(then)} -> {_short(now)}"


def _short(value):
    text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= 160 else text[:160] + "…"


def _unusable(where, expected, seen):
    return InputError(f"{VARIABLE} cannot be used", where, expected, seen, "correct it, or make a plan with plan.yml")
