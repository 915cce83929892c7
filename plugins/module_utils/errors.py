# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class MonqError(Exception):
    """A failure that an operator can act on: what failed, object, expected, seen, and what to type next."""

    def __init__(self, what, obj="", expected="", seen="", next_step="", **details):
        super().__init__(what)
        self.what = what
        self.obj = obj
        self.expected = expected
        self.seen = seen
        self.next_step = next_step
        self.platform = ""  # set by code that knows the ledger
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
    """The K8s template is not what the registry should have returned."""


class InputError(MonqError, ValueError):
    """An operator's variable is wrong."""


class MissingLibrary(MonqError):
    """The Python that modules run with lacks a library."""

    def __init__(self, details):
        """details: library, requirement, python, error and command, for a finding."""
        super().__init__(
            "a Python library is missing",
            f"{details['library']} for {details['python']}",
            details["requirement"],
            details["error"],
            details["command"],
            missing=details,
        )


class ApiError(MonqError):
    """The Kubernetes API returned an error status."""

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
    """The Kubernetes API did not respond."""


class CommandError(MonqError):
    """monqctl, pg_dump or another program failed."""

    unknown = False  # True: the work may have been done
    only_words = False  # True: the program ended well, and only its output says otherwise
    not_started = False


class BundleError(MonqError):
    """An offline bundle is not what its maker has signed."""

    unknown = False  # nothing was called yet


class SignatureError(BundleError):
    """Nobody who is trusted has signed it."""


class StepError(MonqError):
    """A step may not start: a predecessor, the lock or an unresolved attempt prevents it."""


class LockError(MonqError):
    """Another run holds the lock, or this run has lost it."""


class LedgerError(MonqError):
    """The ledger cannot be read or written."""


class SnapshotError(MonqError):
    """A snapshot is missing, incomplete or altered."""
