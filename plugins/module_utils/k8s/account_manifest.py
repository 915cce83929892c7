# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

RBAC = "rbac.authorization.k8s.io"
ACCOUNT = "monq-upgrade"


def manifest(tables, account=ACCOUNT):
    """A ServiceAccount, and a Role with its RoleBinding for each {name: (needed, named)}. They name no namespace:
    kubectl apply -n fills it in."""
    made = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}]
    for name, (needed, named) in tables.items():
        made += [role(name, needed, named), binding(name, account)]
    return made


def role(name, needed, named=None):
    """needed: a table like permissions.NEEDED; named: as returned by permissions.names."""
    rules = []
    for group, resource, verbs, _purpose in needed:
        by_name = {}
        for verb in verbs:
            by_name.setdefault((named or {}).get((group, resource, verb), ()), []).append(verb)
        for only, same in by_name.items():
            rules.append(
                {
                    "apiGroups": [group],
                    "resources": [resource],
                    **({"resourceNames": list(only)} if only else {}),
                    "verbs": same,
                }
            )
    return {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}


def binding(name, account):
    """A RoleBinding; a ServiceAccount without a namespace is one in the binding's own namespace."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account}],
    }
