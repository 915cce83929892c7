# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an offline bundle on a machine that reaches the Release Hub, Galaxy and a package index."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tarfile

from .. import arguments, process, timestamp
from ..errors import BundleError, CommandError, SignatureError
from ..language import mark
from ..monqctl.client import Monqctl
from ..terminal import clean
from ..version import COLLECTION
from . import folder, manifest, signature
from .verification import Bundle, made, named, within

OURS = "monq.platform"
COLLECTIONS, WHEELS, CLIENT = "collections", "wheels", "monqctl"
BEGUN = ".bundle-begun"  # marks what a run has left that did not end
TIMEOUT = 3600
COMMAND_FAILED = mark("the command failed: {command}")
WOULD_BE_MADE = mark("bundle of {product} {version} in {directory}: would be made")


# ---- argv


def export_registry(release, target):
    return ["registry", "export", "registry", release["registry_version"], f"--dest={target}"]


def export_release(release, target):
    return ["release", "version", "export", release["version"], f"--product={release['product']}", f"--dest={target}"]


def download_collections(galaxy, target, names):
    """names: {collection: range of versions}"""
    wanted = [f"{name}:{names[name]}" for name in sorted(names)]
    return [galaxy, "collection", "download", "--download-path", target, *wanted]


def download_wheels(python, target, requirements, version="", platforms=()):
    """version, platforms: of the inventory host, where they are not those of this machine."""
    argv = [python, "-m", "pip", "download", "--only-binary=:all:", "--dest", target]
    argv += [f"--python-version={version}"] if version else []
    return argv + [f"--platform={name}" for name in platforms] + list(requirements)


# ---- the whole


def make(given, check_mode=False):
    """Makes the bundle that a module's parameters describe; returns the module's result."""
    release, directory = given["release"], given["directory"]
    signer = _signer(given)
    build = Build(directory, arguments.live_progress(given))
    client = Monqctl(
        given["monqctl_path"],
        given["monqctl_home"],
        arguments.environment(given),
        given["monqctl_timeout"],
        given_rules=given["client_rules"],
        secrets=arguments.known_secrets(given),
        progress=arguments.live_progress(given),
    )
    versions = {
        "product": release["product"],
        "release": release["version"],
        "registry": release["registry_version"],
        "collection": COLLECTION,
        "monqctl": ".".join(map(str, client.version())),
        "python": given["python_version"] or f"{sys.version_info[0]}.{sys.version_info[1]}",
    }
    result = {"manifest": os.path.join(directory, manifest.MANIFEST), "signer": signer, "changed": False}
    of = {"product": release["product"], "version": release["version"], "directory": directory}
    known = build.begin(versions, check_mode)
    if not known and check_mode:
        return {**result, "changed": True, "text": WOULD_BE_MADE.format(**of)}
    if not known:
        build.client(client.path)
        build.collections(given["collections"], COLLECTION)
        build.wheels(given["requirements"], given["python_version"], given["python_platforms"])
        build.exports(release, lambda argv: client.change(argv, in_context=False))
        known = build.close(versions, f"{OURS} {COLLECTION}")
        result["changed"] = True
    return {**result, "text": made(known, of, signer)}


def _signer(given):
    """The fingerprint of the certificate, or an empty string. Raises SignatureError before hours of export."""
    if not given["signing_key"] and given["unsigned"]:
        return ""
    for name in ("signing_key", "certificate"):
        if not os.path.isfile(given[name]) or within(given[name], given["directory"]):
            raise SignatureError(
                "the bundle cannot be signed",
                f"monq_bundle_{name}",
                "a file outside the bundle",
                given[name] or "not set",
                "set monq_bundle_signing_key and monq_bundle_certificate, or monq_bundle_unsigned: true",
            )
    return signature.fingerprint(signature.usable(given["certificate"]))


# ---- the parts


