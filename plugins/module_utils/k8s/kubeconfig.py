# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a kubeconfig as kubectl does, without the kubernetes library, whose import costs every module half a second."""

from __future__ import annotations

import base64
import binascii
import os
from collections import namedtuple

from .. import prerequisites
from ..errors import ApiUnreachable

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
PATHS = {"cluster": ("certificate-authority",), "user": ("client-certificate", "client-key", "tokenFile")}
CHECK = "check monq_kubeconfig and monq_kube_context"

# What a connection needs. ca, certificate, key: PEM as bytes, or None. token: a callable that returns the bearer token,
# or None. login: (user, password) or None. headers: [(name, value)] for impersonation. secrets: never to be shown.
# plugin: the kubeconfig as a dict, if the credentials come from an exec plugin or an auth provider.
Access = namedtuple(
    "Access", "server ca verify server_name proxy certificate key token login headers secrets plugin origin"
)


def access(kubeconfig=None, context=None, environment=None, account=ACCOUNT):
    """The Access of a context. Raises an ApiUnreachable that names the file and the problem."""
    environment = os.environ if environment is None else environment
    paths = _paths(kubeconfig, environment)
    if not paths:
        return _in_cluster(environment, account, context)
    return _of_context(_merged(paths), context, ", ".join(paths))


def _error(origin, expected, seen, command=""):
    """command: what puts the file there, if that is what is wrong."""
    then = f"{command}; and check monq_kubeconfig" if command else CHECK
    return ApiUnreachable("the kubeconfig cannot be used", origin, expected, seen, then)


# ---- files


def _paths(kubeconfig, environment):
    """The files that exist. Empty if none was asked for and none exists: the pod's service account may be used."""
    asked = kubeconfig or environment.get("KUBECONFIG") or ""
    candidates = [path for path in asked.split(os.pathsep) if path] or ["~/.kube/config"]
    candidates = [os.path.abspath(os.path.expanduser(path)) for path in candidates]
    found = [path for path in candidates if os.path.exists(path)]
    if asked and not found:
        raise _error(
            ", ".join(candidates),
            "a file",
            "no such file" if kubeconfig else "no such file; the variable KUBECONFIG names it",
            prerequisites.kubeconfig(candidates[0]) if kubeconfig else "",
        )
    return found


def _load(path):
    try:
        import yaml
    except ImportError as exc:
        raise prerequisites.missing("yaml", exc) from exc
    try:
        with open(path, encoding="utf-8") as file:
            found = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as exc:
        command = prerequisites.kubeconfig(path) if isinstance(exc, PermissionError) else ""
        raise _error(path, "a readable file", exc.strerror or str(exc), command) from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        mark = getattr(exc, "problem_mark", None)
        raise _error(path, "YAML", f"line {mark.line + 1} is not YAML" if mark else "not UTF-8") from exc
    if found is None:
        found = {}
    if not isinstance(found, dict):
        raise _error(path, "a kubeconfig", f"a {type(found).__name__}")
    return found


def _merged(paths):
    """Merges the files' entries by name; as with kubectl, the first file with a name or a current context wins."""
    merged = {"clusters": {}, "users": {}, "contexts": {}, "current-context": ""}
    for path in paths:
        found = _load(path)
        merged["current-context"] = merged["current-context"] or found.get("current-context") or ""
        for part, kind in (("clusters", "cluster"), ("users", "user"), ("contexts", "context")):
            rows = found.get(part) or []
            if not isinstance(rows, list) or not all(
                isinstance(row, dict) and isinstance(row.get(kind) or {}, dict) for row in rows
            ):
                raise _error(path, f"{part}: a list of entries with name and {kind}", "something else")
            for row in rows:
                merged[part].setdefault(row.get("name"), _absolute(kind, row.get(kind) or {}, os.path.dirname(path)))
    return merged


def _absolute(kind, entry, folder):
    """The entry with absolute paths; they are relative to the file that names them."""
    entry = {
        key: os.path.normpath(os.path.join(folder, value)) if key in PATHS.get(kind, ()) and value else value
        for key, value in entry.items()
    }
    plugin = entry.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command") or ""):
        entry["exec"] = {**plugin, "command": os.path.normpath(os.path.join(folder, plugin["command"]))}
    return entry


# ---- a context


