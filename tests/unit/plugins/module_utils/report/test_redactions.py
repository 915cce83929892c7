"""What a bundle hides: numbered words that hide exactly what the plain one hides, and the list of them."""

from __future__ import annotations

import re
import runpy

import pytest
from ansible_collections.monq.platform.plugins.module_utils.redaction.data import sanitise
from ansible_collections.monq.platform.plugins.module_utils.redaction.text import known as encoded
from ansible_collections.monq.platform.plugins.module_utils.redaction.text import redact
from ansible_collections.monq.platform.plugins.module_utils.report.redactions import Redactions
from repository import ROOT

SECRETS = encoded(["hunter2", "p@ss/\"w+rd%é&'<\\ 🔑", "0123456789abcdef"])


def samples(value):
    """Every text and structure in the tables of a test file."""
    if isinstance(value, (str, dict)):
        yield value
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from samples(getattr(one, "values", one) if hasattr(one, "marks") else one)


@pytest.mark.parametrize("file", ["test_text.py", "test_sql_rows.py", "test_data.py"])
def test_numbered_words_hide_exactly_what_the_plain_one_hides(file):
    found = runpy.run_path(str(ROOT / "tests/unit/plugins/module_utils/redaction" / file))
    tables = [value for name, value in found.items() if name.isupper()]
    tables += [mark.args[1] for test in found.values() for mark in getattr(test, "pytestmark", ())]
    chosen = [one for one in samples(tables) if len(str(one)) < 20000]
    assert len(chosen) > 20
    for one in chosen:
        numbered = sanitise(one, SECRETS, Redactions().of("f"))
        assert re.sub(r"(\*{8})\d+\*", r"\1", repr(numbered)) == repr(sanitise(one, SECRETS)), one


def test_the_same_secret_is_the_same_word_in_every_file_and_form():
    kept = Redactions()
    first = redact("password=s3cret, and\ntoken: hunter2", ["hunter2"], kept.of("a.txt"))
    second = sanitise({"env": [{"name": "DB_PASSWORD", "value": "s3cret"}, "aHVudGVyMg"]}, ["hunter2"], kept.of("b"))
    again = redact("Authorization: Bearer hunter2\nhunter2 hunter2", ["hunter2"], kept.of("c"))
    known, guessed = "********1*", "********2*"
    assert first == f"password={guessed} and\ntoken: {known}"
    assert second == {"env": [{"name": "DB_PASSWORD", "value": guessed}, "aHVudGVyMg"]}
    assert again == f"Authorization: {known}\n{known} {known}"


def test_the_list_says_where_by_which_rule_and_how_often():
    kept = Redactions()
    redact("hunter2 hunter2\nDB_PASSWORD=abc\nAPI_TOKEN=********", ["hunter2"], kept.of("log.txt"))
    sanitise({"args": ["--token", "abc"], "kind": "Secret", "data": {"a": "b"}}, (), kept.of("a.json"))
    assert kept.listed() == [
        {"file": "a.json", "rule": "the content of a Secret", "count": 1, "words": ["********3*"]},
        {"file": "a.json", "rule": "the name --token", "count": 1, "words": ["********2*"]},
        {"file": "log.txt", "rule": "a secret that the run knows", "count": 2, "words": ["********1*"]},
        {"file": "log.txt", "rule": "the name DB_PASSWORD", "count": 1, "words": ["********2*"]},
    ], "what was hidden before has no number, and is not counted"
    assert "hunter2" not in str(kept.listed()) and "abc" not in str(kept.listed())


def test_what_is_around_a_hidden_secret_is_hidden_with_it():
    kept = Redactions()
    cover = kept.of("f")
    assert redact("connectionString: Host=db;Password=hunter2;User=u", ["hunter2"], cover).count("********1*") >= 1
    assert redact("x=hunter21", ["hunter2"], cover) == "x=********1*1", "digits after it are not part of the word"
