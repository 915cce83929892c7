"""Every text that an action or a callback shows is made by the Language of the run: none is written where it is
shown. Values that a module has returned are not looked at here."""

from __future__ import annotations

import ast
import re

import pytest
from repository import ROOT, load

PLACES = ("plugins/action", "plugins/callback", "plugins/plugin_utils", "playbooks/callback_plugins")
FILES = [path for place in PLACES for path in sorted((ROOT / place).glob("*.py"))]
# screen.py shows what it is given.
SHOWS = re.compile(r"\b(?:show|warn)\(|\[.warnings.\] = ")
SHOWING = [path for path in FILES if SHOWS.search(path.read_text()) and path.stem != "screen"]
SINKS = ("show", "warn", "display", "warning", "deprecated", "error", "v", "vv", "vvv")
# Made in the language of the run by the action of the module that returns it.
MADE = {"__monq_report.verdict", "__monq_plan_made.text", "__monq_plan_compared.text", "__monq_cleanup.text"}
MADE |= {"__monq_client.text", "__verify_result.summary"}
TRANSLATE = ("_", "n", "gettext", "ngettext", "sentence", "message", "said", "translated", "row")
DATA = ("strftime", "get", "partition", "rpartition", "split", "getattr")  # calls whose constants are no text of ours
LETTERS = re.compile("[A-Za-z]{2}")


class Texts:
    """The texts of one file that reach the screen without a Language."""

    def __init__(self, source):
        self._tree, self.found, self._seen = ast.parse(source), set(), set()
        self._functions = {}
        for node in ast.walk(self._tree):
            for child in ast.iter_child_nodes(node):
                child.above = node
            if isinstance(node, ast.FunctionDef):
                self._functions.setdefault(node.name, node)
        self._constants = {
            target.id: node.value
            for node in self._tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call) and _called(node) in SINKS and node.args:
                self._look(node.args[0])
            if isinstance(node, ast.Call) and _called(node) == "Words" and not node.args:
                self.found.add("Words()")
            key = getattr(node.targets[0], "slice", None) if isinstance(node, ast.Assign) else None
            if getattr(key, "value", "") == "warnings":
                self._look(node.value)

    def _look(self, node):
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and LETTERS.search(node.value):
                self.found.add(node.value)
        elif isinstance(node, ast.Call):
            self._look_at_call(node)
        elif isinstance(node, ast.Subscript):
            self._look(node.value)
        elif isinstance(node, ast.Name):
            self._look_at_name(node)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            self._look(node.left)  # the values are data
        elif isinstance(node, (ast.IfExp, ast.Dict)):
            for part in [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.values:
                self._look(part)
        elif not isinstance(node, (ast.Compare, ast.comprehension)):
            for part in ast.iter_child_nodes(node):
                self._look(part)

    def _look_at_call(self, node):
        name = _called(node)
        if name in TRANSLATE or name == "type":
            return
        if name in self._functions and name != "__init__":
            for part in ast.walk(self._functions[name]):
                if isinstance(part, ast.Return) and part.value:
                    self._look(part.value)
        for part in [] if name in DATA else [*node.args, *(one.value for one in node.keywords)]:
            self._look(part)
        if isinstance(node.func, ast.Attribute):
            self._look(node.func.value)

    def _look_at_name(self, node):
        """What a local variable was assigned, what callers give as a parameter, or a constant of the file."""
        if node.id in self._constants:
            self._look(self._constants[node.id])
        function = node
        while function and not isinstance(function, ast.FunctionDef):
            if isinstance(function, ast.ExceptHandler) and function.name == node.id:
                self.found.add(f"the exception {node.id}")
            for part in getattr(function, "generators", []):
                if getattr(part.target, "id", "") == node.id:
                    self._look(part.iter)
            function = getattr(function, "above", None)
        if not function:
            return
        for part in ast.walk(function):
            targets = part.targets if isinstance(part, ast.Assign) else [getattr(part, "target", None)]
            if isinstance(part, (ast.Assign, ast.AugAssign)) and node.id in [getattr(one, "id", "") for one in targets]:
                self._look(part.value)
        names = [one.arg for one in function.args.args if one.arg != "self"]
        if node.id in names:
            for part in ast.walk(self._tree):
                if isinstance(part, ast.Call) and _called(part) == function.name:
                    for given in part.args[names.index(node.id) :][:1]:
                        self._look(given)


def _called(node):
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


@pytest.mark.parametrize("path", SHOWING, ids=lambda path: path.stem)
def test_what_is_shown_is_made_by_a_language(path):
    assert Texts(path.read_text()).found == set()


def test_the_files_that_show_something_are_found():
    known = {"hook", "notify", "upgrade_report", "progress", "monq_installations", "heartbeat"}
    assert known <= {path.stem for path in SHOWING}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("show('the report was not written')", "the report was not written"),
        ("show(f'{name} done in {time}')", " done in "),
        ("NOTE = 'the lock is free'\nshow(NOTE % values)", "the lock is free"),
        ("NOTE = mark('the lock is free')\nwarn(NOTE)", "the lock is free"),
        ("def f(self, text):\n    text += ', of them'\n    show(text)", ", of them"),
        ("def told(rows, problem):\n    shown = problem\n    warn(shown)\ntold([], 'no message')", "no message"),
        ("class A:\n    def recap(self):\n        return 'done'\nshow(f'{name}: {a.recap()}')", "done"),
        ("def f():\n    try:\n        g()\n    except E as exc:\n        show(str(exc))", "the exception exc"),
        ("result['warnings'] = [f'report: {one}' for one in problems]", "report: "),
        ("def f(self):\n    rows = ['not told']\n    show(''.join(row for row in rows))", "not told"),
        ("words = Words()\nshow(words.gettext(A))", "Words()"),
        ("Display().warning('not told')", "not told"),
    ],
)
def test_a_text_without_a_language_is_found(source, found):
    assert any(one.startswith(found) for one in Texts(source).found)


