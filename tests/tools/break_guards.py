"""Removes each guard of guards.yml from a copy of the tree, one at a time; the tests named there must pass before, and
fail then."""

import os
import queue
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
UNIT = "tests/unit/plugins/module_utils/"
COPIES = os.cpu_count() or 1


def copy(target):
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    home = target / ".ansible/collections/ansible_collections/monq"
    home.mkdir(parents=True)
    (home / "platform").symlink_to("../../../..")
    return target


def failed(tree, tests):
    """Returns pytest's status and output."""
    env = {**os.environ, "PYTHONPATH": str(tree / ".ansible/collections"), "PYTHONDONTWRITEBYTECODE": "1"}
    paths = [test if test.startswith("tests/") else UNIT + test for test in tests]
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths]
    done = subprocess.run(
        argv, cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def without(row, tree):
    """Returns [what is wrong] with the tests of a guard after removing it from this copy."""
    path, kept = tree / row["file"], []
    source = path.read_text()
    if source.count(row["remove"]) != 1:
        return [
            f"{row['guard']}: {row['file']} does not hold what is to be removed, or more than once: correct guards.yml"
        ]
    path.write_text(source.replace(row["remove"], row.get("instead", "")))
    try:
        for test in row["tests"]:
            rc, text = failed(tree, [test])
            said = "fails" if rc == 1 else f"PASSES (status {rc})"
            print(f"without: {row['guard']:<48} {said}: {test}", flush=True)
            kept += [] if rc == 1 else [f"{row['guard']}: {test}\n{text[-1500:]}"]
    finally:
        path.write_text(source)
    return kept


def main():
    guards = yaml.safe_load((ROOT / "tests/tools/guards.yml").read_text())
    trees = queue.Queue()

    def examine(row):
        tree = trees.get()
        try:
            return without(row, tree)
        finally:
            trees.put(tree)

    with tempfile.TemporaryDirectory(prefix="monq-guards-") as folder:
        for number in range(COPIES):
            trees.put(copy(Path(folder) / str(number)))
        rc, text = failed(Path(folder) / "0", sorted({test for row in guards for test in row["tests"]}))
        if rc:
            sys.exit(text[-3000:] + "\nthe tests of the guards do not pass to begin with")
        with ThreadPoolExecutor(COPIES) as pool:
            kept = [one for found in pool.map(examine, guards) for one in found]
    if kept:
        sys.exit("these do not notice that their guard is gone:\n" + "\n".join(kept))


if __name__ == "__main__":
    main()
