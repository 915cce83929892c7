# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
import re
from fractions import Fraction

from ..k8s.rollout import desired
from .finding import WARNING, finding

QUANTITY = re.compile(r"([+-]?[0-9.]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)")
FACTORS = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1)}
FACTORS.update({letter: Fraction(1000 ** (place + 1)) for place, letter in enumerate("kMGTPE")})
FACTORS.update({f"{letter}i": Fraction(1024 ** (place + 1)) for place, letter in enumerate("KMGTPE")})
PODS = ("pods", "count/pods")


def amount(text):
    """A quantity of Kubernetes, such as 100m, 2Gi or 1e3, as a number; None if it is none."""
    found = QUANTITY.fullmatch(str(text))
    if not found:
        return None
    number, exponent, suffix = found.groups()
    return Fraction(number + (exponent or "")) * FACTORS[suffix or ""]


def findings(namespace, quotas, deployments):
    """Warnings about quotas that have no room for one new pod of a Deployment that keeps all its old pods until the new
    one is ready."""
    found = []
    for quota in quotas:
        if quota["spec"].get("scopes") or quota["spec"].get("scopeSelector"):
            continue  # counts only some pods
        status = quota.get("status") or {}
        hard, used = status.get("hard") or quota["spec"].get("hard") or {}, status.get("used") or {}
        for resource, limit in sorted(hard.items()):
            most, taken = amount(limit), amount(used.get(resource, "0"))
            needs = [(need, d["metadata"]["name"]) for d in deployments for need in [_need(d, resource)] if need]
            if most is None or taken is None or not needs:
                continue
            need, name = max(needs)
            if most - taken < need:
                found.append(
                    finding(
                        "quota.exceeded",
                        WARNING,
                        namespace=namespace,
                        quota=quota["metadata"]["name"],
                        resource=resource,
                        needed=_text(need),
                        deployment=name,
                        free=_text(most - taken),
                        used=str(used.get(resource, "0")),
                        hard=str(limit),
                    )
                )
    return found


def _need(deployment, resource):
    """What one new pod of a Deployment takes of a resource; 0 if an old pod may go first."""
    strategy = deployment["spec"].get("strategy") or {}
    rolling = strategy.get("rollingUpdate") or {}
    count = desired(deployment)
    if not count or strategy.get("type") == "Recreate" or _part(rolling.get("maxUnavailable", "25%"), count):
        return 0
    if resource in PODS:
        return Fraction(1)
    kind, _dot, name = resource.partition(".")
    kind, name = (kind, name) if kind in ("requests", "limits") else ("requests", resource)
    containers = deployment["spec"]["template"]["spec"].get("containers") or []
    amounts = [amount(((c.get("resources") or {}).get(kind) or {}).get(name, "0")) or 0 for c in containers]
    return sum(amounts, Fraction(0))


def _part(given, count):
    """maxUnavailable as a number of pods; a percentage is rounded down."""
    text = str(given)
    return math.floor(count * int(text[:-1]) / 100) if text.endswith("%") else int(text)


def _text(number):
    return str(int(number)) if number == int(number) else f"{float(number):g}"
