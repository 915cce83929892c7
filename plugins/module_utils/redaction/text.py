# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

from .encodings import Known, plain
from .sql_rows import without_rows

SHORTEST = 4  # a shorter "secret" would mask half of an ordinary text

_SECRET = (
    r"(?:pass(?:word|wd|phrase)?|pwd|token|secret|authorization|credentials?|cookie|connection[-_]?string"
    r"|(?:api|access|private)[-_]?key|(?:signing|encryption|master|account|license|shared|aes|hmac|jwt)[-_.]*key"
    # Only as a separate part of a name, not in "salted" or "basalt".
    r"|(?<![a-z])(?:dsn|salt)(?![a-z])|(?-i:(?<=[a-z])(?:Dsn|DSN|Salt)(?![a-z])))"
)
_NAME = re.compile(_SECRET, re.IGNORECASE)
# Names of secrets, not the secrets themselves: the location of a Secret may be shown.
_HARMLESS = re.compile(
    r"(?i:[\w.-]*(?:secret|credential|token)[-_]?name|%[\w.-]*secrets%)"
    r"|(?:pl|sm|cl|fm)-[a-z0-9-]*-service|(?:prepare|upgrade|verify|rollback)\.[-._a-z0-9]+"
)
_PEM = re.compile(r"LS0tLS1CRUdJTi[\w+/=]*|-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_JWT = re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?")
_SCHEME = re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{4,}")
# Authorization: Token x, ApiKey x, anything
_HEADER = re.compile(r"(?i)(authorization(?:\\?[\"'])?[ \t]*[:=][ \t]*(?:\\?[\"'])?)(?!\{)[^\n\"'\\]+")
_URL = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)([^\s/:@\"']{0,200}):([^\s\"']{1,500})@")
_USERINFO = re.compile(r"://[^\s:/@]*:([^\s]+)@")
# Password=x; in a connection string, where the next key follows
_CONNECTION = re.compile(r"(?i)(?<![\w-])((?:password|pwd)[ \t]*=[ \t]*)[^\n\"']{1,256}?(?=;[ \t]*[a-z][\w ]{0,40}=)")
_QUOTED = r"\\\"(?:[^\"\\]|\\\\(?:\\.|[^\"\\]))*\\\"|\"(?:\\.|[^\"\\])*\"|'(?:\\.|''|[^'\\])*'"
_NUMBER = r"(?:(?:\d+|null|true|false|\*{8}(?:\d+\*)?)(?=[,}\]])|\*{8}(?:\d+\*)?(?=\\?[\"']))"
# Quoted, a number, or up to the end of a part of a connection string or query; unclosed quotes extend to the end of the
# line.
_VALUE = rf"({_QUOTED}|{_NUMBER}|[^\s;&\"'][^\s;&]*|[\"'][^\n]*)"
# password=x, --token x, "apiKey": "x", DB_PASSWORD: 'x'
_PAIR = re.compile(rf"(?i)({_SECRET}[\w.-]{{0,64}}(?:\\?[\"'])?[ \t]*[:=][ \t]*){_VALUE}")
_OPTION = re.compile(rf"(?i)(--[\w-]{{0,64}}?{_SECRET}[\w-]{{0,64}}[ \t]+){_VALUE}")
# invalid token 'x', password "y" rejected, token 0a1b2c…: without a separator
_WORD = re.compile(r"(?i)\b((?:password|passphrase|token)[ \t]+)(\"[^\"\s]+\"|'[^'\s]+'|(?=[^\s\d]*\d)[\w+/=.-]{20,})")
# {"Name":"%SmtpPassword%","Value":"x"}, {Name:DB_PASSWORD Value:x}, in one object; - name: DB_PASSWORD and value: x
# below it; value before name
_IS = r"(?:\\?[\"'])?[ \t]*[:=][ \t]*"
_CALLED = (
    r"(?:(?P<mark>\\?[\"'])(?P<quoted>[^\"'\\\n]{1,128})(?P=mark)|(?P<bare>[^\s\"'\\,;{}\[\]]{1,128})(?=[\s,;}\]]|\Z))"
)
_LIST = r"[\[{][^\[\]{}]*[\]}]"
_NAMED = re.compile(
    rf"(?i)(?P<start>(?<![\w-])(?:name|key){_IS}{_CALLED}"
    rf"(?:(?!\b(?:name|key)\b)[^{{}}\[\]]){{0,200}}?(?<![\w-])value{_IS})"
    rf"(?P<value>{_QUOTED}|{_NUMBER}|{_LIST}|[\"'][^\n]*"
    rf"|[^\s\"'{{}}\[\]][^\n]*?(?=\}}(?:[\s,\]}})]|\Z)|[ ][\w.-]{{1,64}}[:=]|\n|\Z))(?P<end>)"
)
_BLOCK = r"[|>][-+0-9]*[ \t]*(?:\n(?P=indent)[ \t]+[^\n]*)+"
_YAML = re.compile(
    rf"(?im)(?P<start>^[ \t]*(?:-[ ]+)?(?:name|key):[ \t]+{_CALLED}[ \t]*\n(?P<indent>[ \t]*)value:[ "
    rf"\t]+)(?P<value>{_BLOCK}|[^\s\[{{][^\n]*)(?P<end>)"
)
# password: | followed by more indented lines
_LINES = re.compile(
    rf"(?im)(?P<start>^(?P<indent>[ \t]*)(?:-[ ]+)?(?P<quoted>[\w.-]{{1,128}})(?P<bare>):[ "
    rf"\t]+)(?P<value>{_BLOCK})(?P<end>)"
)
_VALUED = re.compile(
    rf"(?i)(?P<start>\\?[\"']value\\?[\"']\s*:\s*)(?P<value>{_QUOTED}|{_NUMBER}|{_LIST})"
    rf"(?P<end>(?:(?!\bvalue\b)[^{{}}\[\]]){{0,200}}?\\?[\"'](?:name|key)\\?[\"']\s*:\s*{_CALLED})"
)


def looks_secret(name):
    """Returns whether a value with this name must be hidden."""
    return bool(_NAME.search(name)) and not _HARMLESS.fullmatch(name)


def long_enough(secrets):
    """The secrets that are long enough to be searched for in any text."""
    return [secret for secret in secrets if secret and len(secret) >= SHORTEST]


def known(secrets):
    """All encodings of the secrets that are long enough."""
    return secrets if isinstance(secrets, Known) else Known(long_enough(secrets))


def redact(text, secrets=(), cover=plain):
    """The text without anything that looks secret by itself or by its name, and without the known secrets in any
    encoding. cover: called with rule and value, returns what stands for it."""
    text = known(secrets).mask(without_rows(text, cover), cover)
    text = _PEM.sub(lambda found: cover("a key or certificate in PEM", found[0]), text)
    text = _JWT.sub(lambda found: cover("a JSON Web Token", found[0]), text)
    text = _HEADER.sub(lambda found: found[1] + cover("an Authorization header", found[0][len(found[1]) :]), text)
    text = _SCHEME.sub(
        lambda found: (
            found[1] + found[2] + cover("what follows Bearer or Basic", found[0][found.end(2) - found.start() :])
        ),
        text,
    )
    text = _URL.sub(lambda found: f"{found[1]}{found[2]}:{cover('a password in a URL', found[3])}@", text)

    def named(found):
        return _hide_named(found, cover)

    def paired(found):
        return _hide(found, cover)

    for pairs in (_LINES, _YAML, _NAMED, _VALUED):
        text = pairs.sub(named, text)
    text = _CONNECTION.sub(
        lambda found: found[1] + cover("a password in a connection string", found[0][len(found[1]) :]), text
    )
    text = _WORD.sub(paired, text)
    return _OPTION.sub(paired, _PAIR.sub(paired, text))


def _hide(found, cover):
    start, value = found.groups()
    before = re.search(r"[\w.-]*$", found.string[max(0, found.start() - 64) : found.start()]).group(0)
    name = before + start.rstrip(" \t\\\"':=")
    if _HARMLESS.fullmatch(name):
        return found.group(0)
    return start + _masked(value, name, cover)


def _hide_named(found, cover):
    name = found["quoted"] or found["bare"]
    if not looks_secret(name):
        return found.group(0)
    return found["start"] + _masked(found["value"], name, cover) + found["end"]


def _masked(value, name, cover):
    mark = re.match(r"(?:\\?[\"'])?", value).group(0)
    inner = value[len(mark) :]
    if mark and inner.endswith(mark):
        inner = inner[: -len(mark)]
    return mark + cover(f"the name {name.strip()}", inner) + mark


def of_environment(environment):
    """The values of variables whose names look secret, and passwords in URLs."""
    found = [str(value) for name, value in environment.items() if looks_secret(str(name))]
    for value in environment.values():
        found += _USERINFO.findall(str(value))
    return [value for value in found if value]
