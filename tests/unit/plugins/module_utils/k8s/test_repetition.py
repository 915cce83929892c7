"""What is sent again, and whether an object is what a lost write wanted."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.k8s import repetition


@pytest.mark.parametrize(
    ("sent", "found", "expected"),
    [
        ({"data": {"a": "1"}}, {"data": {"a": "1", "b": "2"}, "kind": "ConfigMap"}, True),
        ({"data": {"a": "1"}}, {"data": {"a": "2"}}, False),
        ({"data": {"a": "1"}}, {"data": None}, False),
        ({"data": {"a": None}}, {"data": {}}, True),
        ({"data": {"a": None}}, {"data": {"a": "1"}}, False),
        ({"metadata": {"resourceVersion": "7"}}, {"metadata": {"resourceVersion": "8"}}, True),
        ({"metadata": {"annotations": {}}}, {"metadata": {"name": "n"}}, True),
        ({"spec": {"replicas": 0}}, {"spec": {"replicas": 1}}, False),
        ({"spec": {"containers": ["a"]}}, {"spec": {"containers": ["a", "b"]}}, False),
    ],
)
def test_landed(sent, found, expected):
    assert repetition.landed(sent, found) is expected


@pytest.mark.parametrize(
    ("given", "seconds"), [("3", 3.0), ("0", 0.5), ("3600", 15), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.5), ("", 0.5)]
)
def test_pause(given, seconds):
    assert repetition.pause(given, 0.5) == seconds
