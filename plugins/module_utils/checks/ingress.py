# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from ..k8s import routes
from .finding import INFO, WARNING, finding

PREFIX = "nginx.ingress.kubernetes.io/"
CANARY = PREFIX + "canary"
CLASS = "kubernetes.io/ingress.class"
ALLOW, RISK = "allow-snippet-annotations", "annotations-risk-level"
CRITICAL = "Critical"  # the risk of snippets
# What a controller does that has no such setting: 1.9.0 forbids snippets, 1.12.0 refuses annotations of that risk.
FORBIDS, REFUSES = (1, 9, 0), (1, 12, 0)
IMAGE = re.compile(r"(?:ingress-nginx[/-]controller(?:-chroot)?|nginx-ingress-controller[^/:@]*)(?::(?P<tag>[^@]+))?")


def snippets(ingresses):
    """{name of an Ingress: its annotations that are snippets}"""
    found = {}
    for ingress in ingresses:
        notes = ingress["metadata"].get("annotations") or {}
        names = sorted(name for name in notes if name.startswith(PREFIX) and name.endswith("-snippet"))
        if names:
            found[ingress["metadata"]["name"]] = names
    return found


def controllers(workloads):
    """[{name, namespace, version, configmap, classes}] of the Deployments and DaemonSets that are ingress-nginx."""
    found = []
    for kind, workload in workloads:
        for container in workload["spec"]["template"]["spec"].get("containers") or []:
            image = IMAGE.search(container.get("image") or "")
            if not image:
                continue
            numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", image.group("tag") or "")
            arguments = [*(container.get("command") or []), *(container.get("args") or [])]
            namespace = workload["metadata"].get("namespace", "")
            settings = _argument(arguments, "--configmap").replace("$(POD_NAMESPACE)", namespace)
            found.append(
                {
                    "name": f"{kind} {namespace}/{workload['metadata']['name']}",
                    "version": tuple(map(int, numbers.groups())) if numbers else None,
                    "configmap": settings,
                    "class": _argument(arguments, "--ingress-class") or "nginx",
                }
            )
    return found


def _argument(arguments, name):
    """The value of --name=value or --name value."""
    for place, word in enumerate(arguments):
        if word.startswith(name + "="):
            return word[len(name) + 1 :]
        if word == name:
            return (arguments[place + 1 :] or [""])[0]
    return ""


def forbidden(version, settings):
    """What keeps a controller from using snippets: [(setting as seen, remedy)]; None where that is not known.

    settings: of its ConfigMap; None if they cannot be read.
    """
    if settings is None:
        return None
    allow, risk = settings.get(ALLOW), settings.get(RISK)
    if version is None and (allow is None or risk is None):
        return None
    found = []
    if allow is None and version >= FORBIDS:
        found.append((f"{ALLOW} is not set, which means false since version {_text(FORBIDS)}", f"{ALLOW}: 'true'"))
    elif allow is not None and allow.lower() != "true":
        found.append((f"{ALLOW}: {allow}", f"{ALLOW}: 'true'"))
    if risk is None and version >= REFUSES:
        found.append((f"{RISK} is not set, which means High since version {_text(REFUSES)}", f"{RISK}: {CRITICAL}"))
    elif risk is not None and risk != CRITICAL:
        found.append((f"{RISK}: {risk}", f"{RISK}: {CRITICAL}"))
    return found


def snippet_findings(ingresses, known, settings):
    """Findings for every controller that may serve routes with snippets and does not use them.

    known: of controllers(). settings: returns the data of a ConfigMap "namespace/name", None if it cannot be read.
    """
    found = []
    for controller in known:
        mine = [i for i in ingresses if _class(i) in ("", controller["class"])]
        used = snippets(mine)
        if not used:
            continue
        ingress, annotations = sorted(used.items())[0]
        version = _text(controller["version"]) if controller["version"] else "of unknown version"
        name = f"{controller['name']} (ingress-nginx {version})"
        kept = settings(controller["configmap"]) if controller["configmap"] else {}
        problems = forbidden(controller["version"], kept)
        if problems is None:
            seen = f"ConfigMap {controller['configmap']} not read" if kept is None else "the image tag shows no version"
            found.append(finding("ingress.version", INFO, controller=name, problem=seen, ingress=ingress))
        elif problems:
            found.append(
                finding(
                    "ingress.snippets",
                    WARNING,
                    controller=name,
                    annotations=annotations,
                    ingress=ingress,
                    setting="; ".join(seen for seen, _remedy in problems),
                    remedy=" and ".join(remedy for _seen, remedy in problems),
                    configmap=controller["configmap"] or "(none yet: --configmap)",
                )
            )
    return found


def _text(version):
    return ".".join(map(str, version))


def _class(ingress):
    notes = ingress["metadata"].get("annotations") or {}
    return notes.get(CLASS) or ingress["spec"].get("ingressClassName") or ""


def duplicates(ingresses, elsewhere, reported=()):
    """Warnings about a host and path of more than one Ingress of the same class, one of them in this namespace.
    reported: names of Ingresses of which that is said already."""
    held = {}
    own = {_name(ingress) for ingress in ingresses}
    for ingress in [*ingresses, *elsewhere]:
        if (ingress["metadata"].get("annotations") or {}).get(CANARY) == "true":
            continue  # a canary shares its host and path on purpose
        for host, path in routes.pairs(ingress):
            held.setdefault((_class(ingress), host, path), set()).add(_name(ingress))
    found = []
    for (_kind, host, path), names in sorted(held.items()):
        if len(names) > 1 and names & own and not names & set(reported):
            found.append(finding("routing.duplicate", WARNING, host=host or "*", path=path, ingresses=sorted(names)))
    return found


def _name(ingress):
    return f"{ingress['metadata'].get('namespace', '')}/{ingress['metadata']['name']}"
