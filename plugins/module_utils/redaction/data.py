# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from .text import MASK, known, looks_secret, redact

# Parts of a manifest that only refer to a Secret.
_REFERENCES = {"secret", "secrets", "secretRef", "secretKeyRef", "imagePullSecrets", "serviceAccountToken"}


def sanitise(value, secrets=()):
    """JSON data without secrets: values whose names look secret, also in env, args and annotations, and the known
    secrets in every encoding."""
    secrets = known(secrets)
    if isinstance(value, dict):
        return _sanitised(value, secrets)
    if isinstance(value, (list, tuple)):
        return _words(value, secrets)
    return redact(value, secrets) if isinstance(value, str) else value


def _sanitised(given, secrets):
    names = [
        name for key, name in given.items() if str(key).lower() in ("name", "key") and isinstance(name, str)
    ]  # {name: DB_PASSWORD, value: x}, as in env
    result = {}
    for key, value in given.items():
        key = str(key)
        hidden = looks_secret(key) or (key.lower() == "value" and any(looks_secret(name) for name in names))
        if key.endswith("last-applied-configuration") or (
            given.get("kind") == "Secret" and key in ("data", "stringData")
        ):
            result[key] = MASK  # the former repeats the whole manifest as text
        elif hidden and isinstance(value, (dict, list)):
            result[redact(key, secrets)] = sanitise(value, secrets) if key in _REFERENCES else _covered(value)
        elif hidden and value not in (None, "") and not isinstance(value, bool):
            result[redact(key, secrets)] = MASK
        else:
            result[redact(key, secrets)] = sanitise(value, secrets)
    return result


def _covered(value):
    """Masks every value below a name that looks secret."""
    if isinstance(value, dict):
        return {key: _covered(item) for key, item in value.items()}
    return [_covered(item) for item in value] if isinstance(value, list) else MASK


def _words(words, secrets):
    """Sanitises a list; the word after an option like --password is masked too."""
    result, hide = [], False
    for word in words:
        if hide and isinstance(word, str) and not word.startswith("-"):
            result.append(MASK)
            hide = False
            continue
        hide = isinstance(word, str) and word.startswith("-") and "=" not in word and looks_secret(word.lstrip("-"))
        result.append(sanitise(word, secrets))
    return result
