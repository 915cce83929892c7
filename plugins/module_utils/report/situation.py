# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the screen of status.yml shows and the ledger alone does not tell: the lock, open questions, the last failure,
files."""

from __future__ import annotations

import contextlib
import os
import re

from .. import timestamp
from ..engine.questions import open_questions
from ..engine.steps import DONE
from ..errors import MonqError
from . import facts, status

BUNDLE = re.compile(r"support-\d{8}T\d{6}\.\d{3}Z\.tar\.gz")
DUMP = re.compile(r".+\.dump")
PAGES = ("plan.md", "summary.txt", "report.html", "rollback-report.html")


def read(session):
    """{holder, now, questions, failure, files}. What cannot be read is left out: it must hide nothing else."""
    holder, now = session.lease.details(), _now(session.cluster)
    alive = holder.get("id", "") if status.silent(holder, now) is None else ""
    return {
        "holder": holder,
        "now": now,
        "questions": open_questions(session.run, alive),
        "failure": _failure(session, holder),
        "files": files(session.folder) if session.params["spool_directory"] else {},
    }


def _now(cluster):
    """The API server's time as text, or an empty one."""
    with contextlib.suppress(MonqError):
        seconds = cluster.clock()
        if seconds is not None:
            return timestamp.of_seconds(seconds)
    return ""


def _failure(session, holder):
    """The last failure recorded in the cluster; empty if a step was done since, or another run is at work."""
    ledger, known = session.run.ledger, {}
    with contextlib.suppress(MonqError):
        known = facts.read(session.cluster, session.namespace, session.release["version"], ledger.generation)
    found = (known.get("failures") or [{}])[-1]
    since = [entry.get("finished") or "" for entry in ledger.entries.values() if entry.get("state") in DONE]
    if not found.get("at") or any(moment > found["at"] for moment in since):
        return {}
    return {} if holder and holder["id"] != found.get("lock") else found


def files(folder):
    """{folder, dumps, pages, bundle}: what lies in the generation's folder on this host. bundle: the newest one."""
    names = []
    with contextlib.suppress(OSError):
        names = sorted(os.listdir(folder))
    return {
        "folder": folder,
        "dumps": sum(bool(DUMP.fullmatch(name)) for name in names),
        "pages": [name for name in PAGES if name in names],
        "bundle": next((name for name in reversed(names) if BUNDLE.fullmatch(name)), ""),
    }