@pytest.mark.parametrize(
    "source",
    [
        "show(words._('the lock is held by {holder}', holder=holder), color=C.COLOR_ERROR)",
        "show(f\"{time.strftime('%H:%M:%S')} {host}: {said}\")",
        "NOTE = mark('%(host)s: hook')\nwarn(words.gettext(NOTE) % {'host': host})",
        "def f():\n    try:\n        g()\n    except E as exc:\n        show(words.message(str(exc)))",
        "show(given['text'].rstrip('\\n'))",
    ],
)
def test_a_text_of_a_language_and_data_are_left_alone(source):
    assert Texts(source).found == set()


# ---- what roles and playbooks show


def shown_by_tasks():
    """(file, name of the task, text) of every text that a task shows or fails with."""
    for path in sorted([*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/**/*.yml")]):
        for task in _tasks(load(path.relative_to(ROOT))):
            texts = [(task.get("monq.platform.report") or {}).get("text")]
            texts += [(task.get(f"ansible.builtin.{name}") or {}).get("fail_msg") for name in ("assert", "fail")]
            texts += [(task.get(f"ansible.builtin.{name}") or {}).get("msg") for name in ("fail", "debug")]
            for text in filter(None, texts):
                yield str(path.relative_to(ROOT)), task["name"], text


def _tasks(found):
    for one in found or []:
        yield one
        for name in ("tasks", "pre_tasks", "post_tasks", "block", "rescue", "always"):
            yield from _tasks(one.get(name))


SHOWN = list(shown_by_tasks())


@pytest.mark.parametrize(("file", "task", "text"), SHOWN, ids=[f"{file}: {task}" for file, task, _text in SHOWN])
def test_a_task_shows_what_a_language_has_made(file, task, text):
    assert not LETTERS.search(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.S)), "a text outside of braces"
    for said in re.findall(r"\{\{(.*?)\}\}", text, re.S):
        known = said.strip() in MADE or re.search(r"\| monq\.platform\.\w+\(.*monq_language", " ".join(said.split()))
        assert known or not re.search(r"\.(?:text|summary|msg|verdict)\b|'[^']* [^']*'", said), said


def test_the_tasks_that_show_something_are_found():
    assert len(SHOWN) > 15 and {"playbooks/inventory.yml", "roles/monq/tasks/bundle.yml"} <= {row[0] for row in SHOWN}
