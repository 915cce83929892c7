"""The tree as a whole: what design.md calls rules, held to by reading the files."""

from __future__ import annotations

from repository import ROOT, load

LONGEST = 400  # lines of a Python file
FOLDERS = ("docs", "molecule", "plugins", "roles", "tests")
MADE = {"__pycache__", "build", "output"}  # folders that nobody wrote


def test_the_releases_data_says_each_thing_once():
    """rule 5"""
    release = load("roles/monq/vars/main/release.yml")["_monq_release"]
    assert sorted(release["modules"]) == sorted(release["order"]["routing"]) == sorted(release["order"]["modules"])
    assert {name: data["version"] for name, data in release["modules"].items()} == {
        "pl": "6.0.0",
        "sm": "6.0.0",
        "cl": "1.7.0",
        "fm": "1.3.0",
    }
    assert [name for name, data in release["modules"].items() if data.get("mandatory")] == ["pl"]
    assert set(release["undo"].values()) == {"reversible", "compensable", "irreversible"}


def python_files():
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            name = path.relative_to(ROOT)
            if not any(part in MADE or part.startswith(".") for part in name.parts):
                yield str(name), path.read_text(encoding="utf-8")


def test_no_python_file_has_more_than_400_lines():
    counted = {name: len(text.splitlines()) for name, text in python_files()}
    assert counted and {name: lines for name, lines in counted.items() if lines > LONGEST} == {}
