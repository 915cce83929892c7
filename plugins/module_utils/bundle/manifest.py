# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of an offline bundle: what it says, and how a folder differs from it."""

from __future__ import annotations

import hashlib
import json
import re
from collections import namedtuple

from ..errors import BundleError

# Minor: something was added. Major: something that was there is gone or means something else.
FORMAT = "1.0"
KIND = "monq.platform.bundle"
MANIFEST, SIGNATURE, SUMS = "manifest.json", "manifest.json.sig", "SHA256SUMS"
OWN = (MANIFEST, SIGNATURE, SUMS)
REGISTRY, RELEASE = "registry", "release"  # the folders that monqctl reads

Entry = namedtuple("Entry", "sha256 size")
# What lies in the folder. kind: file, link, special or unreadable; note: where a link leads, or why it cannot be read.
Seen = namedtuple("Seen", "kind size note")
# kind: missing, altered, additional, type or unreadable.
Problem = namedtuple("Problem", "kind path text")

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")  # sha256sum would have to escape them
_SHA256 = re.compile(r"[0-9a-f]{64}")


def defect(path):
    """What is wrong with a relative path in a bundle, or an empty string."""
    parts = path.split("/")
    if not path or path.startswith("/"):
        return "not a relative path"
    if ".." in parts:
        return "leads out of the folder"
    if "" in parts or "." in parts:
        return "not in its shortest form"
    if _CONTROL.search(path):
        return "has a control character or a backslash"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "is not UTF-8"
    return "is one of the bundle's own files" if path in OWN else ""


def made(files, versions, moment, maker):
    """The manifest's bytes. files: {path: Entry}. Raises BundleError for a path that no bundle may have."""
    for path in files:
        _require_good(path)
    content = {
        "format_version": FORMAT,
        "kind": KIND,
        "made": moment,
        "made_by": maker,
        "versions": versions,
        "files": {path: {"sha256": files[path].sha256, "size": files[path].size} for path in sorted(files)},
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _require_good(path):
    wrong = defect(path)
    if wrong:
        raise BundleError(
            "the bundle's manifest has a path that no bundle may have",
            ascii(path),
            "a relative path below the folder",
            wrong,
            "make the bundle again",
        )


class Manifest:
    """A manifest that was read. Raises BundleError for one that this collection does not understand."""

    def __init__(self, data):
        self._data = data
        content = _loaded(data)
        self.versions = content["versions"]
        self.files = {}
        for path, row in content["files"].items():
            _require_good(path)
            good = isinstance(row, dict) and _is_count(row.get("size")) and _is_digest(row.get("sha256"))
            if not good:
                raise _not_understood(f"no sha256 and size of {path}")
            self.files[path] = Entry(row["sha256"], row["size"])

    @property
    def size(self):
        return sum(entry.size for entry in self.files.values())

    def expected(self):
        """{path: Entry} of everything that must be in the folder, the bundle's own files included."""
        data = sums(self.files, self._data)
        return {**self.files, MANIFEST: entry(self._data), SUMS: entry(data)}


def entry(data):
    return Entry(hashlib.sha256(data).hexdigest(), len(data))


def sums(files, manifest):
    """What sha256sum -c reads: every file and the manifest."""
    rows = {**{path: known.sha256 for path, known in files.items()}, MANIFEST: entry(manifest).sha256}
    return "".join(f"{rows[path]}  {path}\n" for path in sorted(rows)).encode()


def _loaded(data):
    try:
        content = json.loads(data.decode(), object_pairs_hook=_once)
    except ValueError as exc:
        raise _not_understood(f"no JSON: {exc}") from exc
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise _not_understood("another kind of file")
    version = str(content.get("format_version"))
    if version.partition(".")[0] != FORMAT.partition(".")[0]:
        raise _not_understood(f"format {version}")
    if not isinstance(content.get("files"), dict) or not isinstance(content.get("versions"), dict):
        raise _not_understood("no files or no versions in it")
    return content


def _once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_digest(value):
    return isinstance(value, str) and bool(_SHA256.fullmatch(value))


def _not_understood(seen):
    return BundleError(
        "the bundle's manifest is not understood",
        MANIFEST,
        f"a manifest of {KIND}, format {FORMAT}",
        seen,
        "copy it again; a bundle of a later collection needs that collection",
    )


def differences(expected, seen):
    """Problems of names, types and sizes, which cost no reading. seen: {path: Seen}."""
    found = []
    for path, there in sorted(seen.items()):
        if there.kind in ("link", "special"):
            found.append(Problem("type", path, there.note))
        elif there.kind == "unreadable":
            found.append(Problem("unreadable", path, there.note))
        elif path not in expected and path != SIGNATURE:
            found.append(Problem("additional", path, "not in the manifest"))
        elif path in expected and there.size != expected[path].size:
            found.append(Problem("altered", path, f"{there.size} bytes instead of {expected[path].size}"))
    closed = tuple(f"{path}/" for path, there in seen.items() if there.kind != "file")
    absent = [path for path in expected if path not in seen and not path.startswith(closed)]
    return found + [Problem("missing", path, "not in the folder") for path in sorted(absent)]


def wrong_versions(manifest, release):
    """{name: (expected, seen)} for a bundle that was made for something else."""
    wanted = {
        "product": release["product"],
        "release": release["version"],
        "registry": release["registry_version"],
    }
    seen = manifest.versions
    return {name: (value, seen.get(name)) for name, value in wanted.items() if seen.get(name) != value}


def python_of(manifest):
    """[major, minor] of the Python that the bundle's packages are for, as far as the manifest names it: in each way in
    which pip takes it (3.11, 3.11.2, 311, 3)."""
    text = str(manifest.versions.get("python") or "")
    if text.isdigit():
        text = f"{text[0]}.{text[1:]}"
    return [int(number) for number in re.findall(r"\d+", text)[:2]]
