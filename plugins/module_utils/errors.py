# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class MonqError(Exception):
    """A failure that an operator can act on: what, on which object, expected, seen, and what to type next."""

    def __init__(self, what, obj="", expected="", seen="", next_step="", **details):
        super().__init__(what)
        self.what = what
        self.obj = obj
        self.expected = expected
        self.seen = seen
        self.next_step = next_step
        self.platform = ""  # filled in by whoever knows the ledger
        self.changed = ""  # likewise
        self.evidence = []  # lines: pod reason, event, last log line
        self.details = details

    def __str__(self):
        rows = (
            ("object", self.obj),
            ("expected", self.expected),
            ("seen", self.seen),
            *(("evidence", line) for line in self.evidence),
            ("changed", self.changed),
            ("platform", self.platform),
            ("next", self.next_step),
        )
        return "\n".join([self.what] + [f"  {name}: {value}" for name, value in rows if value])

    def result(self):
        """The keyword arguments for a module's fail_json."""
        return {"msg": str(self), "error": type(self).__name__, **self.details}


class TemplateError(MonqError, ValueError):
    """The K8s template is not what the registry should have answered."""


class InputError(MonqError, ValueError):
    """A variable of the operator is wrong."""


class ApiError(MonqError):
    """The Kubernetes API answered with an error status."""

    def __init__(self, status, reason, message, method, path):
        super().__init__(
            f"the Kubernetes API refused {method} {path}",
            obj=path,
            seen=f"{status} {reason}: {message}"[:2000],
            next_step="fix the cause, then run the same command again",
        )
        self.status = status
        self.reason = reason
        self.message = message


class ApiUnreachable(MonqError):
    """No answer from the Kubernetes API."""


class CommandError(MonqError):
    """monqctl, pg_dump or another program failed."""

    unknown = False  # True: nobody can tell whether the work was done


class StepError(MonqError):
    """A step may not start: predecessor, lock or an unresolved attempt stands before it."""


class LockError(MonqError):
    """The lock is held by another run, or this run has lost it."""


class LedgerError(MonqError):
    """The ledger cannot be read or written."""


class SnapshotError(MonqError):
    """A snapshot is missing, incomplete or altered."""
