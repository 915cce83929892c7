"""Texts in the operator's language: looked up by the English text, or recognised by its template."""

from __future__ import annotations

import pytest
from ansible_collections.monq.platform.plugins.module_utils import language
from ansible_collections.monq.platform.plugins.module_utils.language import ENGLISH, Language

TABLE = {
    "a step is not done": "шаг не выполнен",
    "{0} of {1} steps done, the last: {2}": "последний шаг {2}, выполнено {0} из {1}",
    "the variable {name} is {name}, not {other}": "{other} вместо {name}",
    "{} has {} replicas now": "реплик у {}: {}",
    "run the same command again": "запустите ту же команду ещё раз",
    "with\n    {0}   it was not applied\n    {1}   it was applied": "с\n    {0}   не применён\n    {1}   применён",
    "{0}: {1}": "не узнаётся",
    "{n} step": ["{n} шаг", "{n} шага", "{n} шагов"],
    "of them {0} more": "ещё {0}",
    "none": "нет",
    "done": "выполнен",
    "KiB": "КиБ",
    "object": "объект",
    "expected": "ожидалось",
    "seen": "обнаружено",
    "next": "дальше",
}
RUSSIAN = Language("ru", TABLE)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 шагов"), (1, "1 шаг"), (2, "2 шага"), (4, "4 шага"), (5, "5 шагов"), (11, "11 шагов"), (12, "12 шагов")]
    + [(14, "14 шагов"), (21, "21 шаг"), (22, "22 шага"), (78, "78 шагов"), (101, "101 шаг"), (111, "111 шагов")],
)
def test_plural_forms(number, text):
    assert RUSSIAN.n("{n} step", "{n} steps", number) == text
    assert ENGLISH.n("{n} step", "{n} steps", number) == f"{number} step{'' if number == 1 else 's'}"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a step is not done", "шаг не выполнен"),
        ("12 of 96 steps done, the last: upgrade.routing.cut", "последний шаг upgrade.routing.cut, выполнено 12 из 96"),
        ("3 of 96 steps done, the last: a.b; of them 2 more", "последний шаг a.b, выполнено 3 из 96; ещё 2"),
        ("the variable x is x, not y", "y вместо x"),
        ("the variable x is z, not y", "the variable x is z, not y"),
        ("pl-x has 2 replicas now", "реплик у pl-x: 2"),
        ("a step is not done; run the same command again", "шаг не выполнен; запустите ту же команду ещё раз"),
        ("  a step is not done\n1.5 KiB", "  шаг не выполнен\n1.5 КиБ"),
        ("none", "нет"),
        ("done", "done"),  # a key: one word may stand for a state
        ("exec failed: no such host", "exec failed: no such host"),
        ("", ""),
    ],
)
def test_a_sentence_is_known_whole_by_its_template_or_in_parts(said, shown):
    assert RUSSIAN.sentence(said) == shown
    assert ENGLISH.sentence(said) == said


def test_an_error_keeps_its_rows_and_what_others_have_printed():
    said = (
        'a step is not done\n  object: upgrade.sm.database\n  expected: done\n  seen: ERROR: relation "x"\n'
        "  next: with\n"
        "    -e '{\"monq_resolve\": 1}'   it was not applied\n    -e '{}'   it was applied"
    )
    assert RUSSIAN.message(said) == (
        'шаг не выполнен\n  объект: upgrade.sm.database\n  ожидалось: done\n  обнаружено: ERROR: relation "x"\n'
        "  дальше: с\n    -e '{\"monq_resolve\": 1}'   не применён\n    -e '{}'   применён"
    )
    assert ENGLISH.message(said) == said


def test_values_may_hold_braces_and_text_without_values_is_taken_as_it_is():
    assert ENGLISH._("a {b}") == "a {b}" and ENGLISH._("a {b}", b="{c}") == "a {c}"
    assert language.mark("text") == "text"
    assert RUSSIAN.gettext("not in the table") == "not in the table"
    assert RUSSIAN.ngettext("{n} a", "{n} as", 2) == "{n} as"