class Build:
    """The parts of a bundle, one after another, into one folder."""

    def __init__(self, directory, progress, runner=process.run):
        self.directory, self._progress, self._runner = directory, progress, runner

    def _path(self, *parts):
        path = os.path.join(self.directory, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def _folder(self, name):
        path = self._path(name)
        os.makedirs(path, exist_ok=True)
        return path

    def begin(self, versions, check_mode=False):
        """Returns the manifest if the whole bundle is there already, else None. Raises BundleError for a folder with
        anything else."""
        if not os.path.isabs(self.directory):
            raise _unfit(self.directory, "not an absolute path")
        there = os.listdir(self.directory) if os.path.isdir(self.directory) else []
        if BEGUN in there and not check_mode:
            self._clear()
        elif there and BEGUN not in there:
            try:
                verdict = Bundle(self.directory, unsigned=True, say=self._progress.say).verify()
            except BundleError as exc:
                raise _unfit(self.directory, exc.seen) from exc
            if verdict.problems:
                raise _unfit(self.directory, named(verdict.problems))
            if verdict.manifest.versions != versions:
                raise _unfit(self.directory, "a bundle of other versions")
            return verdict.manifest
        try:
            if not check_mode:
                os.makedirs(self.directory, exist_ok=True)
                with open(self._path(BEGUN), "w", encoding="ascii"):
                    pass
        except OSError as exc:
            raise _unfit(self.directory, exc.strerror or str(exc)) from exc
        return None

    def _clear(self):
        """Removes what an earlier run has made, and nothing else."""
        for name in (COLLECTIONS, WHEELS, manifest.REGISTRY, manifest.RELEASE):
            shutil.rmtree(self._path(name), ignore_errors=True)
        for name in (CLIENT, manifest.MANIFEST, manifest.SUMS):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(name))
        others = sorted({*os.listdir(self.directory)} - {BEGUN})
        if others:
            raise _unfit(self.directory, ", ".join(others[:5]))

    def client(self, path):
        found = shutil.which(path)
        if not found:
            raise BundleError("monqctl is not found", path, "an executable file", "none", "correct monq_monqctl_path")
        self._progress.say(f"copies {found}")
        _copied(found, self._path(CLIENT))

    def collections(self, archives, version):
        """archives: paths of those that are here already; what they lack is downloaded. version: of this collection."""
        known = {name: (release, needs) for name, release, needs in map(described, archives)}
        require_fitting(known, version)
        for path in archives:
            _copied(path, self._path(COLLECTIONS, os.path.basename(path)))
        lacking = {OURS: f"=={version}"} if OURS not in known else missing(known)
        if lacking:
            galaxy = _beside_python("ansible-galaxy")
            argv = download_collections(galaxy, self._folder(COLLECTIONS), lacking)
            then = (
                f"if Galaxy is not reached, set monq_bundle_collections to archives of {', '.join(sorted(lacking))} too"
            )
            self._run(argv, then)
        target = self._path(COLLECTIONS, "requirements.yml")
        rows = sorted(name for name in os.listdir(os.path.dirname(target)) if name.endswith(".tar.gz"))
        with open(target, "w", encoding="utf-8") as file:  # ansible-galaxy's own lists only what it has downloaded
            file.write(
                "---\ncollections:\n" + "".join(f"  - name: {json.dumps(row)}\n    type: file\n" for row in rows)
            )

    def wheels(self, requirements, version="", platforms=()):
        argv = download_wheels(sys.executable, self._folder(WHEELS), requirements, version, platforms)
        self._run(argv, "check pip's index; correct monq_bundle_python_version and monq_bundle_python_platforms")

    def exports(self, release, call):
        """call: makes one call of monqctl."""
        for name, argv in ((manifest.REGISTRY, export_registry), (manifest.RELEASE, export_release)):
            target = self._folder(name)
            call(argv(release, target))
            if not os.listdir(target):
                raise CommandError(
                    "monqctl has exported nothing",
                    target,
                    "files",
                    "an empty folder",
                    "check the Release Hub in monqctl's current context (monqctl config view)",
                )

    def close(self, versions, maker):
        """Writes manifest and checksums; returns the manifest."""
        seen = folder.look(self.directory)
        seen.pop(BEGUN, None)
        odd = [manifest.Problem("type", path, there.note) for path, there in seen.items() if there.kind != "file"]
        if odd:
            raise BundleError(
                "the bundle would contain something that is not a file",
                self.directory,
                "files and folders only",
                named(odd),
                "see what has made it; a bundle cannot contain links",
            )
        hashing = folder.Hashing(self.directory, sum(there.size for there in seen.values()), self._progress.say)
        files = {path: manifest.Entry(hashing.digest(path)[0], seen[path].size) for path in sorted(seen)}
        moment = timestamp.text()
        data = manifest.made(files, versions, moment, maker)
        for name, content in ((manifest.SUMS, manifest.sums(files, data)), (manifest.MANIFEST, data)):
            with open(self._path(name), "wb") as file:
                file.write(content)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(BEGUN))
        return manifest.Manifest(data)

    def _run(self, argv, then):
        words = [os.path.basename(argv[0]), *[word for word in argv[1:] if not word.startswith("-")][:2]]
        self._progress.say(" ".join(words))
        result = self._runner(argv, timeout=TIMEOUT, watch=self._progress.heard(lambda text: text, " ".join(words)))
        if result.rc or result.timed_out:
            lines = clean(result.stdout + result.stderr).strip().splitlines()
            raise CommandError(
                COMMAND_FAILED.format(command=" ".join(words)),
                self.directory,
                "exit status 0",
                "timed out" if result.timed_out else "\n    ".join([f"exit status {result.rc}", *lines[-5:]]),
                then,
            )


