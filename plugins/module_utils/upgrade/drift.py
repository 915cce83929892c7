# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..language import mark

DIFFERS = mark("{field} differs")


def drift(before, after):
    """{name: [what Replace changed other than image, count and the release's template]}, without values."""
    then = {d["metadata"]["name"]: d for d in before}
    report = {}
    for deployment in after:
        name = deployment["metadata"]["name"]
        if name in then:
            lines = _pod(then[name]["spec"]["template"]["spec"], deployment["spec"]["template"]["spec"])
            if lines:
                report[name] = lines
    return report


def _pod(old, new):
    lines = []
    was = {c["name"]: c for c in old["containers"]}
    now = {c["name"]: c for c in new["containers"]}
    lines += [f"container {name} is gone" for name in sorted(set(was) - set(now))]
    for name in sorted(set(was) & set(now)):
        lines += _env(was[name], now[name])
        if (was[name].get("resources") or {}) != (now[name].get("resources") or {}):
            lines.append(f"resources of container {name} differ")
    for field in ("tolerations", "nodeSelector", "affinity", "priorityClassName", "serviceAccountName"):
        if (old.get(field) or None) != (new.get(field) or None):
            lines.append(DIFFERS.format(field=field))
    return lines


def _env(was, now):
    old, new = ({e["name"]: e for e in c.get("env") or []} for c in (was, now))
    lines = [f"env {name} is gone" for name in sorted(set(old) - set(new))]
    return lines + [
        f"env {name} has a different value" for name in sorted(set(old) & set(new)) if old[name] != new[name]
    ]
