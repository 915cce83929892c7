"""What the catalogue of translations has to hold: every text of ours that a run shows.

python tests/tools/messages.py           lists what is not translated, and what is translated but nowhere said
python tests/tools/messages.py --update  writes the catalogue again: with what is new, without what is gone
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "plugins") not in sys.path:
    sys.path.insert(0, str(ROOT / "plugins"))

from module_utils.checks import catalogue  # noqa: E402  pylint: disable=wrong-import-position

PO = ROOT / "plugins" / "plugin_utils" / "locale" / "ru" / "LC_MESSAGES" / "monq_platform.po"
TEMPLATES = ROOT / "plugins" / "plugin_utils" / "report_templates"
HEADER = (
    'msgid ""\nmsgstr ""\n"Project-Id-Version: monq.platform\\n"\n"Language: ru\\n"\n"MIME-Version: 1.0\\n"\n'
    '"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
    '"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 '
    ': 2);\\n"\n'
)
WARNINGS = ("warnings", "problems")  # lists of what is shown, whose members are sentences
FINDINGS = ("title", "why", "do", "object", "expected", "seen", "next")
ERRORS = (
    *("Error", "ApiUnreachable", "_unusable", "_wrong", "finding", "of_error", "_add"),
    *("say", "heard", "growing", "reading"),
)
NAMES = re.compile(r"\{\w+\}|\bmonq\w*|\b[A-Z]\w+|^inventory$")  # which stay as they are in every language
WORDS = re.compile(r"[A-Za-z]{2,}\W+[A-Za-z]|^an? [a-z]{2,}|\} (?:failed|since|on|of|for|after) |, [a-z]+ \{")
# No sentences: commands, and texts with too few words of their own to be recognised.
STAYS = {
    "kubectl -n {0} delete secret {1}",
    "kubectl -n {0} describe deployment {1}",
    "kubectl -n {0} describe deployment {1}; fix the cause, then run the same command again",  # in two parts
    "ALTER ROLE {0} CREATEDB{1}",
    "pip install pysocks",
    "pip install psycopg2-binary",
    "monqctl in {0}",
    "monqctl registry get status",
    "registry get microservices",
    "steps-sha256 {0}",
    "{0} is not {1}",
    "{0} on {1}",
    "one of {0}",
    "no return",  # names of texts, see report/status.py
    "no return.passed",
    "%(message)s",
    "monq_bundle_unsigned: true",
}


class Message:
    """One text: in English, its plural or an empty text, and where it is from."""

    def __init__(self, text, plural=""):
        self.text, self.plural, self.files = text, plural, []


@functools.cache
def required():
    """{English text: Message} of what must be translated."""
    found = dict(spoken())
    for name, nodes in parsed():
        for node in nodes:
            if isinstance(node, ast.Call):
                _take_call(found, node, name)
    for number in sorted(catalogue.ENTRIES):
        part = next(part for part in catalogue.PARTS if number in part.ENTRIES)
        name = f"plugins/module_utils/checks/{part.__name__.rpartition('.')[2]}.py"
        for what in FINDINGS:
            text = catalogue.ENTRIES[number].get(what, "")
            if re.search("[a-z]{2}", NAMES.sub("", text)):
                _add(found, text, name)
    _take_templates(found)
    _take_roles(found)
    return {text: one for text, one in found.items() if text not in STAYS}


@functools.cache
def parsed():
    """[(name, nodes)] of the Python files in plugins."""
    wanted = (ast.Call, ast.Assign, ast.AugAssign, ast.Constant, ast.JoinedStr, ast.BinOp)
    return [
        (
            str(path.relative_to(ROOT)),
            [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, wanted)],
        )
        for path in sorted((ROOT / "plugins").rglob("*.py"))
    ]


def _add(found, text, name, plural=""):
    one = found.setdefault(text, Message(text, plural))
    one.plural = one.plural or plural
    if name not in one.files:
        one.files.append(name)


def _take_call(found, node, name):
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    given = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
    if called in ("_", "mark", "gettext") and given and isinstance(given[0], str):
        _add(found, given[0], name)
    if called in ("n", "ngettext") and len(given) > 2 and isinstance(given[0], str):
        _add(found, given[0], name, given[1])


def _take_templates(found):
    from jinja2 import Environment

    environment = Environment(extensions=["jinja2.ext.i18n"], autoescape=False)  # noqa: S701
    for path in sorted(TEMPLATES.glob("*.j2")):
        for _line, _function, text in environment.extract_translations(path.read_text(encoding="utf-8")):
            texts = text if isinstance(text, tuple) else (text, "")
            _add(found, texts[0], str(path.relative_to(ROOT)), texts[1] or "")


def _take_roles(found):
    for path in sorted([*(ROOT / "roles").rglob("*.yml"), *(ROOT / "playbooks").rglob("*.yml")]):
        for text in re.findall(r"'([^']+)' \|\s+monq\.platform\.translated", path.read_text(encoding="utf-8")):
            _add(found, " ".join(text.split()), str(path.relative_to(ROOT)))  # as YAML folds it


def template(node):
    """The text of an expression, with its values as {0}, {1}; None if it has no text of its own."""
    parts = _parts(node)
    if not any(isinstance(part, str) for part in parts):
        return None
    text, number = "", 0
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            text, number = text + f"{{{number}}}", number + 1
    return text if number else text.replace("{{", "{").replace("}}", "}")


def _parts(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value.replace("{", "{{").replace("}", "}}")]
    if isinstance(node, ast.JoinedStr):
        return [part for value in node.values for part in _parts(value)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _parts(node.left) + _parts(node.right)
    return [None]


@functools.cache
def sentences():
    """{English text: Message} of all that module_utils may say, with values as {0}: more than is shown."""
    found = {}
    for name, nodes in parsed():
        if not name.startswith("plugins/module"):
            continue
        within = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in nodes:
            text = template(node) if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)) else None
            if id(node) in within:
                continue
            for one in {text, text.lstrip("; ")} if text and re.search("[a-z]{2}", text) else ():
                _add(found, one, name)  # of texts that are joined by a semicolon, each is recognised on its own
    return found


@functools.cache
def spoken():
    """{English text: Message} of the sentences in errors, findings, step titles, live lines and warnings."""
    found = {}
    for name, nodes in parsed():
        for node in nodes:
            called = ""
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = [*node.args, *(one.value for one in node.keywords)] if called.endswith(ERRORS) else []
            if called == "append" and _name(node.func.value) in WARNINGS:
                given = node.args
            if isinstance(node, ast.AugAssign) and _name(node.target) in WARNINGS:
                lists = [one for one in _branches(node.value) if isinstance(one, ast.List)]
                given = [one for found in lists for one in found.elts]
            if called == "add" and "steps.py" in name:
                given = [one.value for one in node.keywords if one.arg == "title"] + node.args[1:2]
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("title", "then", "seen"):
                given = [node.value]
            for one in [branch for value in given for branch in _branches(value)]:
                text = template(one)
                if text and " " in text and WORDS.search(text):
                    _add(found, text, name)
    return found


def _name(node):
    """a of a, x.a and x["a"]; empty for anything else"""
    if isinstance(node, ast.Subscript):
        return getattr(node.slice, "value", "")
    return getattr(node, "attr", "") or getattr(node, "id", "")


def _branches(node):
    return _branches(node.body) + _branches(node.orelse) if isinstance(node, ast.IfExp) else [node]


# ---- the catalogue


def known():
    from plugin_utils import po_file

    return {one["msgid"]: one for one in po_file.read(PO.read_text(encoding="utf-8"))} if PO.exists() else {}


def written(messages, translated):
    """The catalogue's text. messages: {English text: Message}. translated: {English text: [forms]}."""
    blocks = [HEADER]
    for one in sorted(messages.values(), key=lambda one: (one.files[0], one.text)):
        forms = translated.get(one.text) or [""] * (3 if one.plural else 1)
        lines = [f"#: {name}" for name in one.files] + (["#, python-format"] if "%(" in one.text else [])
        lines += ["msgid " + _quoted(one.text)] + (["msgid_plural " + _quoted(one.plural)] if one.plural else [])
        if one.plural:
            lines += [f"msgstr[{number}] {_quoted(form)}" for number, form in enumerate(forms)]
        else:
            lines.append("msgstr " + _quoted(forms[0]))
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def problems():
    """(texts that are not translated, translations of what is nowhere said)"""
    mine, wanted, said = known(), required(), sentences()
    lacking = [text for text in wanted if not all((mine.get(text) or {"msgstr": [""]})["msgstr"])]
    return lacking, [text for text in mine if text not in wanted and text not in said]


def main():
    mine, said, wanted = known(), sentences(), dict(required())
    for text in [text for text in mine if text not in wanted and text in said]:
        wanted[text] = said[text]
    if "--update" in sys.argv[1:]:
        PO.write_text(written(wanted, {text: one["msgstr"] for text, one in mine.items()}), encoding="utf-8")
        return
    lacking, obsolete = problems()
    for text in lacking:
        print(f"not translated: {wanted[text].files[0]}: {text!r}")
    for text in obsolete:
        print(f"nowhere said: {text!r}")


if __name__ == "__main__":
    main()
