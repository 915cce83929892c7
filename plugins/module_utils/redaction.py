# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import re
import string

MASK = "********"

# A name says that its value is secret. Secrets are also referred to by name (secretName, secretKeyRef, %IngressSecrets%): that is none.
_WORDS = (
    r"pass(?:word|wd|phrase)|pwd|secret(?!s\b|s%|_?-?name|_?-?key_?-?ref)|token|credentials?\b"
    r"|api_?-?key|access_?-?key|private_?-?key|connection_?-?string"
)
SECRET_NAME = re.compile(rf"(?i)(?:{_WORDS})")

_USERINFO = re.compile(r"(://[^\s:/@]*:)[^\s]+(?=@)")
_ASSIGNED = re.compile(rf"""(?i)((?:{_WORDS})[\w.-]*=)("[^"\n]*"|'[^'\n]*'|[^\s;]+)""")
_QUOTED = re.compile(rf"""(?i)((?:{_WORDS})[\w.-]*\\?["']\s*:\s*)(\\?["'])(?:\\.|(?!\2)[^\\\n])*\2""")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")


def mask(text, secrets):
    """The text without these secrets, in whatever form they stand there."""
    for form in sorted({form for secret in secrets if secret for form in forms(secret)}, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def forms(secret):
    """How a secret may be written by a program that has it: plain, escaped for JSON, in a URL, in base64."""
    known = {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    known |= {form.replace("/", "\\/") for form in known}
    known |= {_percent(secret, safe) for safe in ("", "/")}
    return known | (_base64(secret.encode()) if len(secret) >= 8 else set())


def _percent(secret, safe):
    plain = string.ascii_letters + string.digits + "-._~" + safe
    return "".join(chr(byte) if chr(byte) in plain else f"%{byte:02X}" for byte in secret.encode())


def _base64(data):
    """What of a secret can be seen in base64, wherever in a longer text it begins: user:token is encoded in one."""
    found = set()
    for before in range(3):
        whole = (before + len(data)) // 3 * 3  # the last bytes may share a group with what follows
        encoded = base64.b64encode(bytes(before) + data)
        found.add(encoded[(0, 2, 3)[before] : whole // 3 * 4].decode())
    return found | {base64.b64encode(data).decode().rstrip("=")}


def text(shown):
    """What looks like a secret by what stands before it: password=…, "token": "…", Bearer …, https://user:…@host."""
    shown = _USERINFO.sub(rf"\1{MASK}", shown)
    shown = _BEARER.sub(rf"\1 {MASK}", shown)
    shown = _QUOTED.sub(rf"\1\2{MASK}\2", shown)
    return _ASSIGNED.sub(rf"\1{MASK}", shown)


def values(data):
    """The same data, the texts of keys and parameters whose name looks secret masked, to be shown."""
    if isinstance(data, dict):
        parts = {str(key).lower(): key for key in data}
        named = data.get(parts.get("name"))
        hidden = isinstance(named, str) and "value" in parts and SECRET_NAME.search(named)
        return {key: MASK if _is_secret(key, value, hidden) else values(value) for key, value in data.items()}
    if isinstance(data, list):
        return [values(entry) for entry in data]
    return _USERINFO.sub(rf"\1{MASK}", data) if isinstance(data, str) else data


def _is_secret(key, value, hidden):
    if not isinstance(value, (str, int, float)) or isinstance(value, bool) or value == "":
        return False
    return bool((hidden and str(key).lower() == "value") or SECRET_NAME.search(str(key)))


def of_environment(environment):
    """The values of variables whose name looks secret, and the passwords of URLs."""
    found = [str(value) for name, value in environment.items() if SECRET_NAME.search(str(name))]
    for value in environment.values():
        found += re.findall(r"://[^\s:/@]*:([^\s]+)@", str(value))
    return [value for value in found if value]
