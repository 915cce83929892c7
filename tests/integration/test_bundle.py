"""An upgrade from a bundle, as made by bundle.yml, in a network that reaches cluster and database only."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import closed_network
from support.harness import ROOT, Run

PIP = """import sys
open(sys.argv[sys.argv.index("--dest") + 1] + "/nothing-1-py3-none-any.whl", "w").write("wheel")
open(__file__ + ".argv", "w").write("\\n".join(sys.argv[1:]))
"""
NEEDS = {"kubernetes.core": "6.0.0", "community.postgresql": "4.0.0", "community.crypto": "3.0.0"}


@pytest.fixture(scope="module")
def closed(install):
    return install("closed", modules="pl")


def archives(folder):
    """This collection as it is built, and what stands for its dependencies: Galaxy is not reached here."""
    ansible = str(Path(sys.executable).parent / "ansible-galaxy")
    argv = [ansible, "collection", "build", str(ROOT), "--output-path", str(folder)]
    subprocess.run(argv, check=True, capture_output=True)
    for name in NEEDS:
        about = {
            "namespace": name.split(".")[0],
            "name": name.split(".")[1],
            "version": NEEDS[name],
            "dependencies": {},
        }
        (folder / "MANIFEST.json").write_text(json.dumps({"collection_info": about}))
        with tarfile.open(folder / f"{name.replace('.', '-')}-{NEEDS[name]}.tar.gz", "w:gz") as file:
            file.add(folder / "MANIFEST.json", "MANIFEST.json")
    return [str(path) for path in sorted(folder.glob("*.tar.gz"))]


@pytest.fixture(scope="module")
def made(closed):
    """The bundle's folder, the certificate, and the run that made it, by the simulator of monqctl, with a new token."""
    work = closed.work / "outside"
    (work / "pip").mkdir(parents=True)
    (work / "pip" / "__init__.py").write_text("")
    (work / "pip" / "__main__.py").write_text(PIP)
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
        "monq_bundle_collections": archives(work),
        "monq_monqctl_path": facts["monqctl"],
        "monq_monqctl_home": str(work / "home"),
    }
    run = closed.play("bundle", confirm=False, extra=extra, env={"PYTHONPATH": str(work)})
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
    assert [name for name in names if name.startswith("wheels/")] == ["wheels/nothing-1-py3-none-any.whl"]
    asked = (bundle.parent / "pip" / "__main__.py.argv").read_text().split("\n")
    assert asked[:2] == ["download", "--only-binary=:all:"] and "ansible-core>=2.17" in asked
    assert "cryptography>=3.3" in asked, "what requirements.txt names"
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


def test_the_whole_upgrade_passes_without_any_route_to_the_outside(closed, copied, network):
    def isolated():
        assert subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout == ""
        with socket.create_server(("127.0.0.1", 0)) as server:  # loopback of its own
            port = server.getsockname()[1]
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        with pytest.raises(OSError):
            socket.create_connection(("192.0.2.1", 443), timeout=5)
        return closed.start("site")

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
