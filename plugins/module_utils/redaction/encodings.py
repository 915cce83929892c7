# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import re
import string

MASK = "********"
WORD = re.compile(r"\*{8}(?:\d+\*)?")  # it, or one that is numbered: ********1*
KNOWN = "a secret that the run knows"


def plain(_rule, _value, _times=1):
    """What stands for a secret. A bundle has another one, that numbers and counts them."""
    return MASK


class Known:
    """Secrets in all their encodings, computed once for many texts."""

    def __init__(self, secrets=()):
        self._spellings = sorted(
            {form: secret for secret in secrets if secret for form in forms(secret)}.items(),
            key=lambda pair: len(pair[0]),
            reverse=True,
        )

    def mask(self, text, cover=plain):
        for spelling, secret in self._spellings:
            if spelling in text:
                text = text.replace(spelling, cover(KNOWN, secret, text.count(spelling)))
        return text


def forms(secret):
    """The forms in which a program may write a secret: plain, quoted, in JSON, in JSON within JSON, in a URL, in
    base64."""
    data = secret.encode("utf-8", "surrogatepass")
    found = {secret, repr(secret)[1:-1], ascii(secret)[1:-1], repr(data)[2:-1]}
    found |= {secret.replace("'", "''"), re.sub(r"([\\'])", r"\\\1", secret)}  # SQL and YAML; libpq's connection string
    once = _json(secret)
    found |= once.union(*(_json(form) for form in once))
    for safe in ("", "/", "!'()*", "$&+,;="):  # the last two: JavaScript, and Go in a URL's password
        upper = _percent(data, safe)
        found |= {
            upper,
            re.sub("%..", _lower, upper),
            upper.replace("%20", "+"),
            re.sub("%..", _lower, upper.replace("%20", "+")),
        }
    return found | (_base64(data) if len(secret) >= 8 else set())


def _json(text):
    """The forms between JSON quotes, as written by Python, Go and System.Text.Json, each also with escaped slashes."""
    found = {
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        _escaped(text, "&<>", "04x"),
        _escaped(text, "\"&'+<>`\x7f", "04X", 126),
    }
    return found | {form.replace("/", "\\/") for form in found}


def _escaped(text, special, digits, last=0x10FFFF):
    r"""The JSON form with \u for the special characters and for those beyond the last."""
    return "".join(
        _units(one, digits) if one in special or ord(one) > last else json.dumps(one, ensure_ascii=False)[1:-1]
        for one in text
    )


def _units(character, digits):
    data = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(data[at : at + 2], 'big'):{digits}}" for at in range(0, len(data), 2))


def _percent(data, safe):
    plain = string.ascii_letters + string.digits + "-._~" + safe
    return "".join(chr(byte) if chr(byte) in plain else f"%{byte:02X}" for byte in data)


def _lower(found):
    return found.group(0).lower()


def _base64(data):
    """The recognisable base64 forms of a secret at any offset in a longer text, as in an encoded user:token."""
    found = set()
    for before in range(3):
        whole = (before + len(data)) // 3 * 3  # the last bytes may share a group with what follows, or end the text
        encoded = base64.b64encode(bytes(before) + data).decode()
        found |= {encoded[(0, 2, 3)[before] : whole // 3 * 4], encoded[(0, 2, 3)[before] :].rstrip("=")}
    return found | {form.replace("+", "-").replace("/", "_") for form in found}
