# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..errors import MonqError

STOP, WARNING, INFO = "stop", "warning", "info"


def finding(check, severity, obj, expected, seen, next_step=""):
    return {
        "check": check,
        "severity": severity,
        "object": obj,
        "expected": str(expected),
        "seen": str(seen),
        "next": next_step,
    }


def of_error(check, error: MonqError):
    return finding(
        check,
        STOP,
        error.obj or error.what,
        error.expected or "no error",
        (error.what + ": " if error.obj else "") + str(error.seen),
        error.next_step,
    )


def inside_outage(found):
    """The same findings inside the outage, with stops as warnings: the way out is forward, and the next step may repair
    what is wrong."""
    forward = (
        "the outage has begun: the run continues because later steps may fix this; if they do not, restore with "
        "rollback.yml"
    )
    return [{**one, "severity": WARNING, "next": forward} if one["severity"] == STOP else one for one in found]


def lost_ledger(release, namespace, snapshots):
    """The finding for snapshots whose ledger is gone: what their run did is no longer known."""
    return finding(
        "version",
        STOP,
        f"ConfigMap {namespace}/monq-upgrade-{release['version']}",
        f"the ledger of the run that created the snapshots {', '.join(snapshots)}",
        "deleted",
        "restore the ConfigMap from a backup of the cluster. Only if everything was returned to the previous release "
        "by hand, discard that run: "
        f"kubectl -n {namespace} delete secret {' '.join(snapshots)}",
    )