def _of_context(merged, context, origin):
    name = context or merged["current-context"]
    known = f"one of: {', '.join(sorted(map(str, merged['contexts']))) or 'none'}"
    if not name:
        raise _error(origin, "a current context, or monq_kube_context", "neither")
    if name not in merged["contexts"]:
        raise _error(f"{origin}, context {name}", known, "no such context")
    chosen = merged["contexts"][name]
    origin = f"{origin}, context {name}"
    cluster = merged["clusters"].get(chosen.get("cluster"))
    if not cluster or not cluster.get("server"):
        raise _error(origin, f"cluster {chosen.get('cluster')} with a server", "none")
    if chosen.get("user") and chosen["user"] not in merged["users"]:
        raise _error(origin, f"user {chosen['user']}", "no such user")
    user = merged["users"].get(chosen.get("user")) or {}
    token = _token(user, origin)
    plugin = "auth-provider" in user or ("exec" in user and not token)
    login = (
        (str(user["username"]), str(user["password"]))
        if user.get("username") and user.get("password") and not token
        else None
    )
    key = _content(user, "client-key", origin)
    return Access(
        server=str(cluster["server"]).rstrip("/"),
        ca=_content(cluster, "certificate-authority", origin),
        verify=not cluster.get("insecure-skip-tls-verify"),
        server_name=cluster.get("tls-server-name") or None,
        proxy=cluster.get("proxy-url") or None,
        certificate=_content(user, "client-certificate", origin),
        key=key,
        token=token,
        login=login,
        headers=_impersonation(user),
        secrets=[text for text in ([token()] if token else []) + [login[1] if login else ""] + _words(key) if text],
        plugin=_alone(chosen, cluster, user) if plugin else None,
        origin=origin,
    )


def _alone(chosen, cluster, user):
    """A kubeconfig with only this context, for the library."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "monq",
        "contexts": [{"name": "monq", "context": {**chosen, "cluster": "monq", "user": "monq"}}],
        "clusters": [{"name": "monq", "cluster": cluster}],
        "users": [{"name": "monq", "user": user}],
    }


def _content(entry, key, origin):
    """An entry's PEM, from its data or a file; as with kubectl, the data win."""
    data, path = entry.get(f"{key}-data"), entry.get(key)
    try:
        if data:
            return base64.b64decode(data, validate=False)
        if path:
            with open(path, "rb") as file:
                return file.read()
    except (binascii.Error, ValueError) as exc:
        raise _error(origin, f"{key}-data in base64", "other characters") from exc
    except OSError as exc:
        raise _error(f"{origin}, {key} {path}", "a readable file", exc.strerror or str(exc)) from exc
    return None


def _token(user, origin):
    """A callable that returns the bearer token, or None. A file is read each time, as tokens of pods are rotated."""
    path, fixed = user.get("tokenFile"), str(user.get("token") or "").strip()
    if not path:
        return (lambda: fixed) if fixed else None

    def read():
        try:
            with open(path, encoding="ascii") as file:
                return file.read().strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise _error(
                f"{origin}, tokenFile {path}", "a readable token", getattr(exc, "strerror", None) or "not ASCII"
            ) from exc

    read()
    return read


def _impersonation(user):
    headers = [("Impersonate-User", user["as"])] if user.get("as") else []
    headers += [("Impersonate-Uid", user["as-uid"])] if user.get("as-uid") else []
    headers += [("Impersonate-Group", group) for group in user.get("as-groups") or []]
    return headers + [
        (f"Impersonate-Extra-{name}", value)
        for name, values in (user.get("as-user-extra") or {}).items()
        for value in values
    ]


def _words(key):
    """The lines of a private key, to be redacted: a message might quote them."""
    return [line for line in (key or b"").decode("latin-1").split() if len(line) >= 24]


# ---- a pod


def _in_cluster(environment, account, context):
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if context:
        raise _error("~/.kube/config", f"a kubeconfig with context {context}", "no kubeconfig")
    if not host or not port:
        command = prerequisites.kubeconfig(os.path.expanduser("~/.kube/config"))
        raise _error("~/.kube/config", "a kubeconfig, or the service account of a pod", "neither", command)
    user = {"tokenFile": os.path.join(account, "token")}
    cluster = {"certificate-authority": os.path.join(account, "ca.crt")}
    origin = f"service account of this pod, {account}"
    token = _token(user, origin)
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    ca = _content(cluster, "certificate-authority", origin)
    return Access(server, ca, True, None, None, None, None, token, None, [], [token()], None, origin)
