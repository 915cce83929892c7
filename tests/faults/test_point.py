"""One point: make faults-point STEP=… PLACE=… KIND=… MODULES=…"""

from __future__ import annotations

import os

import pytest
from faults import points


def test_point(chain):
    given = {name: os.environ.get(name, "") for name in ("STEP", "PLACE", "KIND")}
    if not all(given.values()):
        pytest.skip("needs STEP, PLACE and KIND in the environment")
    strike = points.Strike(given["STEP"], given["PLACE"], given["KIND"])
    chain(os.environ.get("MODULES") or "pl", lambda _steps: [strike])
