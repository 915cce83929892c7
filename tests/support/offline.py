"""What an offline bundle is made of where neither an index nor Galaxy is reached: real wheels, packed again from the
tests' own environment, and archives of collections. And the commands that the docs name, as an operator types them."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement

from .harness import ROOT

PAGE = ROOT / "docs" / "docsite" / "rst" / "offline.rst"
# Only for kubeconfigs with plugins, and larger than everything else together: nothing but its name.
EMPTY = {"kubernetes"}
WRITTEN_BY_PIP = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


def wheels(folder, names):
    """Writes a wheel of each of these installed packages, and of what they depend on; returns their versions."""
    folder.mkdir(parents=True)
    found, left = {}, [*names]
    while left:
        name = _normal(left.pop())
        if name in found:
            continue
        package = metadata.distribution(name)
        found[name] = package.version
        if name in EMPTY:
            _pack(folder, name, package.version, {}, ["py3-none-any"])
            continue
        left += [one.name for one in map(Requirement, package.requires or []) if _applies(one)]
        rows = {str(path): path.locate() for path in package.files if not str(path).startswith("..")}
        files = {path: there.read_bytes() for path, there in rows.items() if there.is_file() and _is_packed(path)}
        tags = re.findall(r"^Tag: (\S+)$", package.read_text("WHEEL"), re.M)
        _pack(folder, name, package.version, files, tags)
    return found


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _applies(requirement):
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _is_packed(path):
    return not path.endswith(".pyc") and path.rpartition("/")[2] not in WRITTEN_BY_PIP


def _pack(folder, name, version, files, tags):
    plain = name.replace("-", "_")
    about = next((path.partition("/")[0] for path in files if path.endswith(".dist-info/METADATA")), None)
    if not about:
        about = f"{plain}-{version}.dist-info"
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n" + "".join(f"Tag: {tag}\n" for tag in tags)
        files = {f"{about}/METADATA": text.encode(), f"{about}/WHEEL": wheel.encode()}
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items())
    files = {**files, f"{about}/RECORD": f"{record}{about}/RECORD,,\n".encode()}
    parts = [".".join(sorted(set(column))) for column in zip(*(tag.split("-") for tag in tags))]
    with zipfile.ZipFile(folder / f"{plain}-{version}-{'-'.join(parts)}.whl", "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)


def _digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def archives(folder, needs):
    """This collection as it is built, and an empty one for each of its dependencies. needs: {collection: version}"""
    sources = [ROOT]
    for name, version in needs.items():
        source = folder / name
        source.mkdir(parents=True)
        about = dict(zip(("namespace", "name"), name.split(".")))
        about |= {"version": version, "readme": "README.md", "authors": ["the tests"], "license": ["GPL-3.0-or-later"]}
        (source / "galaxy.yml").write_text(yaml.safe_dump(about))
        (source / "README.md").write_text(f"{name}, without content\n")
        sources.append(source)
    argv = [str(Path(sys.executable).parent / "ansible-galaxy"), "collection", "build", *map(str, sources)]
    subprocess.run([*argv, "--output-path", str(folder)], check=True, capture_output=True)
    return [str(path) for path in sorted(folder.glob("*.tar.gz"))]


def documented(section):
    """The console commands of one section of the page on bundles, in their order."""
    after = PAGE.read_text(encoding="utf-8").split(f"\n{section}\n{'-' * len(section)}\n", 1)[1]
    text = re.split(r"\n-{5,}\n", after)[0]
    blocks = re.findall(r"\.\. code-block:: console\n\n((?:   .*\n|\n)+)", text)
    return "".join(re.sub(r"^   ", "", block, flags=re.M) for block in blocks)


def type_in(home, script, places):
    """Types these commands with a home; places: {a path of the docs: the one here}. Returns (status, output)."""
    for there, here in places.items():
        assert there in script, f"the docs have no {there}"
        script = script.replace(there, str(here))
    # Nothing of the tests' environment but a python3: neither its configuration nor its collections.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"HOME": str(home), "LC_ALL": "C.UTF-8", "PATH": path}
    done = subprocess.run(
        ["bash", "-euxc", script],
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout
