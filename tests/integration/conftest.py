"""The sandbox for the integration tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import fixtures  # noqa: E402

sandbox, install = fixtures.sandbox, fixtures.install
