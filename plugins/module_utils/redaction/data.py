# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .encodings import plain
from .text import known, looks_secret, redact

# Parts of a manifest that only refer to a Secret.
_REFERENCES = {"secret", "secrets", "secretRef", "secretKeyRef", "imagePullSecrets", "serviceAccountToken"}


def sanitise(value, secrets=(), cover=plain):
    """JSON data without secrets: values whose names look secret, also in env, args and annotations, and the known
    secrets in every encoding. cover: called with rule and value, returns what stands for it."""
    secrets = known(secrets)
    if isinstance(value, dict):
        return _sanitised(value, secrets, cover)
    if isinstance(value, (list, tuple)):
        return _words(value, secrets, cover)
    return redact(value, secrets, cover) if isinstance(value, str) else value


def _sanitised(given, secrets, cover):
    names = [
        name for key, name in given.items() if str(key).lower() in ("name", "key") and isinstance(name, str)
    ]  # {name: DB_PASSWORD, value: x}, as in env
    result = {}
    for key, value in given.items():
        key = str(key)
        shown = redact(key, secrets, cover)
        named = [name for name in names if key.lower() == "value" and looks_secret(name)]
        hidden = looks_secret(key) or bool(named)
        rule = f"the name {redact(named[0], secrets) if named else shown}"
        if key.endswith("last-applied-configuration"):
            result[key] = cover("the whole manifest, repeated as text", str(value))
        elif given.get("kind") == "Secret" and key in ("data", "stringData"):
            result[key] = cover("the content of a Secret", str(value))
        elif hidden and isinstance(value, (dict, list)):
            result[shown] = sanitise(value, secrets, cover) if key in _REFERENCES else _covered(value, rule, cover)
        elif hidden and value not in (None, "") and not isinstance(value, bool):
            result[shown] = cover(rule, str(value))
        else:
            result[shown] = sanitise(value, secrets, cover)
    return result


def _covered(value, rule, cover):
    """Masks every value below a name that looks secret."""
    if isinstance(value, dict):
        return {key: _covered(item, rule, cover) for key, item in value.items()}
    return [_covered(item, rule, cover) for item in value] if isinstance(value, list) else cover(rule, str(value))


def _words(words, secrets, cover):
    """Sanitises a list; the word after an option like --password is masked too."""
    result, option = [], ""
    for word in words:
        if option and isinstance(word, str) and not word.startswith("-"):
            result.append(cover(f"the name {option}", word))
            option = ""
            continue
        hide = isinstance(word, str) and word.startswith("-") and "=" not in word and looks_secret(word.lstrip("-"))
        option = word if hide else ""
        result.append(sanitise(word, secrets, cover))
    return result
