# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections import namedtuple

from .. import live_line
from ..errors import BundleError, SignatureError
from ..language import mark
from . import folder, manifest
from .manifest import MANIFEST, SIGNATURE, Problem
from .signature import signer

SOURCE = "--sourceDir="  # of monqctl's calls that read a folder
NAMED = 10  # files that a message names
SIGNED = mark("{0} files, {1}, sha256 verified, signed by {2}")
UNSIGNED = mark("{0} files, {1}, sha256 verified, unsigned")
MADE_SIGNED = mark("bundle of {product} {version} in {directory}: {count} files, {size}, signed by {signer}")
MADE_UNSIGNED = mark("bundle of {product} {version} in {directory}: {count} files, {size}, not signed")

# signer: fingerprint, or an empty string for a bundle that is used unsigned. read: files whose content was read.
Verdict = namedtuple("Verdict", "problems manifest signer read")


class Bundle:
    """An offline bundle on the inventory host."""

    def __init__(self, directory, certificate="", unsigned=False, say=None):
        self.directory, self._certificate, self._unsigned, self._say = directory, certificate, unsigned, say

    @classmethod
    def of(cls, variables, say=None):
        """The bundle that the plan's variables name, or None."""
        directory = variables.get("bundle_dir")
        if not directory:
            return None
        unsigned = str(variables.get("bundle_unsigned")).lower() == "true"  # a text before ansible-core 2.19
        return cls(directory, variables.get("bundle_certificate") or "", unsigned, say)

    def verify(self, below="", kept=""):
        """Compares the whole folder with the signed manifest: names, types and sizes first, then contents.

        below: the folder whose contents are read; everything if it is empty. kept: path of the file in which verified
        contents are remembered; without one every file is read. Raises BundleError if the manifest cannot be trusted.
        """
        data = self._own(MANIFEST)
        name = self._signer(data)
        read = manifest.Manifest(data)
        expected = read.expected()
        problems = manifest.differences(expected, folder.look(self.directory))
        if problems:  # a truncated copy is found in seconds
            return Verdict(problems, read, name, 0)
        chosen = {path: known for path, known in expected.items() if path.startswith(f"{below}/") or not below}
        before = folder.remembered(kept, self.directory) if kept else {}
        memory = {path: row for path, row in before.items() if path in expected}
        hashing = folder.Hashing(self.directory, sum(known.size for known in chosen.values()), self._say)
        problems = folder.altered(self.directory, chosen, memory, hashing)
        if kept and memory != before:
            folder.remember(kept, self.directory, memory)
        return Verdict(problems, read, name, hashing.files)

    def _own(self, name):
        if not os.path.isabs(self.directory):
            raise _no_manifest(self.directory, "not an absolute path")
        try:
            data = folder.small_file(self.directory, name)
        except OSError as exc:
            raise _no_manifest(os.path.join(self.directory, name), exc.strerror or str(exc)) from exc
        if data is None:
            raise _no_manifest(os.path.join(self.directory, name), "no such file")
        return data

    def _signer(self, data):
        if not self._certificate:
            if self._unsigned:
                return ""
            raise SignatureError(
                "the bundle's signature is not verified",
                os.path.join(self.directory, MANIFEST),
                "monq_bundle_certificate, to verify its signature",
                "not set",
                "set it to the maker's certificate, or accept an unsigned bundle with monq_bundle_unsigned: true",
            )
        if within(self._certificate, self.directory):
            raise SignatureError(
                "the bundle brings its own certificate",
                self._certificate,
                "a certificate that came on another way",
                f"it lies in {self.directory}",
                "get the certificate from the bundle's maker, and set monq_bundle_certificate to it",
            )
        try:
            signature = folder.small_file(self.directory, SIGNATURE, 4096)
        except OSError as exc:
            raise _no_manifest(os.path.join(self.directory, SIGNATURE), exc.strerror or str(exc)) from exc
        return signer(data, signature, self._certificate)


def within(path, directory):
    """Whether a path lies in a folder, links followed."""
    top = os.path.realpath(directory)
    return os.path.realpath(path).startswith(top + os.sep)


def _no_manifest(path, seen):
    then = "copy the whole bundle, and set monq_bundle_dir to its absolute path"
    return BundleError("the bundle cannot be read", path, "a bundle, as bundle.yml makes it", seen, then)


def remembered_in(directory, host):
    """Where verified contents are remembered: beside the backup, as nothing may be added to the bundle."""
    return os.path.join(os.path.abspath(directory), host, "bundle-verified.json") if directory and host else ""


def before_use(variables, say=None):
    """Returns a function that takes monqctl's argv right before the call: it reads the folder again that the call is
    given, and raises BundleError if anything in the bundle is not as it was signed."""

    def require(argv):
        bundle = Bundle.of(variables, say)
        for word in argv if bundle else ():
            if word.startswith(SOURCE):
                _require_whole(bundle, word[len(SOURCE) :])

    return require


def _require_whole(bundle, source):
    if not within(source, bundle.directory):
        raise BundleError(
            "monqctl would read a folder that is not in the verified bundle",
            source,
            f"a folder in {bundle.directory}",
            "another place",
            "remove monq_registry_source_dir and monq_release_source_dir, or monq_bundle_dir",
        )
    below = os.path.relpath(os.path.realpath(source), os.path.realpath(bundle.directory)).replace(os.sep, "/")
    problems = bundle.verify(below=below).problems
    if problems:
        raise BundleError(
            "the bundle has changed since it was verified",
            bundle.directory,
            "every file as in its manifest",
            named(problems),
            "copy the files again that are named, then run the same command again",
        )


def named(problems, most=NAMED):
    """altered registry/image.tar (…), missing …"""
    return _joined([f"{one.kind} {_printable(one)}" for one in problems], most)


def listed(problems, most=NAMED):
    """The same of problems of one kind."""
    return _joined([_printable(one) for one in problems], most)


def _joined(shown, most):
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _printable(problem: Problem):
    path = problem.path if problem.path.isprintable() else ascii(problem.path)
    return f"{path} ({problem.text})"


def summary(verdict):
    """1 243 files, 14.2 GiB, sha256 verified, signed by …"""
    return (SIGNED if verdict.signer else UNSIGNED).format(*_numbers(verdict.manifest), verdict.signer)


def made(read, of, signer):
    """What a bundle holds, for who has made it. of: product, version and directory."""
    count, size = _numbers(read)
    text = MADE_SIGNED if signer else MADE_UNSIGNED
    return text.format(count=count, size=size, signer=signer, **of)


def _numbers(read):
    return f"{len(read.files):,}".replace(",", " "), live_line.size(read.size)
