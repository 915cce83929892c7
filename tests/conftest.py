"""Lets tests import the working tree as ansible_collections.monq.platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

subprocess.run([ROOT / "tests" / "tools" / "link-collection"], check=True)
sys.path.insert(0, str(ROOT / ".ansible" / "collections"))
