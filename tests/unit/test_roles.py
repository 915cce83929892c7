"""Every role: documented, its defaults those of its argument specs, its names its own."""

from __future__ import annotations

import re

import pytest
from argument_specs import judge_secret, options
from repository import ROOT, TASK_FILES, load, tasks

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


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


def test_every_variable_that_a_survey_gives_as_text_is_typed_once():
    """-e monq_prefetch_images=false is the text "false", which is true; a survey gives "" for what was left out."""
    specs = load("roles/monq/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = load("roles/monq/defaults/main.yml")
    given = {name: spec["type"] for name, spec in specs.items() if spec["type"] in ("bool", "int", "list", "dict")}
    given |= {name: "text" for name, spec in specs.items() if spec["type"] in ("str", "path") and defaults.get(name)}
    typed = load("roles/monq/vars/main/typed.yml")
    pattern = typed.pop("_monq_version_pattern")
    taken = {re.search(r"\bmonq_\w+", value).group(0): value for value in typed.values()}
    assert {name: re.search(r"typed\('(\w+)'", value).group(1) for name, value in taken.items()} == given
    for name in [name for name in taken if given[name] in ("bool", "int", "text")]:
        said = re.search(r"typed\('\w+', (.*)\) }}", taken[name])[1].strip("'")
        expected = re.search(r"monq_\w+", defaults[name])[0] if is_derived(defaults[name]) else defaults[name]
        expected = str(expected).lower() if isinstance(expected, bool) else str(expected)
        assert {"_monq_version_pattern": pattern}.get(said, said).removeprefix("_") == expected, name
    files = [*TASK_FILES, *(str(path.relative_to(ROOT)) for path in ROOT.glob("roles/*/vars/**/*.yml"))]
    raw = [
        (file, line.strip())
        for file in files
        if not file.endswith("typed.yml")
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        for name in given
        if re.search(rf"(\{{\{{|when:|until:)[^#]*(?<![\w']){name}\b", line)
    ]
    assert raw == []
