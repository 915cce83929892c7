"""Every module: documented, used, short, in its action groups, without a secret that is logged."""

from __future__ import annotations

import ast
import importlib
import re

import pytest
import yaml
from argument_specs import judge_secret, options
from repository import ROOT, TASK_FILES, load, tasks

PLUGINS = "ansible_collections.monq.platform.plugins"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")


def documentation(path, name):
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return node.value.value
    return None


def documented(name):
    """A module's DOCUMENTATION with its fragments merged in."""
    told = yaml.safe_load(documentation(f"plugins/modules/{name}.py", "DOCUMENTATION"))
    fragments = told.pop("extends_documentation_fragment", [])
    for fragment in [fragments] if isinstance(fragments, str) else fragments:
        file, _dot, part = fragment.removeprefix("monq.platform.").partition(".")
        kept = importlib.import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
        for key, value in yaml.safe_load(getattr(kept, (part or "documentation").upper())).items():
            told[key] = {**value, **told.get(key, {})} if isinstance(value, dict) else value
    return told


class Captured(Exception):
    def __init__(self, spec):
        super().__init__()
        self.spec = spec


def argument_spec(name):
    """What the module hands to AnsibleModule."""
    module = importlib.import_module(f"{PLUGINS}.modules.{name}")

    def capture(argument_spec, **_given):
        raise Captured(argument_spec)

    original, module.AnsibleModule = module.AnsibleModule, capture
    try:
        module.main()
    except Captured as exc:
        return exc.spec
    finally:
        module.AnsibleModule = original
    raise AssertionError(f"{name} makes no AnsibleModule")


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_documented_in_full(name):
    told = documented(name)
    assert told["module"] == name and told["short_description"] and told["description"] and told["author"]
    assert set(told["attributes"]) >= {"check_mode", "diff_mode"}
    assert set(told["options"]) == set(argument_spec(name))
    examples = yaml.safe_load(documentation(f"plugins/modules/{name}.py", "EXAMPLES"))
    assert any(f"monq.platform.{name}" in task for task in examples)
    returned = yaml.safe_load(documentation(f"plugins/modules/{name}.py", "RETURN"))
    assert returned and all({"description", "returned", "type"} <= set(value) for value in returned.values())


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_used_by_a_role_or_a_test(name):
    used = [path for path in TASK_FILES if f"monq.platform.{name}" in {key for task in tasks(path) for key in task}]
    called = re.compile(rf"modules[.]{name}\b|monq[.]platform[.]{name}\b")
    tested = [path for path in (ROOT / "tests").rglob("test_*.py") if called.search(path.read_text(encoding="utf-8"))]
    assert used or tested


ON_THE_CONTROLLER = ("batch", "failure", "hook", "notify", "report", "status")


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ON_THE_CONTROLLER])
def test_a_module_is_a_spec_a_call_and_an_except(name):
    """rule 1"""
    path = ROOT / "plugins" / "modules" / f"{name}.py"
    main = next(
        node for node in ast.parse(path.read_text(encoding="utf-8")).body if getattr(node, "name", "") == "main"
    )
    assert sum(isinstance(node, ast.Try) for node in ast.walk(main)) == (
        name != "preflight"
    )  # what fails there is a finding
    assert main.end_lineno - main.lineno < 40
    assert argument_spec(name)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_a_check_mode(name):
    """rule 7"""
    assert "supports_check_mode=True" in (ROOT / "plugins" / "modules" / f"{name}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODULES)
def test_no_module_takes_a_secret_without_no_log(name):
    """trap 7"""
    assert not [said for option in options(argument_spec(name)) for said in [judge_secret(*option)] if said]


@pytest.mark.parametrize("name", MODULES)
def test_no_module_hands_warnings_to_exit_json(name):
    """ansible-core deprecates it: Session.result() shows them with AnsibleModule.warn"""
    tree = ast.parse((ROOT / "plugins" / "modules" / f"{name}.py").read_text(encoding="utf-8"))
    words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    words += [node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    assert "warnings" not in words


# ---- action groups


@pytest.mark.parametrize(("group", "variable"), [("monq", "_monq_run_defaults"), ("monqctl", "_monq_monqctl_defaults")])
def test_action_groups_are_the_modules_that_take_the_defaults(group, variable):
    wanted = set(load("roles/monq/vars/main/connection.yml")[variable])
    takers = {name for name in MODULES if wanted <= set(argument_spec(name))}
    assert set(load("meta/runtime.yml")["action_groups"][group]) == takers


@pytest.mark.parametrize("name", MODULES)
def test_a_module_takes_all_of_the_defaults_or_is_in_no_group(name):
    """a group hands over every option: half of them would be an error at run time"""
    groups = load("meta/runtime.yml")["action_groups"]
    defaults = load("roles/monq/vars/main/connection.yml")
    given = set().union(
        *(
            defaults[v]
            for g, v in (("monq", "_monq_run_defaults"), ("monqctl", "_monq_monqctl_defaults"))
            if name in groups[g]
        )
    )
    assert given <= set(argument_spec(name))
