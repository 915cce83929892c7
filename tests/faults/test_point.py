"""One point: make faults-point STEP=… PLACE=… KIND=… MODULES=…"""

from __future__ import annotations

import os

import pytest
from faults import points

GIVEN = [os.environ.get(name) for name in ("STEP", "PLACE", "KIND")]


@pytest.mark.skipif(not all(GIVEN), reason="needs STEP, PLACE and KIND in the environment")
def test_point(chain):
    chain(os.environ.get("MODULES") or "pl", lambda _steps: [points.Strike(*GIVEN)])
