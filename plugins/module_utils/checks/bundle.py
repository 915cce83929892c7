# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundle that an offline upgrade comes from, as findings."""

from __future__ import annotations

import sys

from ..bundle import manifest, verification
from ..errors import BundleError, SignatureError
from .finding import INFO, STOP, WARNING, finding, of_error

KINDS = {
    "missing": "bundle.file_missing",
    "altered": "bundle.file_altered",
    "additional": "bundle.file_additional",
    "type": "bundle.file_type",
    "unreadable": "bundle.file_unreadable",
}
SOURCES = ("registry_source_dir", "release_source_dir")
MOST = 200  # files that a finding keeps as data


def examine(variables, release, kept="", say=None):
    """Findings on the bundle that the plan's variables name; none without one. kept: path of the file in which verified
    contents are remembered."""
    bundle = verification.Bundle.of(variables, say)
    if not bundle:
        return []
    found = _outside(bundle.directory, variables)
    try:
        verdict = bundle.verify(kept=kept)
    except SignatureError as exc:
        return [*found, of_error("bundle.signature", exc)]
    except BundleError as exc:
        return [*found, of_error("bundle.manifest", exc)]
    found += _versions(bundle.directory, verdict.manifest, release)
    found += _python(bundle.directory, verdict.manifest)
    found += [_of_kind(kind, bundle.directory, verdict.problems) for kind in KINDS if _some(kind, verdict.problems)]
    if not verdict.signer:
        found.append(finding("bundle.unsigned", WARNING, path=bundle.directory))
    if not verdict.problems:
        summary = verification.summary(verdict)
        found.append(finding("bundle.verified", INFO, path=bundle.directory, summary=summary))
    return found


def _outside(directory, variables):
    given = {f"monq_{name}": variables.get(name) for name in SOURCES}
    return [
        finding("bundle.outside", STOP, variable=name, path=directory, value=value or "not set")
        for name, value in given.items()
        if not (value and verification.within(value, directory))
    ]


def _versions(directory, read, release):
    wrong = manifest.wrong_versions(read, release)
    if not wrong:
        return []
    wanted = [f"{name} {expected}" for name, (expected, _seen) in wrong.items()]
    versions = [f"{name} {seen}" for name, (_expected, seen) in wrong.items()]
    return [finding("bundle.version", STOP, path=directory, wanted=wanted, versions=versions)]


def _python(directory, read):
    seen, here = manifest.python_of(read), list(sys.version_info[:2])
    if not seen or seen == here[: len(seen)]:
        return []
    wanted, version = (".".join(map(str, numbers)) for numbers in (here, seen))
    return [finding("bundle.python", WARNING, path=directory, wanted=wanted, version=version)]


def _some(kind, problems):
    return [one for one in problems if one.kind == kind]


def _of_kind(kind, directory, problems):
    chosen = _some(kind, problems)
    files = verification.listed(chosen)
    return finding(KINDS[kind], STOP, path=directory, count=len(chosen), files=files, paths=_paths(chosen))


def _paths(problems):
    return [one.path for one in problems[:MOST]]
