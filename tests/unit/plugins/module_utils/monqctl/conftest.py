"""The vendor's client with a runner that only remembers."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.monqctl.client import Monqctl
from fake_monqctl import Runner
from repository import SHIPPED_RULES as RULES


@pytest.fixture
def runner():
    return Runner()


@pytest.fixture
def client(runner, tmp_path):
    return Monqctl(
        "/opt/monqctl", str(tmp_path), {"HTTPS_PROXY": "x", "HOME": "/elsewhere"}, 600, "production", RULES, runner
    )
