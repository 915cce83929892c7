"""Data that is expensive to make and the same for all workers: made by the first that asks, read by the others."""

from __future__ import annotations

import fcntl
import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "tests" / "output" / "shared"


def of_the_tree():
    """Returns a sha256 of everything that an upgrade depends on."""
    digest = hashlib.sha256()
    for folder in ("plugins", "roles", "playbooks", "tests/sandbox", "tests/support"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def shared(name, make):
    """Returns the data that make() has returned to the first worker of this tree; later runs of the same tree read it,
    too."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path, tree = OUTPUT / f"{name}.json", of_the_tree()
    with open(OUTPUT / f"{name}.lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["tree"] == tree:
                return found["data"]
        data = make()
        path.write_text(json.dumps({"tree": tree, "data": data}), encoding="utf-8")
        return json.loads(json.dumps(data))
