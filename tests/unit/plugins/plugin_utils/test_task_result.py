"""What a callback gets, by the names of ansible-core before and since 2.19."""

from __future__ import annotations

import types

import pytest
from ansible_collections.monq.platform.plugins.plugin_utils import task_result


@pytest.mark.parametrize("prefix", ["", "_"])
@pytest.mark.parametrize("data", [{"changed": True}, {}])
def test_parts(prefix, data):
    given = types.SimpleNamespace(**{prefix + "host": "h", prefix + "task": "t", prefix + "result": data})
    assert task_result.parts(given) == ("h", "t", data)
