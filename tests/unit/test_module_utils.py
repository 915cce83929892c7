"""Every file of module_utils: what it may import and call, its name, its test."""

from __future__ import annotations

import ast
import re
import sys

import pytest
from repository import ROOT

UTILS = sorted(
    str(path.relative_to(ROOT / "plugins" / "module_utils"))[:-3]
    for path in (ROOT / "plugins" / "module_utils").rglob("*.py")
)
# Each package imports only those before it, and itself.
PACKAGES = [
    "errors",
    "prerequisites",
    "language",
    "typed",
    "version",
    "timestamp",
    "terminal",
    "process",
    "private_file",
    "redaction",
    "live_line",
    "live_progress",
    "k8s",
    "monqctl",
    "postgres",
    "engine",
    "arguments",
    "bundle",
    "session",
    "outage",
    "upgrade",
    "checks",
    "approval",
    "rollback",
    "report",
    "cleanup",
]
# Files that hold no I/O: standard library and each other only.
PURE = [
    "approval/document",
    "approval/parts",
    "approval/text",
    "bundle/manifest",
    "checks/catalogue",
    "checks/entries_bundle",
    "checks/entries_client",
    "checks/entries_cluster",
    "checks/entries_host",
    "checks/entries_inputs",
    "checks/entries_outcome",
    "checks/entries_postgresql",
    "checks/entries_tls",
    "checks/examination",
    "checks/finding",
    "checks/ingress",
    "checks/inputs",
    "checks/quotas",
    "checks/rules",
    "cleanup/leftovers",
    "engine/decisions",
    "engine/redo",
    "engine/progress",
    "engine/steps",
    "errors",
    "k8s/account_manifest",
    "k8s/permissions",
    "k8s/repetition",
    "k8s/rollout",
    "k8s/routes",
    "language",
    "live_line",
    "monqctl/output",
    "monqctl/rules",
    "monqctl/tables",
    "outage/observations",
    "postgres/dump",
    "postgres/needs",
    "postgres/rebuild",
    "postgres/settings",
    "redaction/data",
    "redaction/encodings",
    "redaction/sql_rows",
    "redaction/text",
    "report/difference",
    "report/document",
    "report/failure",
    "report/findings",
    "report/fleet",
    "report/redactions",
    "report/rollback",
    "report/rollback_document",
    "report/sections",
    "report/status",
    "report/upgrade",
    "rollback/differences",
    "rollback/sql",
    "rollback/steps",
    "terminal",
    "timestamp",
    "typed",
    "upgrade/drift",
    "upgrade/image_names",
    "upgrade/replicas",
    "upgrade/schedule",
    "upgrade/template",
]
# Files that talk to the world; their library is imported where it is used, so that its absence is a message.
CLIENTS = {"kubernetes", "urllib3", "yaml", "psycopg2", "jmespath", "cryptography"}


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
