"""Tests about the tree and about the tests: what design.md calls rules, held to by reading the files."""

from __future__ import annotations

import ast
import importlib
import re
import sys

import pytest
import yaml
from repository import ROOT, load

PLUGINS = "ansible_collections.monq.platform.plugins"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
UTILS = sorted(
    str(path.relative_to(ROOT / "plugins" / "module_utils"))[:-3]
    for path in (ROOT / "plugins" / "module_utils").rglob("*.py")
)
# Each package imports only those before it, and itself.
PACKAGES = [
    "errors",
    "version",
    "process",
    "private_file",
    "redaction",
    "k8s",
    "monqctl",
    "postgres",
    "engine",
    "arguments",
    "session",
    "upgrade",
    "checks",
    "rollback",
    "report",
]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml"))
TASK_FILES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("roles/*/tasks/*.yml", "playbooks/**/*.yml")
    for path in ROOT.glob(pattern)
)

# Files that hold no I/O: standard library and each other only.
PURE = [
    "checks/finding",
    "checks/inputs",
    "checks/rules",
    "engine/decisions",
    "engine/progress",
    "engine/steps",
    "errors",
    "k8s/account_manifest",
    "k8s/permissions",
    "k8s/rollout",
    "k8s/routes",
    "monqctl/output",
    "postgres/dump",
    "redaction/data",
    "redaction/encodings",
    "redaction/sql_rows",
    "redaction/text",
    "report/failure",
    "report/rollback",
    "report/upgrade",
    "rollback/differences",
    "rollback/sql",
    "rollback/steps",
    "upgrade/drift",
    "upgrade/replicas",
    "upgrade/template",
]
# Files that talk to the world; their library is imported where it is used, so that its absence is a message.
CLIENTS = {"kubernetes", "urllib3", "yaml", "psycopg2", "jmespath", "cryptography"}


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


def options(spec, prefix=""):
    """(name, option) of a spec and its suboptions."""
    for name, option in (spec or {}).items():
        yield prefix + name, option
        yield from options(option.get("options"), f"{prefix}{name}.")


def tasks(path):
    """Every task and block of a file, plays included."""

    def walk(items):
        for item in items or []:
            yield item
            for section in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
                yield from walk(item.get(section) if isinstance(item.get(section), list) else [])

    yield from walk(load(path))


# ---- modules


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


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ("failure", "report")])
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


SECRET = re.compile(r"password|token|secret|passphrase|private_?key|credential(?!_name|_step)", re.IGNORECASE)
# Names of things, not the things: each with no_log: false, so that Ansible does not guess.
NO_SECRETS = {
    "secretName",
    "ingress_secrets",
    "secret_step",
    "registry_token_step",
    "monq_ingress_secrets",
    "monq_registry_token_rotate",
}
HARMLESS = {"credential_name", "monq_registry_token_rotate"}


def judge_secret(name, option):
    word = name.rpartition(".")[2]
    if not SECRET.search(word) or word in HARMLESS or option["type"] in ("bool", "int"):
        return None
    if word in NO_SECRETS or word.endswith("_ingress_secrets"):
        return None if option.get("no_log") is False or option.get("options") else f"{name}: say no_log: false"
    suboptions = option.get("options") or {}
    if option.get("no_log") is not True and not suboptions:
        return f"{name}: a secret without no_log"
    return None


@pytest.mark.parametrize("name", MODULES)
def test_no_module_takes_a_secret_without_no_log(name):
    """trap 7"""
    assert not [said for option in options(argument_spec(name)) for said in [judge_secret(*option)] if said]


# ---- module_utils


