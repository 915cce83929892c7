# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..checks import catalogue


def rows(found):
    """The lines for some findings: id, check and object, then what was expected and seen, and what to do."""
    lines = []
    for one in found:
        number = f"{one['id']} " if one.get("id") else ""
        lines.append(f"[{one['severity'].upper()}] {number}{one['check']}: {one['object']}")
        lines += [f"  {name}: {one[name]}" for name in ("expected", "seen", "next") if one.get(name)]
        unchecked = (one.get("parameters") or {}).get("unchecked")
        if unchecked:
            lines.append(f"  not checked because of this: {', '.join(unchecked)}")
    return lines


def explained(found):
    """The line that says where ids are explained; none without an id."""
    known = [one["id"] for one in found if one.get("id")]
    return [f"Each id is explained in {catalogue.PAGE}, such as {catalogue.page(known[0])}."] if known else []
