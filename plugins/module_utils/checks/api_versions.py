# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks services for their version through the new routes, as a user's browser reaches them. Only warns: what the vendor
promises of this is not known."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

from ..k8s import routes
from ..upgrade import repair
from ..upgrade.template import SNIPPET
from .finding import WARNING, finding

SECONDS = 3.0  # for one answer
AT_ONCE = 8
MOST = 65536  # bytes of an answer
# What the Ingress controller adds, where it reads the snippet in the K8s template.
HEADER, VALUE = re.fullmatch(r"proxy_set_header (\S+) (\S+);", SNIPPET["Value"]).groups()
EXPRESSION = re.compile(r"[(\[*+?$^\\|].*")  # where the regular expression in a route's path begins


def asked(ingresses, release, modules, domains, path):
    """[(module, service, scheme, host, path)] to ask: each service once for each host, those of the modules only.

    path: with {path} for that of the route. Wildcard hosts cannot be asked.
    """
    found = {}
    for ingress in ingresses:
        secure = {host for tls in ingress["spec"].get("tls") or [] for host in tls.get("hosts") or []}
        for rule in ingress["spec"].get("rules") or []:
            host = rule.get("host", "")
            for one in (rule.get("http") or {}).get("paths") or []:
                service = _service(one.get("backend") or {})
                module = repair.module_of(release, modules, service)
                if module and host in domains and not host.startswith("*"):
                    prefix = EXPRESSION.sub("", one.get("path") or "/").rstrip("/")
                    scheme = "https" if routes.within(host, secure) else "http"
                    found.setdefault((service, host), (module, service, scheme, host, path.format(path=prefix)))
    return sorted(found.values())


def _service(backend):
    return backend.get("serviceName") or (backend.get("service") or {}).get("name") or ""


def examine(targets, release, pattern, ask=None):
    """Findings, all of them warnings. ask: (scheme, host, path, headers) → (status, body), or raises OSError."""
    ask = ask or _ask
    if not targets:
        return [finding("api.unanswered", WARNING, service="no service", url="", answer="no new route leads to one")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [
            one for found in pool.map(lambda target: _examined(target, release, pattern, ask), targets) for one in found
        ]


def _examined(target, release, pattern, ask):
    module, service, scheme, host, path = target
    url, wanted = f"{scheme}://{host}{path}", release["modules"][module]["version"]
    version, seen = _version(ask, target, {HEADER: VALUE})
    if version is None:
        return [finding("api.unanswered", WARNING, service=service, url=url, answer=seen)]
    found = []
    match = re.match(pattern, version)
    if (match.group("version") if match else version) != wanted:
        found.append(finding("api.version", WARNING, service=service, url=url, wanted=wanted, answer=version))
    bare, seen = _version(ask, target, {})
    if bare is None:
        found.append(finding("api.userspace", WARNING, service=service, url=url, header=HEADER, answer=seen))
    return found


def _version(ask, target, headers):
    """(the version, "") or (None, what was seen instead)"""
    _module, _service_name, scheme, host, path = target
    try:
        status, body = ask(scheme, host, path, headers)
    except (OSError, http.client.HTTPException) as exc:
        return None, f"{type(exc).__name__}: {exc}"[:200]
    if status != 200:
        return None, f"status {status}"
    try:
        version = json.loads(body)["version"]
    except (ValueError, KeyError, TypeError):
        return None, "status 200, but no version"
    return (version, "") if isinstance(version, str) else (None, "status 200, but no version")


def _ask(scheme, host, path, headers):
    given = {"timeout": SECONDS}
    if scheme == "https":
        connection = http.client.HTTPSConnection(host, context=ssl.create_default_context(), **given)
    else:
        connection = http.client.HTTPConnection(host, **given)
    try:
        connection.request(
            "GET", path, headers={"User-Agent": "monq.platform", "Accept": "application/json", **headers}
        )
        answer = connection.getresponse()
        return answer.status, answer.read(MOST)
    except socket.timeout as exc:
        raise OSError(f"no answer within {SECONDS:.0f} s") from exc
    finally:
        connection.close()
