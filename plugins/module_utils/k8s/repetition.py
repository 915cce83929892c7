# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requests may be sent once more, and what the answer of a repeated one means."""

from __future__ import annotations

# Seconds between attempts where the server says that it did nothing (429), or where a read got no answer.
PAUSES = (0.5, 1, 2, 4, 8)
# Seconds between attempts after a lost connection.
LOST = (0.3, 1, 3)
RETRY_AFTER = 15  # the longest Retry-After that is obeyed
THROTTLED, NO_ANSWER = 429, (502, 503, 504)
CONFLICT, ABSENT = 409, 404
# Errors of urllib3 and ssl by name, so that this file needs neither; those derived from them count too.
BROKEN = {"ProtocolError", "ConnectTimeoutError", "NewConnectionError", "SSLEOFError"}
UNANSWERED = "ReadTimeoutError"


def after_status(method, status):
    """Returns whether a request with this answer may be repeated: a write only where the server did nothing."""
    return status == THROTTLED or (method == "GET" and status in NO_ANSWER)


def pause(given, usual):
    """Seconds that Retry-After asks for, within reason, else the usual pause."""
    return min(max(float(given), usual), RETRY_AFTER) if given.isdigit() else usual


def after_loss(method, error):
    """Returns whether a request may be repeated after this error of urllib3.

    A lost connection is no reason to give up: our writes name the object and its new values, so that a second one
    changes nothing more. A write that is not answered in time may still be at work: the ledger decides about it.
    """
    # Behind an error of TLS is either the end of a connection or a bad certificate.
    inner = error.args[0] if type(error).__name__ == "SSLError" and error.args else error
    names = {kind.__name__ for kind in type(inner).__mro__}
    return bool(names & BROKEN) or (method == "GET" and UNANSWERED in names)


def landed(sent, found):
    """Returns whether the object has what a write wanted: the answer to a repeated write that found a conflict with its
    own first attempt. The resourceVersion has changed by it."""
    if isinstance(sent, dict):
        if not isinstance(found, dict):
            return False
        return all(
            (found.get(key) is None if value is None else landed(value, found.get(key)))
            for key, value in sent.items()
            if key != "resourceVersion" and not (value == {} and key not in found)
        )
    return sent == found
