# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .cluster import apps, core, ingresses


def deployments(cluster, namespace):
    return cluster.items(apps(namespace, "deployments"))


def routes(cluster, namespace):
    return cluster.items(ingresses(cluster, namespace))


def hpas(cluster, namespace):
    return cluster.items(f"/apis/autoscaling/v1/namespaces/{namespace}/horizontalpodautoscalers")


def pods(cluster, namespace):
    return cluster.items(core(namespace, "pods"))


def replica_sets(cluster, namespace):
    return cluster.items(apps(namespace, "replicasets"))
