"""The catalogue of findings and the code that finds them, in step."""

from __future__ import annotations

import ast
import re
import string

import pytest
from ansible_collections.monq.platform.plugins.module_utils.checks import catalogue
from ansible_collections.monq.platform.plugins.module_utils.checks.finding import STOP, finding
from repository import ROOT

UTILS = ROOT / "plugins" / "module_utils"
SOURCES = [
    path
    for path in [*(UTILS / "checks").glob("*.py"), *(UTILS / "rollback").glob("*.py")]
    if not path.name.startswith("entries_")
]
NAMES = {entry["name"] for entry in catalogue.ENTRIES.values()}
NAMED = {"finding", "of_error", "worst", "make", "_add", "_failed"}  # their first text is the name of a kind of finding
SEVERITIES = {"STOP": "stop", "WARNING": "warning", "INFO": "info"}


def calls(path):
    """[(name of the finding, severity or None)] in the source of one file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if not (node.args and isinstance(node.args[0], ast.Constant)):
            continue
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if called in ("_add", "_failed") and path.name == "postgres.py" and texts:
            severity = texts[1] if len(texts) > 1 and texts[1] in SEVERITIES.values() else None
            found.append((f"postgresql.{texts[0]}", severity))
        elif called in NAMED and texts:
            second = node.args[1] if len(node.args) > 1 else None
            found.append((texts[0], SEVERITIES.get(getattr(second, "id", ""))))
    return found


CALLS = [(path.name, name, severity) for path in SOURCES for name, severity in calls(path)]


def test_no_id_is_given_twice():
    """Two parts with the same id would hide each other."""
    numbers = [number for part in catalogue.PARTS for number in part.ENTRIES]
    assert len(numbers) == len(set(numbers)) and not set(numbers) & set(catalogue.RETIRED)


def test_every_finding_is_in_the_catalogue():
    assert {(file, name) for file, name, _severity in CALLS if name not in NAMES} == set()
    assert len(CALLS) > 80, "the search still finds them"


def test_every_id_is_found_by_some_check():
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    assert {name for name in NAMES if f'"{name}"' not in text} - {name for _file, name, _severity in CALLS} == set()


def test_every_id_is_demanded_by_a_test_in_which_its_check_fails():
    """Those tests name the finding by its id, in quotes. Other tests have ids as mere data, and do not count."""
    places = [f"unit/plugins/module_utils/{part}/test_*.py" for part in ("bundle", "checks", "rollback")]
    places += ["unit/made_bundle.py", "integration/test_*.py"]
    paths = [path for place in places for path in (ROOT / "tests").glob(place) if path.name != "test_catalogue.py"]
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    demanded = set(re.findall(r"[\"'](MONQ-\d{3})[\"']", text))
    assert set(catalogue.ENTRIES) - demanded == set()


def test_a_finding_has_only_severities_of_its_entry():
    wrong = [(f, n, s) for f, n, s in CALLS if s and s not in catalogue.of(n)[1].get("severity", ())]
    assert wrong == []


@pytest.mark.parametrize("number", catalogue.ENTRIES)
def test_an_entry_is_whole(number):
    entry = catalogue.ENTRIES[number]
    assert re.fullmatch(r"MONQ-\d{3}", number) and number not in catalogue.RETIRED
    for what in ("title", "reads", "why"):
        assert entry[what] and entry[what] == entry[what].strip()
    assert not entry["title"].endswith(".") and entry["why"].endswith(".")
    assert entry.get("do") or entry.get("next"), "what to do"
    assert set(entry["severity"]) <= {"stop", "warning", "info"} and entry["severity"]
    assert set(entry) <= {"name", "check", "severity", "title", "reads", "why", "do", *catalogue.TEXTS}


FILES = [
    "module_utils.checks.entries_inputs",
    "module_utils.checks.entries_cluster",
    "module_utils.checks.entries_tls",
    "module_utils.checks.entries_client",
    "module_utils.checks.entries_postgresql",
    "module_utils.checks.entries_outcome",
    "module_utils.checks.entries_bundle",
    "module_utils.checks.entries_host",
]


def test_ids_and_names_are_used_once():
    assert [part.__name__.partition("plugins.")[2] for part in catalogue.PARTS] == FILES
    assert sum(len(part.ENTRIES) for part in catalogue.PARTS) == len(catalogue.ENTRIES) == len(NAMES)


# What the ids of the first release mean, for ever: one that goes is put into RETIRED, its number is not used again.
FIRST = {
    "MONQ-001": "check.unexpected",
    "MONQ-019": "permissions",
    "MONQ-027": "routing.conflict",
    "MONQ-047": "tls.expired",
    "MONQ-055": "status",
    "MONQ-068": "postgresql.empty",
    "MONQ-086": "closed",
}


def test_an_id_keeps_its_meaning():
    assert {number: catalogue.ENTRIES[number]["name"] for number in FIRST} == FIRST


def fields(entry):
    """The parameters that an entry's texts need."""
    found = set()
    for what in catalogue.TEXTS:
        found |= {name for _text, name, _spec, _conversion in string.Formatter().parse(entry.get(what, "")) if name}
    return found


@pytest.mark.parametrize("number", catalogue.ENTRIES)
def test_the_texts_are_made_of_the_parameters(number):
    entry = catalogue.ENTRIES[number]
    given = {name: f"<{name}>" for name in fields(entry)}
    assert not set(given) & {"name", "severity", "obj", "expected", "seen", "next_step"}, "taken by finding()"
    made = finding(entry["name"], entry["severity"][0], **given)
    assert (made["id"], made["parameters"]) == (number, given)
    shown = " ".join(made[what] for what in catalogue.TEXTS)
    assert set(re.findall(r"<(\w+)>", shown)) == set(given)


def test_every_call_gives_the_parameters_of_its_texts():
    """A parameter that is missing would turn the finding into an unexpected error."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "finding"):
                continue
            if not isinstance(node.args[0], ast.Constant) or any(word.arg is None for word in node.keywords):
                continue
            entry = catalogue.of(node.args[0].value)[1]
            verbatim = {"obj": "object", "expected": "expected", "seen": "seen", "next_step": "next"}
            positional = list(verbatim)[: len(node.args) - 2]
            given = {word.arg for word in node.keywords}
            texts = {verbatim[name] for name in [*positional, *(given & set(verbatim))]}
            needed = fields({what: entry.get(what, "") for what in catalogue.TEXTS if what not in texts})
            assert needed <= given, f"{path.name}:{node.lineno} {node.args[0].value}: {needed - given}"


def test_a_kind_that_is_not_in_the_catalogue_is_reported_all_the_same():
    made = finding("postgresql.new", STOP, "o", "e", "s", "n")
    assert (made["id"], made["check"], made["object"]) == ("", "postgresql.new", "o")


def test_lists_are_shown_as_text_and_kept_as_data():
    made = finding("version.routes", STOP, modules=["pl", "cl"], previous="5.9.3")
    assert made["object"] == "old routes of pl, cl" and made["parameters"]["modules"] == ["pl", "cl"]


def test_the_page_is_that_of_the_docs():
    text = (ROOT / catalogue.PAGE).read_text(encoding="utf-8")
    for number in catalogue.ENTRIES:
        assert catalogue.page(number) == f"docs/docsite/rst/findings.rst#{number.lower()}"
        assert f"\n{number}\n--------\n" in text, "the heading makes the anchor"
    assert catalogue.page("") == ""
