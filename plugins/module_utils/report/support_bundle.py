# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import contextlib
import datetime
import io
import json
import os
import platform
import sys
import tarfile
from importlib import metadata

from .. import timestamp
from ..arguments import cluster, known_secrets, live_progress
from ..engine import progress
from ..engine.lease import NAME, Lease
from ..engine.ledger import LABELS
from ..engine.spool import Spool
from ..errors import ApiError, ApiUnreachable, MonqError
from ..k8s.cluster import apps, core
from ..k8s.objects import hpas, replica_sets, routes
from ..k8s.watch import silent
from ..monqctl import tables
from ..monqctl.transcript import Transcript
from ..redaction.data import sanitise
from ..redaction.text import known, redact
from ..session import Session
from ..session import client as make_client
from ..version import COLLECTION
from . import difference
from . import upgrade as texts
from .redactions import NAME as REDACTIONS
from .redactions import Redactions

FILE_LIMIT = 4 << 20  # bytes of one file, before compression
LIST_LIMIT = 500  # objects of one kind
LIBRARIES = ("urllib3", "PyYAML", "kubernetes", "jmespath", "psycopg2-binary", "psycopg2", "cryptography")
PATIENCE = 20  # seconds that monqctl may take to respond


class Bundle:
    """Sanitised files, and the reason for each missing one."""

    def __init__(self, secrets=(), limit=FILE_LIMIT, say=silent):
        self._given, self._redactions = list(secrets), Redactions()
        self._secrets = known(self._given)
        self._limit, self._say = limit, say
        self._unreachable = ""
        self.files = {}
        self.missing = {}
        self.cut = {}

    def knows(self, *secrets):
        self._given += secrets
        self._secrets = known(self._given)

    def add(self, name, read, remote=True):
        """Adds a file with what read() returns: text, or JSON data. If it cannot be read, the reason is listed."""
        if remote and self._unreachable:
            self.missing[name] = self._unreachable  # asked once; every further request would take its own timeout
            return None
        self._say(f"support bundle: {name}")
        try:
            found = read()
            self.files[name] = self._text(name, found).encode()
            return found
        except (MonqError, OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as exc:
            self.lacks(name, exc)
            if isinstance(exc, ApiUnreachable):
                self._unreachable = self.missing[name]
        return None

    def lacks(self, name, exc):
        self.missing[name] = redact(_reason(exc), self._secrets, self._redactions.of("index.json"))[:300]

    def _text(self, name, found):
        cover = self._redactions.of(name)
        if isinstance(found, str):
            clean = redact(found, self._secrets, cover)
            if len(clean) > self._limit:
                self.cut[name] = f"the first {self._limit} characters of {len(clean)}"
            return clean[: self._limit]
        if not isinstance(found, list):
            text = json.dumps(sanitise(found, self._secrets, cover), indent=1, ensure_ascii=False, sort_keys=True)
            if len(text) > self._limit:
                raise ValueError(f"{len(text)} characters exceed the limit of {self._limit} for one file")
            return text
        rows, size = [], 0
        for item in found[:LIST_LIMIT]:
            row = json.dumps(sanitise(item, self._secrets, cover), ensure_ascii=False, sort_keys=True)
            size += len(row)
            if size > self._limit:
                break
            rows.append(row)
        if len(rows) < len(found) or len(found) == LIST_LIMIT:
            self.cut[name] = f"the first {len(rows)}"
        return "[\n" + ",\n".join(rows) + "\n]\n"

    def write(self, folder, now=None):
        """Writes support-<UTC time>.tar.gz atomically, readable by its owner only; returns its path."""
        moment = now or datetime.datetime.now(datetime.timezone.utc)
        name = f"support-{moment.strftime('%Y%m%dT%H%M%S')}.{moment.microsecond // 1000:03d}Z"
        index = {
            "made": timestamp.text(moment),
            "files": sorted([*self.files, REDACTIONS]),
            "missing": self.missing,
            "cut": self.cut,
        }
        index["note"] = (
            "Contains no Secrets. Known secrets, and whatever looks like one, are replaced by ********1*, ********2* "
            f"and so on: the same word is the same secret. {REDACTIONS} lists where, and by which rule. What a run had "
            "hidden before is ********. Review it before you pass it on."
        )
        files = {"index.json": _json(index), REDACTIONS: _json(self._redactions.listed()), **self.files}
        path, part = os.path.join(folder, name + ".tar.gz"), os.path.join(folder, f".{name}.partial")
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                with tarfile.open(fileobj=file, mode="w:gz") as archive:
                    for inner, data in files.items():
                        info = tarfile.TarInfo(f"{name}/{inner}")
                        info.size, info.mode, info.mtime = len(data), 0o600, int(moment.timestamp())
                        archive.addfile(info, io.BytesIO(data))
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError as exc:
            if os.path.exists(part):
                os.unlink(part)
            raise MonqError(
                "the support bundle cannot be written",
                path,
                "a writable folder with free space",
                str(exc),
                "check monq_backup_dir",
            ) from exc
        return path


def _json(found):
    return (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode()


def _reason(exc):
    if isinstance(exc, ApiError):
        return {403: "not readable by this account", 404: "not found"}.get(exc.status, f"{exc.status} {exc.message}")
    if isinstance(exc, MonqError) and exc.seen:
        return f"{exc.what}: {exc.seen.splitlines()[0]}"
    return str(exc).splitlines()[0] if str(exc) else type(exc).__name__


def collect(params, connect=cluster, client=None, ansible_version=""):
    """Collects everything that can be read now, without the lock; returns (bundle, generation)."""
    bundle = Bundle(known_secrets(params), say=live_progress(params).say)
    namespace, release = params["namespace"], params["plan"]["release"]
    client = client or make_client({**params, "monqctl_timeout": PATIENCE})
    found = {"generation": None}

    def connection():
        found.setdefault("cluster", None)
        found["cluster"] = found["cluster"] or connect(params)
        return found["cluster"]

    def overview():
        run = Session.open(params={**params, "lock_id": ""}, check_mode=True, cluster=connection()).run
        found["generation"] = run.ledger.generation
        spool = Spool(params["spool_directory"], params["spool_host"], release["version"])
        found["folder"] = spool.folder(run.ledger.generation)
        seen = progress.overview(run, params["lock_id"])
        return texts.plan({**seen, "lock": Lease(connection(), namespace).holder()})

    try:
        bundle.knows(*known_tokens(connection(), namespace, release))
    except (MonqError, ValueError, KeyError, TypeError) as exc:
        bundle.lacks("the registry's token, to mask it", exc)
    if params["failure"]:
        bundle.add("failure.txt", lambda: params["failure"], remote=False)
    bundle.add("overview.txt", overview)
    bundle.add("ledgers.json", lambda: ledgers(connection(), namespace, release["version"]))
    bundle.add(
        "lease.json", lambda: connection().find(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{NAME}")
    )
    deployments = bundle.add(
        "deployments.json", lambda: _plain(connection().items(apps(namespace, "deployments"), limit=LIST_LIMIT))
    )
    bundle.add("replicasets.json", lambda: _plain(replica_sets(connection(), namespace)))
    pods = bundle.add("pods.json", lambda: _plain(connection().items(core(namespace, "pods"), limit=LIST_LIMIT)))
    ingresses = bundle.add("ingresses.json", lambda: _plain(routes(connection(), namespace)))
    bundle.add("hpas.json", lambda: _plain(hpas(connection(), namespace)))
    bundle.add(
        "services.json",
        lambda: [
            service["metadata"]["name"] for service in connection().items(core(namespace, "services"), limit=LIST_LIMIT)
        ],
    )
    bundle.add("events.json", lambda: _plain(connection().items(core(namespace, "events"), limit=LIST_LIMIT)))
    status = bundle.add("registry_status.txt", lambda: client.read("registry", "get", "status"), remote=False)
    bundle.add("monqctl_transcript.jsonl", lambda: Transcript(found["folder"]).read(), remote=False)
    monqctl = bundle.add("monqctl_version.txt", lambda: client.read("version"), remote=False)
    software = bundle.add("versions.json", lambda: versions(connection, ansible_version), remote=False)
    before = _before(found.get("folder"))
    if before:
        now = difference.condition(
            deployments, pods, ingresses, registry_rows(status), compared_versions(software, monqctl)
        )
        bundle.add(difference.NAME, lambda: before, remote=False)
        bundle.add("difference.txt", lambda: difference.text(before, now), remote=False)
    return bundle, found["generation"]


def _before(folder_):
    """The facts that a run kept right before the outage, or None."""
    try:
        with open(os.path.join(folder_, difference.NAME), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError, TypeError):
        return None


def registry_rows(status):
    """{name: state} of the registry's status; None if it cannot be read."""
    return (tables.pairs(status) if status else None) or None


def compared_versions(software, monqctl):
    """The versions that matter to the upgrade, for a comparison; None if none is known."""
    found = {name: (software or {}).get(name) for name in ("collection", "kubernetes_server")}
    found["monqctl"] = next(iter((monqctl or "").strip().splitlines()), None)
    return {name: value for name, value in found.items() if value} or None


def known_tokens(connection, namespace, release):
    """The registry's token, read only to be masked wherever it occurs."""
    secret = connection.find(core(namespace, "secrets", release["registry_token"]["secret"])) or {}
    return [base64.b64decode(text).decode("utf-8", "replace") for text in (secret.get("data") or {}).values()]


def ledgers(connection, namespace, release):
    """All ledgers and archived ledgers, by label; by name if the account may not list."""
    wanted = ",".join(f"{key}={value}" for key, value in LABELS.items())
    try:
        found = connection.items(core(namespace, "configmaps"), labelSelector=wanted)
    except ApiError as exc:
        if exc.status != 403:
            raise
        found = [
            connection.find(core(namespace, "configmaps", f"monq-{kind}-{release}")) for kind in ("upgrade", "rollback")
        ]
    return [
        {
            "name": one["metadata"]["name"],
            "annotations": one["metadata"].get("annotations"),
            "steps": {key: _parsed(text) for key, text in (one.get("data") or {}).items()},
        }
        for one in found
        if one
    ]


def _parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def versions(connection, ansible_version):
    found = {
        "collection": COLLECTION,
        "ansible": ansible_version,
        "python": sys.version.split()[0],
        "system": platform.platform(),
    }
    try:
        found["kubernetes_server"] = connection().get("/version").get("gitVersion")
    except MonqError as exc:
        found["kubernetes_server"] = f"unknown: {_reason(exc)}"
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _plain(objects):
    return [
        {**one, "metadata": {key: value for key, value in one["metadata"].items() if key != "managedFields"}}
        for one in objects
    ]


def folder(directory, host, release, generation):
    """The generation's folder; if the ledger cannot be read, that of the newest generation."""
    base = os.path.join(directory, host, release)
    if generation is None:
        known = [int(name) for name in os.listdir(base) if name.isdigit()] if os.path.isdir(base) else []
        generation = max(known, default=1)
    return os.path.join(base, str(generation))


def make(params, check_mode=False, ansible_version=""):
    """The module's result."""
    bundle, generation = collect(params, ansible_version=ansible_version)
    result = {"files": sorted(bundle.files), "missing": bundle.missing, "path": ""}
    if not check_mode:
        result["path"] = bundle.write(
            folder(params["directory"], params["host"], params["plan"]["release"]["version"], generation)
        )
    return result
