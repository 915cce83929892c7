"""The documentation says what the code does: generated pages, tags, step keys, variables, traps."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "docsite" / "rst"
TEXTS = [ROOT / "README.md", ROOT / "README.ru.md", *sorted(PAGES.glob("*.rst"))]


def _loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _loaded(ROOT / "docs" / "generate.py")
FIGURES = _loaded(ROOT / "tests" / "benchmarks" / "figures.py")


def _rows(page):
    """The first cell of each row of the page's list tables, without the heads."""
    cells = re.findall(r"^   \* - (.*)$", (PAGES / page).read_text(encoding="utf-8"), re.MULTILINE)
    return [cell.strip("`") for cell in cells[1:]]


def _tags(node):
    if isinstance(node, dict):
        given = node.get("tags", [])
        yield from given if isinstance(given, list) else [given]
        for value in node.values():
            yield from _tags(value)
    elif isinstance(node, list):
        for value in node:
            yield from _tags(value)


@pytest.mark.parametrize("name", sorted(GENERATOR.RENDERED))
def test_a_generated_page_is_up_to_date(name):
    assert (PAGES / name).read_text(encoding="utf-8") == GENERATOR.RENDERED[name](), "run python docs/generate.py"


def test_the_benchmarks_are_those_of_the_last_run():
    text = FIGURES.PAGE.read_text(encoding="utf-8")
    assert text == FIGURES.page(text), "run python tests/benchmarks/figures.py"
    runs = json.loads(FIGURES.LAST_RUN.read_text(encoding="utf-8"))
    assert text.count("\n   * - ") == sum(1 + len(run["rows"]) for run in runs)


def test_what_was_measured_again_replaces_what_was():
    def run(date, *names):
        return {"date": date, "rows": [{"what": name, "ours": date} for name in names]}

    runs = [run(1, "a", "b"), run(2, "c")]
    assert FIGURES.merged(runs, run(3, "b", "c")) == [run(1, "a"), run(3, "b", "c")]
    assert FIGURES.merged(runs, run(3)) == runs


def test_the_table_of_tags_is_that_of_the_code():
    files = [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").glob("*/tasks/**/*.yml")]
    seen = {tag for path in files for tag in _tags(yaml.safe_load(path.read_text(encoding="utf-8")))} - {"always"}
    rows = _rows("tags.rst")
    assert sorted(rows) == sorted(seen)


PLAYBOOKS = {path.stem for path in (ROOT / "playbooks").glob("*.yml")} - {"inventory"}  # imported by the others


@pytest.mark.parametrize("page", ["flow.rst", "flow_ru.rst"])
def test_the_table_of_playbooks_is_that_of_the_code(page):
    rows = [row.removeprefix("monq.platform.") for row in _rows(page) if row.startswith("monq.platform.")]
    assert sorted(rows) == sorted(PLAYBOOKS)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_playbook_that_is_to_be_run_exists(path):
    written = path.read_text(encoding="utf-8").replace("\\\n", "")
    run = re.findall(r"ansible-playbook\b[^\n`]*?(?:monq\.platform\.|playbooks/)(\w+)", written)
    assert set(run) - PLAYBOOKS == set()


def test_every_trap_has_one_row():
    assert _rows("traps.rst") == [str(number) for number in range(1, 48)]


def test_the_tests_that_guard_a_trap_name_it():
    tests = [(f"/{path}", path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("test_*.py")]
    trap = None
    for line in (PAGES / "traps.rst").read_text(encoding="utf-8").splitlines():
        head = re.match(r"   \* - (\d+)$", line)
        trap = head.group(1) if head else trap
        for name in re.findall(r"``([\w/]*test_\w+\.py)``", line):
            named = [text for file, text in tests if file.endswith(f"/{name}")]
            assert any(re.search(rf"(?i)trap[ _]{trap}(?!\d)", text) for text in named), f"trap {trap}: {name}"


def _known_keys():
    choices = [{}, {"prefetch_images": False}, {"backup_in_outage": True}]
    return {step.key for choice in choices for step in GENERATOR.plan(**choice)}


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_step_key_exists(path):
    keys = _known_keys()
    for written in re.findall(
        r"[\"`]((?:prepare|upgrade|verify)\.[-a-z0-9_.<>*…]+)[\"`]", path.read_text(encoding="utf-8")
    ):
        if written.endswith(".yml"):
            continue
        pattern = re.sub(r"<[a-z]+>|\\\*|…", ".+", re.escape(written).replace(r"\*", "*").replace("*", ".+"))
        assert any(re.fullmatch(pattern, key) for key in keys), written


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_variable_exists(path):
    known = set(GENERATOR.load("roles/monq/meta/argument_specs.yml")["argument_specs"]["main"]["options"])
    known |= {"monq_serial", "monq_summary"}  # read by playbooks/upgrade.yml alone; left to notifications
    words = set(re.findall(r"\bmonq_[a-z0-9_]*[a-z0-9]", path.read_text(encoding="utf-8")))
    groups = {"monq_postgresql", "monq_scratch_postgresql"}  # written as monq_postgresql_*
    assert words - known - groups == set()


def test_both_readmes_have_the_same_shape_and_commands():
    shapes, commands = [], []
    for name in ("README.md", "README.ru.md"):
        written = (ROOT / name).read_text(encoding="utf-8")
        blocks = re.findall(r"^```(\w*)\n(.*?)^```", written, re.MULTILINE | re.DOTALL)
        commands.append([re.sub(r"\s*#.*", "", body) for _kind, body in blocks])
        shapes.append(
            [
                len(marks)
                for marks in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", written, flags=re.DOTALL), re.MULTILINE)
            ]
        )
    assert shapes[0] == shapes[1]
    assert commands[0] == commands[1]


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT / "README.ru.md"], ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (ROOT / target).exists(), target


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_path_of_a_developers_machine(path):
    assert not re.search(r"/work/|/root/|/home/\w+/", path.read_text(encoding="utf-8"))