def _unfit(directory, seen):
    return BundleError(
        "the bundle cannot be made here",
        directory,
        "an empty folder, or none",
        seen,
        "remove it, or set monq_bundle_dir to another folder",
    )


def _copied(source, target):
    try:
        shutil.copy(source, target)
    except OSError as exc:
        raise BundleError("a file cannot be copied", str(source), "a file", exc.strerror or str(exc)) from exc


def _beside_python(name):
    """A program of the environment that this Python is part of, else the first on the PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), name)
    return beside if os.access(beside, os.X_OK) else name


def described(path):
    """(name, version, {dependency: range of versions}) of a collection's archive."""
    try:
        with tarfile.open(path) as archive:
            about = json.load(archive.extractfile("MANIFEST.json"))["collection_info"]
        return f"{about['namespace']}.{about['name']}", about["version"], dict(about.get("dependencies") or {})
    except (OSError, tarfile.TarError, KeyError, ValueError, AttributeError, TypeError) as exc:
        raise BundleError(
            "this is not the archive of a collection",
            str(path),
            "an archive from ansible-galaxy collection build or download",
            f"{type(exc).__name__}: {exc}",
            "correct monq_bundle_collections",
        ) from exc


def missing(known):
    """What some archive depends on and none is. known: {name: (version, {dependency: range})}"""
    return {name: wanted for name, wanted in _needs(known) if name not in known}


def _needs(known):
    return [pair for _version, needs in known.values() for pair in needs.items()]


def require_fitting(known, version):
    """Raises BundleError for an archive that ansible-galaxy would refuse in the closed network. version: ours."""
    for name, wanted in [*_needs(known), (OURS, f"=={version}")]:
        if name in known and not fits(known[name][0], wanted):
            raise BundleError(
                "the archive of a collection has another version than is needed",
                name,
                wanted,
                known[name][0],
                "correct monq_bundle_collections",
            )


def fits(version, wanted):
    """Whether a version lies in a range such as >=5.0.0,<7."""
    own = _numbers(version)
    for part in wanted.split(","):
        sign, limit = _RANGE.fullmatch(part.strip()).groups()
        other = _numbers(limit)
        if limit not in ("", "*") and not _COMPARED[sign or "=="]((own > other) - (own < other)):
            return False
    return True


def _numbers(version):
    found = [int(word) for word in re.findall(r"\d+", version.partition("-")[0].partition("+")[0])]
    return found + [0] * (3 - len(found))


_RANGE = re.compile(r"(==|!=|>=|<=|>|<)?\s*(.*)")
_COMPARED = {
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    ">=": lambda order: order >= 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    "<": lambda order: order < 0,
}
