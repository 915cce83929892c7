# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ..errors import ApiError, ApiUnreachable, MonqError
from ..k8s.repetition import THROTTLED
from .finding import of_error, unexpected, worst


class NotRead(Exception):
    """What a check needs could not be read; the finding for that exists already."""

    def __init__(self, found):
        super().__init__("not read")
        self.found = found


class Examination:
    """Makes checks so that none can hide another: whatever one raises becomes a finding."""

    def __init__(self, secrets=(), one_server=False):
        """secrets: what no text may show. one_server: every check asks the same API server, so that none is made once
        it has stopped responding."""
        self._secrets, self._one_server = secrets, one_server
        self._gone = None  # the finding for a server that does not respond
        self.denied = None  # the finding that names missing permissions: a refused read is no news then
        self.findings = []

    def make(self, name, check, *given, subject=""):
        """Makes one check, and returns what it found. name: in the catalogue, of what the check looks for. subject: the
        object that it looks at."""
        if self._gone:
            return _unchecked(self._gone, name)
        try:
            found = list(check(*given) or [])
        except NotRead as exc:
            return _unchecked(exc.found, name)
        except Exception as exc:
            if self._is_known(exc):
                return _unchecked(self.denied, name)
            found = [self._failed(exc, name, worst(name), subject)]
        self.findings += found
        return found

    def once(self, read, *given, subject=""):
        """Returns a function that reads something once, for several checks. If it cannot be read, that is one finding,
        and the checks that needed it are listed there."""
        kept = []

        def value():
            if not kept:
                try:
                    kept.append((read(*given), None))
                except Exception as exc:
                    kept.append((None, self.denied if self._is_known(exc) else self._unread(exc, subject)))
            result, failed = kept[0]
            if failed:
                raise NotRead(failed)
            return result

        return value

    def _unread(self, exc, subject):
        found = self._failed(exc, "kubernetes.read", worst("kubernetes.read"), subject)
        self.findings.append(found)
        return found

    def _is_known(self, exc):
        return bool(self.denied) and isinstance(exc, ApiError) and exc.status == 403

    def _failed(self, exc, name, severity, subject):
        if not isinstance(exc, MonqError):
            return unexpected(name, exc, subject, self._secrets)
        if self._one_server and is_gone(exc):
            self._gone = of_error("kubernetes.connection", exc)
            return self._gone
        return of_error(name, exc, severity)


def is_gone(exc):
    """Whether the API server answers nobody: a request that is still throttled after all its repetitions would only be
    followed by others, with as many repetitions each."""
    return isinstance(exc, ApiUnreachable) or (isinstance(exc, ApiError) and exc.status == THROTTLED)


def _unchecked(found, name):
    names = found["parameters"].setdefault("unchecked", [])
    if name not in names:
        names.append(name)
    return []
