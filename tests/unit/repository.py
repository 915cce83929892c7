"""What the tree itself says: the release's data, and the eight choices of modules."""

from __future__ import annotations

import itertools
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHOICES = [["pl", *others] for count in range(4) for others in itertools.combinations(["sm", "cl", "fm"], count)]


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


RELEASE = load("roles/monq/vars/main/release.yml")["_monq_release"]
