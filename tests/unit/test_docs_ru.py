"""The Russian guides are in step with the English ones: made from their present text, and of the same structure."""

from __future__ import annotations

import collections
import importlib.util
import re

import pytest
from ansible_collections.monq.platform.plugins.plugin_utils import languages
from repository import ROOT, load

PAGES = ROOT / "docs" / "docsite" / "rst"
LABEL = "ansible_collections.monq.platform.docsite."
CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
# English words that no Russian operator needs; names, keys and commands are literals.
ENGLISH = re.compile(r"\b(?:the|and|with|run|step|steps|outage|rollback|failed|ledger|lock)\b")


def _loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TRANSLATED = _loaded(ROOT / "docs" / "translated.py")
FINDINGS = _loaded(ROOT / "docs" / "generate.py").findings_page
GUIDES = TRANSLATED.guides()
GENERATED = ["findings"]
RUSSIAN = {path.stem for path in PAGES.glob("*_ru.rst")}
MESSAGES = [(one["msgid"], form) for one in languages.entries("ru") for form in one["msgstr"]]


def blocks(text):
    """[(kind, body)] of the literal blocks, and the text without them."""
    found, rest, lines = [], [], text.splitlines()
    while lines:
        line = lines.pop(0)
        head = re.match(r"( *)\.\. code-block:: (\w+)$", line)
        if not head:
            rest.append(line)
            continue
        body = []
        while lines and (not lines[0].strip() or lines[0].startswith(head.group(1) + "   ")):
            body.append(lines.pop(0))
        found.append((head.group(2), "\n".join(body).strip("\n")))
    return found, "\n".join(rest)


def headings(text):
    return [line[0] for line in text.splitlines() if re.fullmatch(r"([=\-~^])\1{2,}", line)]


def tables(text):
    """The number of cells of each row, table by table."""
    found = []
    for line in text.splitlines():
        if line.startswith(".. list-table::"):
            found.append([])
        elif line.startswith("   * -"):
            found[-1].append(1)
        elif line.startswith("     -") and found:
            found[-1][-1] += 1
    return found


def items(text):
    return len(re.findall(r"^[-*] ", text, re.MULTILINE)), len(re.findall(r"^``[^`]+``$", text, re.MULTILINE))


def literals(text):
    return collections.Counter(re.findall(r"``(.+?)``", " ".join(text.split())))


def targets(text):
    joined = " ".join(text.split())
    return re.findall(r":ref:`[^`<]*<([^>`]+)>`", joined)


def english(target):
    """The target of the English page; anchors of findings_ru are those of findings."""
    page, _dot, anchor = target.removeprefix(LABEL).partition(".")
    return page.removesuffix("_ru"), anchor


def says(message, which):
    """Whether the program's texts (0: English, 1: Russian) contain a message that a guide quotes."""
    parts = [re.escape(part.strip()) for part in message.split("…") if part.strip()]
    return any(all(re.search(part, texts[which]) for part in parts) for texts in MESSAGES)


@pytest.mark.parametrize("name", GUIDES)
def test_a_russian_guide_is_made_from_the_present_english_text(name):
    assert TRANSLATED.outdated(name) == ""


@pytest.mark.parametrize("name", GUIDES)
def test_a_russian_guide_has_the_structure_of_the_english_one(name):
    (own_blocks, own), (its_blocks, its) = blocks(TRANSLATED.page(f"{name}_ru")), blocks(TRANSLATED.page(name))
    assert headings(own) == headings(its)
    assert tables(own) == tables(its)
    assert items(own) == items(its)
    assert [kind for kind, _body in own_blocks] == [kind for kind, _body in its_blocks]
    for (kind, body), (_kind, wanted) in zip(own_blocks, its_blocks):
        if kind == "text" and CYRILLIC.search(body):  # what a run prints: in Russian with monq_language
            assert not ENGLISH.search(body) and len(body.splitlines()) == len(wanted.splitlines())
        else:
            assert re.sub(r" +# .*", "", body) == re.sub(r" +# .*", "", wanted)


