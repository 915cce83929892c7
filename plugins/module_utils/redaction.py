# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import re
import string

MASK = "********"
SHORTEST = 4  # a shorter "secret" would blot out half of a text that is only looked through

_SECRET = (
    r"(?:pass(?:word|wd|phrase)?|pwd|token|secret|authorization|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|cookie|connection[-_]?string)"
)
_NAME = re.compile(_SECRET, re.IGNORECASE)
# Names of things and not the things: where a Secret lies may be shown.
_HARMLESS = re.compile(
    r"(?i:[\w.-]*(?:secret|credential|token)[-_]?name|%[\w.-]*secrets%)|(?:pl|sm|cl|fm)-[a-z0-9-]*-service|(?:prepare|upgrade|verify|rollback)\.[-._a-z0-9]+"
)
_PEM = re.compile(r"LS0tLS1CRUdJTi[\w+/=]*|-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_JWT = re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?")
_SCHEME = re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{4,}")
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)([^\s/:@\"']{0,200}):([^\s\"']{1,500})@")
# In quotes, a number, or as far as a connection string or a query goes on.
_VALUE = r"(\\\"[^\"\\]*\\\"|\"(?:\\.|[^\"\\])*\"|'[^']*'|(?:\d+|null|true|false|\*{8})(?=[,}\]])|[^\s;&\"'][^\s;&]*)"
# password=x, --token x, "apiKey": "x", Authorization: x, DB_PASSWORD: 'x'
_PAIR = re.compile(rf"(?i)({_SECRET}[\w.-]{{0,64}}(?:\\?[\"'])?[ \t]*[:=][ \t]*){_VALUE}")
_OPTION = re.compile(rf"(?i)(--[\w-]{{0,64}}?{_SECRET}[\w-]{{0,64}}[ \t]+){_VALUE}")
# invalid token 'x', password "y" rejected, token 0a1b2c…: without a sign in between
_WORD = re.compile(r"(?i)\b((?:password|passphrase|token)[ \t]+)(\"[^\"\s]+\"|'[^'\s]+'|(?=[^\s\d]*\d)[\w+/=.-]{20,})")
# PostgreSQL quotes rows and statements in them: a user's, a token's.
_QUOTES = re.compile(r"\b((?:DETAIL|CONTEXT|STATEMENT|QUERY):[ \t]+)[^\n]+")
_USERINFO = re.compile(r"://[^\s:/@]*:([^\s]+)@")


def looks_secret(name):
    """Whether what stands under this name is to be hidden."""
    return bool(_NAME.search(name)) and not _HARMLESS.fullmatch(name)


def redact(text, secrets=()):
    """The text without what looks secret by itself or by its name, and without any spelling of the known secrets."""
    text = mask(text, [secret for secret in secrets if secret and len(secret) >= SHORTEST])
    text = _QUOTES.sub(rf"\1{MASK}", text)
    text = _PEM.sub(MASK, text)
    text = _JWT.sub(MASK, text)
    text = _SCHEME.sub(rf"\1\2{MASK}", text)
    text = _URL.sub(rf"\1\2:{MASK}@", text)
    text = _WORD.sub(_hide, text)
    return _OPTION.sub(_hide, _PAIR.sub(_hide, text))


def _hide(found):
    start, value = found.groups()
    before = re.search(r"[\w.-]*$", found.string[max(0, found.start() - 64) : found.start()]).group(0)
    if _HARMLESS.fullmatch(before + start.rstrip(" \t\\\"':=")):
        return found.group(0)
    mark = re.match(r"(?:\\?[\"'])?", value).group(0)
    return start + mark + MASK + mark


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


def of_environment(environment):
    """The values of variables whose name looks secret, and the passwords of URLs."""
    found = [str(value) for name, value in environment.items() if looks_secret(str(name))]
    for value in environment.values():
        found += _USERINFO.findall(str(value))
    return [value for value in found if value]