@pytest.mark.parametrize("name", UTILS)
def test_module_utils_never_end_the_process(name):
    """rule 1"""
    text = (ROOT / "plugins" / "module_utils" / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    called = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & {"fail_json", "exit_json", "run_command"} and "sys.exit" not in text
    assert not [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("ansible")
    ]
    assert "shell=True" not in text and "os.system" not in text  # rule 2


def imports(name):
    """(absolute top-level names, files of module_utils) that a file imports, imports inside functions included."""
    outside, siblings, here = set(), set(), name.split("/")[:-1]
    for node in ast.walk(ast.parse((ROOT / "plugins" / "module_utils" / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            outside |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            outside.add(node.module.partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] + (node.module.split(".") if node.module else [])
            siblings |= (
                {"/".join(base)} if "/".join(base) in UTILS else {"/".join([*base, alias.name]) for alias in node.names}
            )
    return outside, siblings


@pytest.mark.parametrize("name", UTILS)
def test_a_package_imports_only_those_before_it(name):
    own = PACKAGES.index(name.partition("/")[0])
    assert imports(name)[1] <= set(UTILS)
    assert {other for other in imports(name)[1] if PACKAGES.index(other.partition("/")[0]) > own} == set()


@pytest.mark.parametrize("name", PURE)
def test_pure_files_import_the_standard_library_and_each_other(name):
    """rule 1"""
    outside, siblings = imports(name)
    assert outside <= set(sys.stdlib_module_names)
    assert siblings <= set(PURE)
    assert not outside & {"os", "socket", "subprocess", "urllib", "http", "tempfile", "threading", "time"}


@pytest.mark.parametrize("name", UTILS)
def test_other_files_import_a_library_where_they_use_it(name):
    tree = ast.parse((ROOT / "plugins" / "module_utils" / f"{name}.py").read_text(encoding="utf-8"))
    top = {alias.name.partition(".")[0] for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    top |= {node.module.partition(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 0}
    assert top <= set(sys.stdlib_module_names)
    assert imports(name)[0] - set(sys.stdlib_module_names) <= CLIENTS


def test_files_are_named_by_what_they_hold():
    """rule 11"""
    assert not {"utils", "common", "helpers", "misc"} & {part for name in UTILS for part in name.split("/")}


@pytest.mark.parametrize("name", UTILS)
def test_every_file_of_module_utils_is_named_in_a_test(name):
    texts = [
        path.read_text(encoding="utf-8")
        for folder in ("unit", "integration")
        for path in (ROOT / "tests" / folder).rglob("test_*.py")
    ]
    package, _slash, file = name.rpartition("/")
    path = rf"module_utils\.{package}" if package else "module_utils"
    assert any(re.search(rf"{path}(\.| import .*\b){file}\b", text) for text in texts)


# ---- roles


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_documented(role):
    folder = ROOT / "roles" / role
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# ")
    specs = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    assert all(spec["short_description"] for spec in specs.values())
    entry_points = {path.stem for path in (folder / "tasks").glob("*.yml")}
    assert set(specs) <= entry_points
    assert entry_points <= set(specs), "an entry point without a spec takes anything"
    for _name, option in [pair for spec in specs.values() for pair in options(spec.get("options"))]:
        assert option["type"] and option["description"]


def defaults_of(role):
    path = ROOT / "roles" / role / "defaults" / "main.yml"
    return load(path.relative_to(ROOT)) or {} if path.exists() else {}


def is_derived(value):
    return isinstance(value, str) and "{{" in value


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specs_cannot_drift(role):
    """rule 6"""
    defaults = defaults_of(role)
    specs = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    specified = {}
    for entry, spec in specs.items():
        for name, option in (spec.get("options") or {}).items():
            specified.setdefault(name, []).append((entry, option))
            if name not in defaults:
                assert "default" not in option, f"{name}: a default in the spec alone does nothing"
                continue
            if is_derived(defaults[name]):
                assert "default" not in option, f"{entry}: {name} is derived"
                said = " ".join(
                    [option["description"]] if isinstance(option["description"], str) else option["description"]
                )
                assert re.search(r"C\((monq_\w+|inventory_hostname)\)", said), (
                    f"{entry}: {name} does not say what it is derived from"
                )
                for source in re.findall(r"(?<![\w])monq_\w+", defaults[name]):
                    assert f"C({source})" in said, f"{entry}: {name} is derived from {source}"
            else:
                assert not option.get("required"), f"{entry}: {name} is required and has a default"
                assert option.get("default") == defaults[name] and type(option.get("default")) is type(
                    defaults[name]
                ), f"{entry}: {name}"
    assert set(defaults) <= set(specified), "a default that no spec knows"


@pytest.mark.parametrize("role", ROLES)
def test_public_names_begin_with_the_roles_own(role):
    """rule 6"""
    specs = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    own = "release_hub_" if role == "release_hub" else f"{role}_"
    assert all(name.startswith(own) for spec in specs.values() for name in spec.get("options") or {})
    for path in [path for path in TASK_FILES if path.startswith(f"roles/{role}/")]:
        for task in tasks(path):
            assert task.get("register", f"__{role}_").startswith(f"__{role}"), task["name"]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_takes_a_secret_without_no_log(role):
    """trap 7"""
    specs = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    assert not [
        said
        for spec in specs.values()
        for option in options(spec.get("options"))
        for said in [judge_secret(*option)]
        if said
    ]


# ---- tasks


SHELLS = {"shell", "command", "raw", "script", "expect", "win_shell", "win_command"}


@pytest.mark.parametrize("path", TASK_FILES)
def test_tasks_keep_the_rules(path):
    for task in tasks(path):
        names = {key.rpartition(".")[2] for key in task}
        where = f"{path}: {task.get('name')}"
        assert not names & SHELLS, f"{where}: rule 2: no shell"
        assert not names & {"include_role", "include_tasks"}, f"{where}: rule 4: static imports"
        assert "ignore_errors" not in task and "ignore_unreachable" not in task, f"{where}: rule 8"
        assert not names & {"pause", "vars_prompt"}, f"{where}: rule 8: no prompt"
        for key in ("ansible.builtin.set_fact", "set_fact"):
            assert not [name for name in task.get(key) or {} if name.startswith("monq_")], (
                f"{where}: rule 8: a user's variable"
            )
        assert not re.search(r"module_upgrade_module\s*==|module\s*==\s*'", str(task.get("when", ""))), (
            f"{where}: rule 5"
        )


@pytest.mark.parametrize("path", TASK_FILES)
def test_every_task_and_play_has_a_name(path):
    assert not [task for task in tasks(path) if not task.get("name")]


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_playbook_is_imports_and_guards(name):
    text = (ROOT / "playbooks" / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40


@pytest.mark.parametrize("name", [name for name in PLAYBOOKS if name not in ("site.yml", "inventory.yml")])
def test_every_playbook_demands_a_host_and_hands_over_the_defaults(name):
    first, *plays = load(f"playbooks/{name}")
    assert first["ansible.builtin.import_playbook"] == "inventory.yml"
    for play in plays:
        assert play["hosts"] == "monq"
        assert play["module_defaults"] == {
            "group/monq.platform.monq": "{{ _monq_run_defaults }}",
            "group/monq.platform.monqctl": "{{ _monq_monqctl_defaults }}",
        }


def test_the_upgrade_does_not_stop_neighbours():
    play = load("playbooks/upgrade.yml")[-1]
    assert play["strategy"].rpartition(".")[2] == "host_pinned"


# ---- the release's data


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