@pytest.mark.parametrize("name", GUIDES)
def test_a_russian_guide_has_the_literals_of_the_english_one(name):
    """Messages are quoted as the program says them in Russian; everything else is the same word."""
    own, its = (literals(blocks(TRANSLATED.page(page))[1]) for page in (f"{name}_ru", name))
    quoted, said = own - its, its - own
    assert [one for one in quoted if not CYRILLIC.search(one) or not says(one, 1)] == [], "not in the .po"
    assert [one for one in said if not says(one, 0)] == [], "not in the Russian guide"
    assert sum(quoted.values()) == sum(said.values()), (quoted, said)


@pytest.mark.parametrize("name", GUIDES + GENERATED)
def test_links_lead_to_russian_pages_where_there_are_any(name):
    own, its = targets(TRANSLATED.page(f"{name}_ru")), targets(TRANSLATED.page(name))
    assert sorted(map(english, own)) == sorted(map(english, its))
    twins = (own.pop(0), its.pop(0))
    assert twins == (LABEL + name, f"{LABEL}{name}_ru"), "the twins link each other at the top"
    pages = [target.removeprefix(LABEL).partition(".")[0] for target in own]
    assert [page for page in pages if f"{page}_ru" in RUSSIAN] == []
    assert [target for target in its if english(target)[0] != target.removeprefix(LABEL).partition(".")[0]] == []
    assert f".. _{LABEL}{name}_ru:" in TRANSLATED.page(f"{name}_ru")


@pytest.mark.parametrize("name", GUIDES)
def test_a_russian_guide_is_russian(name):
    text = blocks(TRANSLATED.page(f"{name}_ru"))[1].partition("\n:ref:")[2].partition("\n")[2]
    text = re.sub(r"(?s)``.+?``|<[^>`]+>`|\b\w+\.yml\b", "", text)
    assert ENGLISH.findall(text) == []
    for paragraph in re.split(r"\n\s*\n", text):
        if re.search(r"[A-Za-z]{4,} [A-Za-z]{2,} [A-Za-z]{2,} [a-z]{2,}", paragraph):
            assert CYRILLIC.search(paragraph), paragraph


def test_the_russian_words_of_the_page_on_findings_are_complete():
    words = FINDINGS.Russian()
    assert words.problems() == [], "in docs/findings_ru.yml"
    assert literals(words.introduction) == literals(FINDINGS.FINDINGS)


def test_every_russian_page_is_listed_and_every_listed_page_exists():
    sections = {one["title"]: one["toctree"] for one in load("docs/docsite/extra-docs.yml")["sections"]}
    assert sorted(sections["Руководства"]) == sorted(RUSSIAN)
    assert {f"{name}_ru" for name in GUIDES + GENERATED} == RUSSIAN
    listed = [name for toctree in sections.values() for name in toctree]
    assert sorted(listed) == sorted(path.stem for path in PAGES.glob("*.rst"))


def test_a_changed_english_text_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(TRANSLATED, "PAGES", tmp_path)
    (tmp_path / "plan.rst").write_text("A plan\n======\n\nText\n", encoding="utf-8")
    (tmp_path / "plan_ru.rst").write_text("План\n", encoding="utf-8")
    assert TRANSLATED.guides() == []
    TRANSLATED.renew("plan")
    assert TRANSLATED.guides() == ["plan"] and TRANSLATED.outdated("plan") == ""
    assert TRANSLATED.page("plan_ru").endswith("\nПлан\n")
    assert TRANSLATED.page("plan") == f"A plan\n======\n\n:ref:`По-русски <{LABEL}plan_ru>`\n\nText\n"
    (tmp_path / "plan.rst").write_text("Another plan\n", encoding="utf-8")
    assert "--renew plan" in TRANSLATED.outdated("plan")
    TRANSLATED.renew("plan")
    assert TRANSLATED.outdated("plan") == "" and TRANSLATED.page("plan_ru").count("sha256") == 1
