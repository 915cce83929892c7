"""The execution environment that is shipped: ansible-builder takes it without a warning. What only a container engine
can show, that the image builds, is not tested."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from repository import ROOT, load


def test_the_context_is_made_without_a_warning(tmp_path):
    shutil.copy(ROOT / "execution-environment.yml", tmp_path)
    (tmp_path / "files").mkdir()
    for name in ("monqctl", "kubectl"):
        (tmp_path / "files" / name).write_text("")
    builder = Path(sys.executable).parent / "ansible-builder"
    done = subprocess.run(
        [builder, "create", "--output-filename", "Containerfile", "-v", "3"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "warn" not in done.stdout.lower(), done.stdout
    lines = (tmp_path / "context" / "Containerfile").read_text().splitlines()
    assert 'ARG EE_BASE_IMAGE="quay.io/centos/centos:stream9"' in lines
    assert "FROM $EE_BASE_IMAGE AS base" in lines and "ansible-runner:latest" not in "".join(lines)
    copied = [line for line in lines if line.startswith("COPY") and line.endswith("/usr/local/bin/")]
    assert copied == ["COPY --chmod=0755 _build/bin/monqctl _build/bin/kubectl /usr/local/bin/"]
    assert {path.name for path in (tmp_path / "context" / "_build" / "bin").iterdir()} == {"monqctl", "kubectl"}
    needs = (tmp_path / "context" / "_build" / "bindep.txt").read_text().splitlines()
    assert needs == ["libicu [platform:rpm]", "openssh-clients [platform:rpm]"], "for monqctl, and for a bastion"
    assert "RUN /output/scripts/install-from-bindep && rm -rf /output/wheels" in lines
    assert "RUN chmod ug+rw /etc/passwd" in lines, "ssh refuses a user without an entry; the entrypoint adds it"


def test_python_and_client_are_named(tmp_path):
    given = load("execution-environment.yml")
    assert given["dependencies"]["python_interpreter"]["package_system"] == "python3.12"
    base = given["additional_build_steps"]["prepend_base"]
    assert base == ["RUN dnf -y module enable postgresql:16"], "a stream of its own, or the client is version 13"
