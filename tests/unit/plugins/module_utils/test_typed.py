"""Values as key=value and surveys give them, in the type that their variable is declared with."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.typed import typed


@pytest.mark.parametrize(
    ("value", "default", "expected"),
    [
        (True, False, True),
        (False, True, False),
        *((word, False, True) for word in ("true", "True", "yes", "on", "1", "y", " TRUE ", 1)),
        *((word, True, False) for word in ("false", "False", "no", "off", "0", "n", 0)),
        ("", True, True),
        (None, False, False),
        ("perhaps", True, "perhaps"),
        (2, True, 2),
    ],
)
def test_bool(value, default, expected):
    found = typed(value, "bool", default)
    assert found == expected and isinstance(found, type(expected))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["pl", "sm"], ["pl", "sm"]),
        ("pl,sm", ["pl", "sm"]),
        ("pl, sm", ["pl", "sm"]),
        ("pl sm", ["pl", "sm"]),
        ("pl\nsm\n", ["pl", "sm"]),
        ('["pl", "sm"]', ["pl", "sm"]),
        ('[{"hosts": ["a"], "secretName": "b"}]', [{"hosts": ["a"], "secretName": "b"}]),
        ("", []),
        (" ", []),
        (None, []),
        ([], []),
        ([""], []),
        ("[]", []),
        (3, 3),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_list(value, expected):
    assert typed(value, "list") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": {"answer": "retry"}}', {"a": {"answer": "retry"}}),
        ("a-b=a_b,c=d", {"a-b": "a_b", "c": "d"}),
        ("", {}),
        (" ", {}),
        (None, {}),
        ("what", "what"),
        ([1], [1]),
    ],
)
def test_dict(value, expected):
    assert typed(value, "dict") == expected
