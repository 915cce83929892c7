"""Secrets that are unmistakable, and the search for them in everything that a run leaves behind."""

from __future__ import annotations

import base64
import functools
import json
import re
import tarfile
from urllib.parse import quote, quote_plus

# Records every started process, with its whole argv in hexadecimal.
STRACE = ("strace", "-f", "-qq", "--seccomp-bpf", "-xx", "-e", "trace=execve", "-s", "100000", "-o")


@functools.lru_cache
def forms(secret):
    """Returns {form: bytes} of a secret, in all the forms in which programs write it."""
    escaped = json.dumps(secret)[1:-1]
    found = {
        "plain": secret,
        "JSON": escaped,
        "JSON, not ASCII alone": json.dumps(secret, ensure_ascii=False)[1:-1],
        "JSON, escaped slashes": escaped.replace("/", "\\/"),
        "JSON in JSON": json.dumps(escaped)[1:-1],
        "JSON in JSON, not ASCII alone": json.dumps(json.dumps(secret, ensure_ascii=False), ensure_ascii=False)[3:-3],
        "URL": quote(secret, safe=""),
        "URL, slashes": quote(secret),
        "URL, form": quote_plus(secret),
        "repr": repr(secret)[1:-1],
        "repr of bytes": repr(secret.encode())[2:-1],
        "ascii": ascii(secret)[1:-1],
    }
    found[".NET's JSON"] = "".join(written(one, "\"&'+<>`", ascii_only=True) for one in secret)
    found[".NET's JSON in JSON"] = json.dumps(found[".NET's JSON"])[1:-1]
    found["Go's JSON"] = "".join(written(one, "&<>").lower() if one in "&<>" else written(one) for one in secret)
    found["Go's JSON in JSON"] = json.dumps(found["Go's JSON"], ensure_ascii=False)[1:-1]
    found["SQL"] = secret.replace("'", "''")
    found["URL, JavaScript"] = quote(secret, safe="!'()*")
    known = {name: text.encode() for name, text in found.items()}
    known["URL, small letters"] = re.sub(rb"%[0-9A-F]{2}", lambda hit: hit.group().lower(), known["URL"])
    for before in range(3):
        # Parts of the first and the last group of three bytes may belong to the text around the secret.
        data = bytes(before) + secret.encode()
        encoded = base64.b64encode(data[: len(data) // 3 * 3])[(0, 2, 3)[before] :]
        known[f"base64, {before} bytes before it"] = encoded
        known[f"base64 for URLs, {before} bytes before it"] = encoded.replace(b"+", b"-").replace(b"/", b"_")
    return known


def written(one, escaped="", ascii_only=False):
    """Returns one character as written in JSON: as its number if it is among these, or if only ASCII is written."""
    if one in escaped or (ascii_only and not one.isascii()):
        return f"\\u{ord(one):04X}"
    return json.dumps(one, ensure_ascii=False)[1:-1]


def found(data, canaries):
    """Returns [(canary, form)] found in these bytes. canaries: {name: secret}"""
    data = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return [(name, form) for name, secret in canaries.items() for form, text in forms(secret).items() if text in data]


def in_files(root, canaries, without=()):
    """Returns {path: [(canary, form)]} for every file and every name below a folder. without: extensions and folders to
    leave out."""
    hits = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if any(name.endswith(part) or part in path.relative_to(root).parts for part in without):
            continue
        seen = found(name, canaries) + [hit for data in contents(path) for hit in found(data, canaries)]
        if seen:
            hits[name] = seen
    return hits


def contents(path):
    """Yields a file's content; for an archive (the support bundle), that of each file in it."""
    if not path.is_file() or path.is_symlink():
        return
    yield path.read_bytes()
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile():
                    yield archive.extractfile(member).read()


def started(trace):
    """Returns the argv of every process, from strace's output."""
    for line in trace.read_bytes().splitlines():
        call = re.search(rb"execve\((.*)", line)
        if call:
            words = [
                bytes.fromhex(text.decode().replace("\\x", ""))
                for text in re.findall(rb'"((?:\\x[0-9a-f]{2})*)"', call.group(1))
            ]
            yield [word.decode("utf-8", "surrogateescape") for word in words[1:]]
