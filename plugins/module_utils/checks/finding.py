# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..errors import MissingLibrary, MonqError
from ..redaction.text import redact
from . import catalogue

STOP, WARNING, INFO = "stop", "warning", "info"
LONGEST = 300  # characters of an unexpected error


def finding(name, severity, obj=None, expected=None, seen=None, next_step=None, **parameters):
    """One finding of the kind that the catalogue knows by this name. A text that is not given is made of the entry's
    template and the parameters."""
    number, entry = catalogue.of(name)
    texts = zip(catalogue.TEXTS, (obj, expected, seen, next_step))
    made = {what: str(catalogue.text(entry, what, parameters) if given is None else given) for what, given in texts}
    return {"id": number, "check": catalogue.check(entry), "severity": severity, **made, "parameters": parameters}


def of_error(name, error: MonqError, severity=STOP):
    """The finding for an error. A library that is missing is the same finding wherever it was noticed."""
    if isinstance(error, MissingLibrary):
        return finding("host.library", STOP, unchecked=[name], **error.details["missing"])
    return finding(
        name,
        severity,
        error.obj or error.what,
        error.expected or "no error",
        (error.what + ": " if error.obj else "") + str(error.seen),
        error.next_step,
        what=error.what,
    )


def unexpected(name, error, subject="", secrets=()):
    """The finding for an exception that nobody expected. It shows no traceback: values in it may be secret."""
    told = redact(f"{type(error).__name__}: {error}", secrets)[:LONGEST]
    return finding("check.unexpected", worst(name), failed=name, subject=subject or "the whole of it", error=told)


def merged(found):
    """The findings, each once; what could not be checked because of a missing library is listed in one place."""
    kept = []
    for one in found:
        same = [other for other in kept if _told(other) == _told(one)]
        if not same:
            kept.append(one)
        elif "unchecked" in one["parameters"]:
            names = same[0]["parameters"].setdefault("unchecked", [])
            names += [name for name in one["parameters"]["unchecked"] if name not in names]
    return kept


def _told(one):
    given = {name: value for name, value in one["parameters"].items() if name != "unchecked"}
    return {**one, "severity": "", "parameters": given} if one["check"] == "host" else one


def worst(name):
    """The gravest severity that a check can have: one that can only warn does not stop because it fails."""
    _number, entry = catalogue.of(name)
    return entry.get("severity", (STOP,))[0]


def inside_outage(found):
    """The same findings inside the outage, with stops as warnings: the way out is forward, and the next step may repair
    what is wrong."""
    forward = (
        "the outage has begun: the run continues because later steps may fix this; if they do not, restore with "
        "rollback.yml"
    )
    return [_warned(one, forward) if one["severity"] == STOP else one for one in found]


def _warned(one, forward):
    """What the inventory host lacks is repaired by its own command: no later step does that."""
    return {**one, "severity": WARNING, "next": one["next"] if one["check"] == "host" else forward}


def lost_ledger(release, namespace, snapshots):
    """The finding for snapshots whose ledger is gone: what their run did is no longer known."""
    return finding(
        "ledger.lost",
        STOP,
        namespace=namespace,
        ledger=f"monq-upgrade-{release['version']}",
        snapshots=snapshots,
        command=f"kubectl -n {namespace} delete secret {' '.join(snapshots)}",
    )
