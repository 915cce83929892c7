"""An upgrade from a bundle, as made by bundle.yml, in a network that reaches cluster and database only."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import closed_network, offline
from support.harness import Run

NEEDS = {"kubernetes.core": "6.0.0", "community.postgresql": "4.0.0", "community.crypto": "3.0.0"}
PACKAGES = ["ansible-core", "urllib3", "pyyaml", "kubernetes", "jmespath", "psycopg2-binary", "cryptography"]


@pytest.fixture(scope="module")
def closed(install):
    return install("closed", modules="pl")


@pytest.fixture(scope="module")
def made(closed):
    """The bundle's folder, the certificate, and the run that made it, by the simulator of monqctl, with a new token."""
    work = closed.work / "outside"
    offline.wheels(work / "index", PACKAGES)
    openssl = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "30", "-subj", "/CN=bundles"]
    openssl += ["-keyout", str(work / "bundle.key"), "-out", str(work / "bundle.pem")]
    subprocess.run(openssl, check=True, capture_output=True)
    (work / "home").mkdir()
    facts = closed.facts
    for call in (
        ["config", "set", "instance", "i", f"--server={facts['registry_server']}"],
        ["config", "set", "releasehub", "h", f"--token={facts['releasehub_token']}"]
        + [f"--server={facts['releasehub_server']}"],
        ["config", "set", "credential", "c", "--registry-token=000"],
        ["config", "set", "context", "outside", "--instance=i", "--credential=c", "--releasehub=h"],
        ["config", "use-context", "outside"],
    ):
        env = {**os.environ, "HOME": str(work / "home")}
        subprocess.run([facts["monqctl"], *call], env=env, check=True, capture_output=True)
    extra = {
        "monq_bundle_dir": str(work / "bundle"),
        "monq_bundle_signing_key": str(work / "bundle.key"),
        "monq_bundle_certificate": str(work / "bundle.pem"),
        "monq_bundle_collections": offline.archives(work / "collections", NEEDS),
        "monq_monqctl_path": facts["monqctl"],
        "monq_monqctl_home": str(work / "home"),
    }
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(work / "index")}  # the real pip, with a folder as its index
    run = closed.play("bundle", confirm=False, extra=extra, env=index)
    assert run.rc == 0, run.text[-3000:]
    return work / "bundle", work / "bundle.pem", run


@pytest.fixture(scope="module")
def copied(closed, made):
    """The bundle as it was copied into the closed network."""
    bundle, certificate, _run = made
    inside = closed.work / "inside"
    shutil.copytree(bundle, inside / "bundle")
    shutil.copy(certificate, inside / "bundle.pem")
    closed.variables(
        monq_releasehub_token=None,
        monq_bundle_dir=str(inside / "bundle"),
        monq_bundle_certificate=str(inside / "bundle.pem"),
    )
    return inside / "bundle"


@pytest.fixture(scope="module")
def network(closed):
    if not closed_network.possible():
        pytest.skip("a network namespace needs root")
    kubeconfig = Path(closed.sandbox.facts["kubeconfig"]).read_text()
    servers = [*re.findall(r"https?://127\.0\.0\.1:\d+", kubeconfig), closed.facts["registry_server"]]
    ports = {urlsplit(url).port for url in servers} | {closed.facts["postgresql"]["port"]}
    made = closed_network.ClosedNetwork(ports)
    yield made
    made.close()


def test_what_bundle_yml_has_made(made):
    bundle, certificate, run = made
    assert f"bundle of monq 6.0.0 in {bundle}: " in run.text
    names = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert {"monqctl", "manifest.json", "manifest.json.sig", "SHA256SUMS", "registry/registry.json"} < names
    assert {"release/release.json", "release/pl/sqls/pl-i18n-service.sql", "collections/requirements.yml"} < names
    wheels = {path.name.partition("-")[0] for path in (bundle / "wheels").iterdir()}
    assert {"ansible_core", *(name.replace("-", "_") for name in PACKAGES)} < wheels, "and what they depend on"
    assert {path.name for path in (bundle / "wheels").iterdir()} == {
        path.name for path in (bundle.parent / "index").iterdir()
    }
    done = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=bundle, check=False)
    assert done.returncode == 0
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", certificate],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"signed by {shown.strip().partition('=')[2]}" in run.text


