"""What the registry answers on replica counts."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.errors import CommandError
from ansible_collections.monq.platform.plugins.module_utils.monqctl import registry


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([{"name": "a", "replicas": 3}, {"name": "b", "replicas": 0}], {"a": 3, "b": 0}),
        ([{"name": "a", "replicas": 1, "more": True}], {"a": 1}),
    ],
)
def test_registry_counts(answer, expected):
    assert registry.registry_counts(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"a": 3},
        "a",
        [["a", 3]],
        [{"name": "a"}],
        [{"replicas": 1}],
        [{"name": None, "replicas": 1}],
        [{"name": "a", "replicas": None}],
        [{"name": "a", "replicas": "3"}],
        [{"name": "a", "replicas": 1.5}],
        [{"name": "a", "replicas": True}],
        [{"name": "b", "replicas": 1}, {"name": "a", "replicas": None}],
    ],
)
def test_counts_that_cannot_be_read_are_not_guessed(answer):
    with pytest.raises(CommandError) as caught:
        registry.registry_counts(answer)
    assert "monq_registry_replica_commands" in str(caught.value) and "manual" in str(caught.value)


def test_a_new_service_of_an_odd_shape_does_not_stop_what_is_put_back():
    answer = [{"name": "a", "replicas": 2}, {"name": "new", "replicas": None}]
    assert registry.registry_counts(answer, known={"a": {}}) == {"a": 2}
    for known in (None, {"a": {}, "new": {}}):
        with pytest.raises(CommandError):
            registry.registry_counts(answer, known)
