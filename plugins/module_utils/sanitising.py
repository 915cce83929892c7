# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from .redaction import MASK, mask

SHORTEST = 4  # a shorter "secret" would blot out half of the text

_SECRET = r"(?:pass(?:word|wd|phrase)?|pwd|token|secret|authorization|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|cookie)"
_NAME = re.compile(_SECRET, re.IGNORECASE)
# Names of things and not the things: where a Secret lies may be shown.
_HARMLESS = re.compile(r"(?i:[\w.-]*(?:secret|credential|token)[-_]?name)|(?:prepare|upgrade|verify|rollback)\.[-._a-z0-9]+")
# Parts of a manifest that only say where a Secret is used.
_REFERENCES = {"secret", "secrets", "secretRef", "secretKeyRef", "imagePullSecrets", "serviceAccountToken"}
_PEM = re.compile(r"LS0tLS1CRUdJTi[\w+/=]*|-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_JWT = re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?")
_SCHEME = re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{4,}")
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)([^\s/:@\"']{0,200}):([^\s/\"']{1,500})@")
_VALUE = r"(\\\"[^\"\\]*\\\"|\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\s,;&\"'}\]]+)"
# password=x, --token x, "apiKey": "x", Authorization: x, DB_PASSWORD: 'x'
_PAIR = re.compile(rf"(?i)({_SECRET}[\w.-]{{0,64}}(?:\\?[\"'])?[ \t]*[:=][ \t]*){_VALUE}")
_OPTION = re.compile(rf"(?i)(--[\w-]{{0,64}}?{_SECRET}[\w-]{{0,64}}[ \t]+){_VALUE}")


def looks_secret(name):
    """Whether what stands under this name is to be hidden."""
    return bool(_NAME.search(name)) and not _HARMLESS.fullmatch(name)


def redact(text, secrets=()):
    """The text without what looks secret, and without any spelling of the known secrets."""
    text = mask(text, [secret for secret in secrets if secret and len(secret) >= SHORTEST])
    text = _PEM.sub(MASK, text)
    text = _JWT.sub(MASK, text)
    text = _SCHEME.sub(rf"\1\2{MASK}", text)
    text = _URL.sub(rf"\1\2:{MASK}@", text)
    return _OPTION.sub(_hide, _PAIR.sub(_hide, text))


def _hide(found):
    start, value = found.groups()
    before = re.search(r"[\w.]*$", found.string[max(0, found.start() - 64) : found.start()]).group(0)
    if _HARMLESS.fullmatch(before + start.rstrip(" \t\\\"':=")):
        return found.group(0)
    mark = re.match(r"(?:\\?[\"'])?", value).group(0)
    return start + mark + MASK + mark


def sanitise(value, secrets=()):
    """JSON data without secrets: values of names that look secret, env, args, annotations, and any spelling of the known ones."""
    if isinstance(value, dict):
        return _sanitised(value, secrets)
    if isinstance(value, (list, tuple)):
        return _words(value, secrets)
    return redact(value, secrets) if isinstance(value, str) else value


def _sanitised(given, secrets):
    named = given.get("name", given.get("Name"))  # {name: DB_PASSWORD, value: x}, as in env
    result = {}
    for key, value in given.items():
        key = str(key)
        hidden = looks_secret(named if key.lower() == "value" and isinstance(named, str) else key)
        if key.endswith("last-applied-configuration") or (given.get("kind") == "Secret" and key in ("data", "stringData")):
            result[key] = MASK  # the former is the whole manifest once more, as a text
        elif hidden and isinstance(value, (dict, list)):
            result[redact(key, secrets)] = sanitise(value, secrets) if key in _REFERENCES else _covered(value)
        elif hidden and value not in (None, "") and not isinstance(value, bool):
            result[redact(key, secrets)] = MASK
        else:
            result[redact(key, secrets)] = sanitise(value, secrets)
    return result


def _covered(value):
    """Below a name that looks secret everything is."""
    if isinstance(value, dict):
        return {key: _covered(item) for key, item in value.items()}
    return [_covered(item) for item in value] if isinstance(value, list) else MASK


def _words(words, secrets):
    """A list; the word behind --password is hidden as well."""
    result, hide = [], False
    for word in words:
        if hide and isinstance(word, str) and not word.startswith("-"):
            result.append(MASK)
            hide = False
            continue
        hide = isinstance(word, str) and word.startswith("-") and "=" not in word and looks_secret(word.lstrip("-"))
        result.append(sanitise(word, secrets))
    return result
