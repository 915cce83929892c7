"""Removes each guard of guards.yml in a copy of the tree, one at a time; the tests named there must fail then, and pass before."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
UNIT = "tests/unit/plugins/module_utils/"


def copy(target):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    home = target / ".ansible/collections/ansible_collections/monq"
    home.mkdir(parents=True)
    (home / "platform").symlink_to("../../../..")


def failed(tree, tests):
    """The named tests that failed, and whether any passed."""
    env = {**os.environ, "PYTHONPATH": str(tree / ".ansible/collections"), "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(UNIT + test for test in tests)]
    done = subprocess.run(argv, cwd=tree, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def main():
    guards = yaml.safe_load((ROOT / "tests/tools/guards.yml").read_text())
    kept = []
    with tempfile.TemporaryDirectory(prefix="monq-guards-") as folder:
        tree = Path(folder)
        copy(tree)
        rc, text = failed(tree, sorted({test for row in guards for test in row["tests"]}))
        if rc:
            sys.exit(text[-3000:] + "\nthe tests of the guards do not pass to begin with")
        for row in guards:
            path = tree / row["file"]
            source = path.read_text()
            if source.count(row["remove"]) != 1:
                sys.exit(f"{row['guard']}: {row['file']} does not hold what is to be removed, or more than once: correct guards.yml")
            path.write_text(source.replace(row["remove"], row.get("instead", "")))
            for test in row["tests"]:
                rc, text = failed(tree, [test])
                said = "fails" if rc == 1 else f"PASSES (status {rc})"
                print(f"without: {row['guard']:<48} {said}: {test}", flush=True)
                if rc != 1:
                    kept.append(f"{row['guard']}: {test}\n{text[-1500:]}")
            path.write_text(source)
    if kept:
        sys.exit("these do not notice that their guard is gone:\n" + "\n".join(kept))


if __name__ == "__main__":
    main()
