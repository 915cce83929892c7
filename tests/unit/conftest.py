"""Lets unit tests import the fakes that lie beside them, and what all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.append(str(Path(__file__).resolve().parents[1]))

import pytest  # noqa: E402
from fake_cluster import Clock, FakeCluster  # noqa: E402


@pytest.fixture
def cluster():
    return FakeCluster()


@pytest.fixture
def clock():
    return Clock()
