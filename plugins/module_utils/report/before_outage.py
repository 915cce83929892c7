# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state right before the outage, kept beside the backup: what a later support bundle is compared with."""

from __future__ import annotations

import contextlib
import json
import os

from .. import timestamp
from ..arguments import known_secrets
from ..errors import MonqError
from ..k8s import objects
from ..language import mark
from ..redaction.data import sanitise
from ..session import client as make_client
from . import difference
from .support_bundle import PATIENCE, compared_versions, registry_rows, versions

NOT_KEPT = mark("the state before the outage is not kept, so that a support bundle cannot be compared with it: {}")
STEP = "upgrade.snapshot.cut"


def keep(session, deployments, ingresses, client=None):
    """Writes the facts if this run has just saved the snapshot; returns warnings. It must not fail the run, nor delay
    the outage: monqctl is given PATIENCE seconds."""
    if session.check_mode or STEP not in session.run.done or not session.params["spool_directory"]:
        return []
    client = client or make_client({**session.params, "monqctl_timeout": PATIENCE})
    found = difference.condition(
        deployments,
        _read(lambda: objects.pods(session.cluster, session.namespace)),
        ingresses,
        registry_rows(_read(lambda: client.read("registry", "get", "status"))),
        compared_versions(versions(lambda: session.cluster, ""), _read(lambda: client.read("version"))),
    )
    moment = timestamp.text()
    data = sanitise({"at": moment, **found}, known_secrets(session.params))
    try:
        write(os.path.join(session.folder, difference.NAME), data)
    except (MonqError, OSError) as exc:
        return [NOT_KEPT.format(exc)]
    return []


def _read(ask):
    with contextlib.suppress(MonqError, ValueError, KeyError, TypeError, OSError):
        return ask()
    return None


def write(path, data):
    """Writes the file, mode 0600, whole or not at all."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(os.open(path + ".partial", os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        json.dump(data, file, ensure_ascii=False, indent=1, sort_keys=True)
        file.write("\n")
    os.replace(path + ".partial", path)