def test_a_spoiled_bundle_is_refused_by_name_before_any_change(closed, copied):
    """More kinds, each alone, in the unit tests of module_utils/bundle."""
    sql = copied / "release/pl/sqls/pl-i18n-service.sql"
    kept = sql.read_bytes()
    sql.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    (copied / "release/pl/extra.sql").write_text("")
    (copied / "monqctl2").symlink_to("/etc/hostname")
    (copied / "registry/image.tar").rename(copied.parent / "image.tar")
    mark = closed.audit_mark()
    run = closed.play("prepare", confirm=False)
    assert run.rc == 2 and closed.mutations(mark) == [] and closed.ledger() == {}
    for words in (
        "MONQ-123 bundle",
        "1 missing: registry/image.tar",
        "1 additional: release/pl/extra.sql",
        "1 of another type: monqctl2 (a link out of the folder, to /etc/hostname)",
    ):
        assert words in run.text
    (copied / "release/pl/extra.sql").unlink()
    (copied / "monqctl2").unlink()
    (copied.parent / "image.tar").rename(copied / "registry/image.tar")
    run = closed.play("preflight", confirm=False)
    assert run.rc == 2 and "1 altered: release/pl/sqls/pl-i18n-service.sql" in run.text
    sql.write_bytes(kept)


@pytest.fixture(scope="module")
def installed(closed, copied, network):
    """A home in the closed network, in which the docs' commands were typed: nothing in it is not from the bundle."""
    home = copied.parent / "home"
    home.mkdir()
    places = {
        "/srv/monq-6.0.0": copied,
        "/etc/monq/bundle.pem": copied.parent / "bundle.pem",
        "/tmp/manifest.sig": home / "manifest.sig",
        "/srv/monq/bin/monqctl": home / "bin" / "monqctl",
    }
    script = offline.documented("In the closed network")
    status, said = network.run(lambda: offline.type_in(home, script, places))
    assert status == 0, said[-3000:]
    return home


def test_the_documented_commands_install_everything_from_the_bundle(installed, copied):
    binaries = installed / "monq" / "bin"
    for program, package in (("ansible-playbook", "ansible"), ("python", "psycopg2")):
        assert (binaries / program).is_file()
        argv = [str(binaries / "python"), "-c", f"import {package}; print({package}.__file__)"]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=installed)
        assert done.stdout.startswith(f"{installed}/monq/lib/")
    collections = installed / ".ansible" / "collections" / "ansible_collections"
    found = {".".join(path.parts[-3:-1]) for path in collections.glob("*/*/MANIFEST.json")}
    assert found == {"monq.platform", *NEEDS}
    assert not (collections / "monq" / "platform").is_symlink(), "built, not the working tree"
    assert (installed / "bin" / "monqctl").read_bytes() == (copied / "monqctl").read_bytes()


def upgrade(closed, home):
    """Starts the upgrade with the Python, the collections and the monqctl of the bundle, and no others."""
    closed.variables(monq_monqctl_path=str(home / "bin" / "monqctl"))
    confirmed = json.dumps({"monq_confirm_outage": closed.name})
    argv = ["ansible-playbook", "-i", str(closed.inventory), "monq.platform.site", "-e", confirmed]
    env = {"HOME": str(home), "ANSIBLE_COLLECTIONS_PATH": str(home / ".ansible" / "collections")}
    return closed.start("site", typed=shlex.join(argv), python=home / "monq" / "bin" / "python", env=env)


def test_the_whole_upgrade_passes_without_any_route_to_the_outside(closed, copied, installed, network):
    def isolated():
        assert subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout == ""
        with socket.create_server(("127.0.0.1", 0)) as server:  # loopback of its own
            port = server.getsockname()[1]
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        with pytest.raises(OSError):
            socket.create_connection(("192.0.2.1", 443), timeout=5)
        return upgrade(closed, installed)

    began = time.monotonic()
    process = network.run(isolated)
    rc = process.wait(timeout=600)
    run = Run(rc, Path(process.log).read_text(), time.monotonic() - began)
    assert run.rc == 0, run.text[-3000:]
    assert len(network.used) == 3, "API server, PostgreSQL and the registry, as counted outside"
    assert re.search(r"MONQ-130 .*\n.*\n +seen: \d+ files, .*, sha256 verified, signed by ([0-9A-F]{2}:){31}", run.text)
    assert "MONQ-062" not in run.text, "the Release Hub is not asked"
    used = [argv for argv in closed.journal() if any(word.startswith("--sourceDir") for word in argv)]
    assert [argv[-1] for argv in used] == [f"--sourceDir={copied}/{name}" for name in ("registry", "release")]
    assert ("pl", "sqls/pl-i18n-service.sql", "pl-i18n-service") in closed.migrations()
    kept = json.loads((closed.backup / closed.name / "bundle-verified.json").read_text())
    assert set(kept["files"]) > {"manifest.json", "registry/registry.json"}
