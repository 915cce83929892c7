"""What the tree itself says: the release's data, the eight choices of modules, the tasks."""

from __future__ import annotations

import itertools
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHOICES = [["pl", *others] for count in range(4) for others in itertools.combinations(["sm", "cl", "fm"], count)]


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


RELEASE = load("roles/monq/vars/main/release.yml")["_monq_release"]
SHIPPED_RULES = load("roles/monq/vars/main/client_rules.yml")["_monq_client_rules"]
TASK_FILES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("roles/*/tasks/*.yml", "playbooks/**/*.yml")
    for path in ROOT.glob(pattern)
)


def tasks(path):
    """Every task and block of a file, plays included."""

    def walk(items):
        for item in items or []:
            yield item
            for section in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
                yield from walk(item.get(section) if isinstance(item.get(section), list) else [])

    yield from walk(load(path))
