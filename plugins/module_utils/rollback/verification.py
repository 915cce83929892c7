# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..errors import ApiUnreachable, LockError, MonqError
from ..k8s.cluster import apps
from .differences import described, leaving


def check(rollback, again=False):
    """Reads everything again and compares it with `original`; raises MonqError if something differs. again: an earlier
    check found differences, so they are restored once more before this one fails."""
    found, failed = differences(rollback), []
    if found and again:
        failed = _restore_again(rollback)
        found = differences(rollback)
    if found:
        raise MonqError(
            "the installation does not match its pre-upgrade state",
            f"namespace {rollback.namespace}",
            "Deployments, routes, template and counts as in the snapshot original",
            "; ".join(found + failed),
            "find out what is changing it, then run rollback.yml again: it restores what differs, and compares again",
            findings=found,
        )
    return {"deployments": len(rollback.snapshot("original")["deployments"]), "by_hand": rollback.by_hand()}


def differences(rollback):
    """The differences from `original`, as text."""
    found = [f"Deployment {change.name}: {described(change)}" for change in rollback.deployment_changes()]
    found += [f"Deployment {name}: still stopped, {count} before" for name, count in rollback.to_start_again()]
    found += [
        f"Ingress {change.name}: a new route, {'still being deleted' if leaving(change.present) else 'still present'}"
        for change in rollback.new_routes()
    ]
    found += [f"Ingress {change.name}: {described(change)}" for change in rollback.old_routes()]
    registry = rollback.cluster.find(apps(rollback.namespace, "deployments", rollback.registry_deployment))
    if not registry or leaving(registry):
        found.append(
            f"Deployment {rollback.registry_deployment}: create" + (" (still being deleted)" if registry else "")
        )
    if rollback.template_differs():
        found.append("K8s template in the registry: it differs")
    if not rollback.manual:
        found += [
            f"{name} in the registry: {seen} instead of {wanted}" for name, seen, wanted in rollback.registry_counts()
        ]
    return found


def _restore_again(rollback):
    """Repeats the earlier steps, each of which acts on differences only; returns the failures as text. One failure does
    not hold back the others."""
    rollback.run.repaired = True
    works = [
        rollback.remove_routes,
        rollback.restore_registry,
        rollback.apply_template,
        rollback.restore_deployments,
        *([] if rollback.manual else [rollback.restore_registry_replicas]),
        *([] if rollback.run.accepted("rollback.rollout.wait") else [rollback.wait_rollout]),
        rollback.restore_routes,
    ]
    failed = []
    for work in works:
        try:
            work()
        except (LockError, ApiUnreachable):
            raise
        except MonqError as exc:
            failed.append(f"{exc.what}: {exc.seen}")
    return failed
