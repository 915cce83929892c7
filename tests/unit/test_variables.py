"""What a run says of variables that are missing or cannot be used, before it reads anything."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from repository import ROOT, load
from support.harness import environment

PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"


def refused(folder, **variables):
    host = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "monq_environment": "production",
        "monq_kubeconfig": "/nowhere",
        **variables,
    }
    (folder / "hosts.json").write_text(json.dumps({"monq": {"hosts": {"one": host}}}))
    argv = [PLAYBOOK, "-i", folder / "hosts.json", ROOT / "playbooks" / "preflight.yml"]
    done = subprocess.run(
        argv, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_all_that_are_missing_are_named_at_once_without_the_whole_specification(tmp_path):
    """Those that a default is derived from, too."""
    options = load("roles/monq/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    required = sorted(name for name, one in options.items() if one.get("required") and name != "monq_environment")
    text = refused(tmp_path)
    assert len(required) > 5 and f"missing required arguments: {', '.join(required)}" in text
    assert "argument_spec_data" not in text and len(text) < 4000


def test_one_of_another_type_is_named(tmp_path):
    text = refused(tmp_path, monq_backup_max_age="soon", monq_modules=["pl"])
    assert "argument 'monq_backup_max_age'" in text and "missing required arguments" in text
