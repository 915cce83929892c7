# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the release comes from: the Release Hub, or the folders of an offline upgrade."""

from __future__ import annotations

import os
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from ..engine import steps
from ..k8s.connection import bypassed
from ..redaction.text import redact
from .finding import STOP, WARNING, finding

SECONDS = 10
NO_ANSWER = (407, 502, 503, 504)  # a proxy's words, not the Release Hub's
HALF = (".partial", ".part", ".tmp", ".download", ".crdownload", ".filepart", ".aria2")
MOST_FILES = 200_000


def hub(server, environment, secrets=(), ask=None):
    """A warning if the Release Hub does not respond, asked without a token. environment: monqctl's, for its proxy and
    its certificates."""
    try:
        status = (ask or _ask)(server, environment)
        error = f"status {status}" if status in NO_ANSWER else ""
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "reason", None) or exc
        error = f"{type(reason).__name__}: {reason}"
    if not error:
        return []
    shown = redact(server, secrets)
    return [finding("releasehub.unreachable", WARNING, server=shown, error=redact(error, secrets)[:300])]


def _ask(server, environment):
    """The status of a response; any means that the server is there."""
    proxies = urllib.request.getproxies()
    for name, value in environment.items():
        if name.lower().endswith("_proxy"):
            proxies[name.lower()[: -len("_proxy")]] = value
    parts = urlsplit(server)
    excluded = proxies.pop("no", "")
    if bypassed(parts.hostname or "", parts.port, excluded):
        proxies = {}
    handlers = [urllib.request.ProxyHandler({kind: value for kind, value in proxies.items() if value})]
    if parts.scheme == "https":
        trusted = environment.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_FILE")
        handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=trusted)))
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = [("User-Agent", "monq.platform")]
    try:
        with opener.open(server, timeout=SECONDS) as answer:
            return answer.status
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code


def folder(path):
    """A stop if a folder of an offline upgrade is missing or empty."""
    if os.path.isdir(path) and os.listdir(path):
        return []
    return [finding("bundle.missing", STOP, path=path, problem="empty" if os.path.isdir(path) else "no such folder")]


def completeness(path, wanted=()):
    """Warnings about files of a folder that are empty or half-written, and about wanted ones that are not there.

    wanted: relative paths; the folders above them are not known.
    """
    if not os.path.isdir(path):
        return []
    files = _files(path)
    found = []
    for what, names in (
        ("empty", [name for name, size in files.items() if size == 0]),
        ("half-written, by their names", [name for name in files if name.lower().endswith(HALF)]),
    ):
        if names:
            found.append(_incomplete(path, "only whole files", f"{what}: {_some(names)}"))
    absent = [name for name in wanted if not any(f"/{there}".endswith(f"/{name}") for there in files)]
    if files and absent:
        expected = f"the {len(wanted)} files of the release that this collection knows"
        found.append(_incomplete(path, expected, f"not found: {_some(absent)}"))
    return found


def _incomplete(path, expected, problem):
    return finding("bundle.incomplete", WARNING, path=path, expected_files=expected, problem=problem)


def _files(path):
    """{relative path: size}"""
    found = {}
    for root, _folders, names in os.walk(path):
        for name in names:
            full = os.path.join(root, name)
            if len(found) >= MOST_FILES:
                return found
            found[os.path.relpath(full, path).replace(os.sep, "/")] = os.stat(full, follow_symlinks=True).st_size
    return found


def _some(names, most=5):
    names = sorted(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def of_release(release, modules):
    """The files that the release's own data name, below each module's folder."""
    wanted = []
    for module in steps.ordered(release, "modules", [m for m in modules if m in release["modules"]]):
        wanted += [f"{module}/{sql['file']}" for sql in release["modules"][module]["sql"]]
        wanted += [f"{module}/{row['file']}" for row in release.get("routing_files", []) if row["module"] == module]
    return wanted
