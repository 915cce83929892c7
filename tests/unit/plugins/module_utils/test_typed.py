"""Values as key=value and surveys give them, in the type that their variable is declared with."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils.typed import left_empty, typed


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


@pytest.mark.parametrize(
    ("value", "kind", "default", "expected"),
    [
        ("900", "int", 1, 900),
        (" -1 ", "int", 1, -1),
        (0, "int", 1, 0),
        ("", "int", 1, 1),
        (None, "int", 1, 1),
        ("1.5", "int", 1, "1.5"),
        ("", "text", "stop", "stop"),
        (" ", "text", "stop", "stop"),
        ("continue", "text", "stop", "continue"),
    ],
)
def test_int_and_text(value, kind, default, expected):
    assert typed(value, kind, default) == expected


def test_what_a_survey_leaves_empty_is_checked_as_its_default():
    options = {
        "flag": {"type": "bool", "default": True},
        "count": {"type": "int", "default": 5},
        "port": {"type": "int"},
        "names": {"type": "dict", "default": {}},
        "word": {"type": "str", "choices": ["a", "b"], "default": "a"},
        "text": {"type": "str", "default": "x"},
        "needed": {"type": "list", "required": True},
        "absent": {"type": "bool", "default": False},
    }
    values = {"flag": "", "count": " ", "port": "", "names": None, "word": "", "text": "", "needed": ""}
    expected = {"flag": True, "count": 5, "port": None, "names": {}, "word": "a"}
    assert left_empty(options, values) == expected
    assert left_empty(options, {"flag": "no", "count": 0, "word": "b", "names": {}}) == {}
