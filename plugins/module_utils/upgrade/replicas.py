# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..k8s.rollout import desired, healthy


def hpa_targets(hpas):
    """The names of Deployments controlled by a HorizontalPodAutoscaler."""
    return {
        h["spec"]["scaleTargetRef"]["name"] for h in hpas if h["spec"]["scaleTargetRef"].get("kind") == "Deployment"
    }


def table(deployments, hpas, registry):
    """{name: {kubernetes, registry, hpa, paused, healthy}}; a count is None if its store does not know the service.
    registry: None if it was not read."""
    owned = hpa_targets(hpas)
    rows = {}
    for deployment in deployments:
        name = deployment["metadata"]["name"]
        rows[name] = {
            "kubernetes": desired(deployment),
            "registry": None,
            "hpa": name in owned,
            "paused": bool(deployment["spec"].get("paused")),
            "healthy": healthy(deployment),
        }
    for name, count in (registry or {}).items():
        rows.setdefault(
            name, {"kubernetes": None, "registry": None, "hpa": name in owned, "paused": False, "healthy": False}
        )["registry"] = count
    return rows


def registry_changes(before, now):
    """[(name, seen, wanted)] for the registry: services known both then and now with different counts."""
    return [
        (name, now[name], row["registry"])
        for name, row in sorted(before.items())
        if row["registry"] is not None and name in now and now[name] != row["registry"]
    ]


def kubernetes_changes(before, deployments, hpas):
    """[(name, seen, wanted)] for Kubernetes. A Deployment with an HPA is left to it, unless either count is 0, where an
    HPA is off."""
    owned = hpa_targets(hpas)
    changes = []
    for deployment in sorted(deployments, key=lambda d: d["metadata"]["name"]):
        name = deployment["metadata"]["name"]
        wanted = (before.get(name) or {}).get("kubernetes")
        if wanted is None or wanted == desired(deployment) or (name in owned and wanted and desired(deployment)):
            continue
        changes.append((name, desired(deployment), wanted))
    return changes


def appeared(before, names):
    return sorted(name for name in names if name not in before)


def vanished(before, names):
    return sorted(name for name in before if name not in names)
